"""Arrays in, arrays out: what a network's numbers mean. Pure NumPy."""

from typing import Any

from service.tasks.base import Task
from service.tasks.classify import Classify

TASKS: dict[str, type[Task[Any, Any, Any]]] = {task.name: task for task in (Classify,)}
"""Every task by the name that manifests use; adding a task is adding it here."""
