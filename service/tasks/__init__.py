"""Arrays in, arrays out: what a network's numbers mean. Pure NumPy."""

from typing import Any

from service.tasks.base import Task
from service.tasks.classify import Classify
from service.tasks.detect import Detect
from service.tasks.faces import FaceDetect, FaceEmbed, FaceLandmarks
from service.tasks.segment import Segment
from service.tasks.style.encode import StyleEncode
from service.tasks.style.optimize_task import StyleOptimize
from service.tasks.style.transfer import StylePresets, StyleTransform

TASKS: dict[str, type[Task[Any, Any, Any]]] = {
    task.name: task
    for task in (
        Classify,
        Detect,
        FaceDetect,
        FaceLandmarks,
        FaceEmbed,
        Segment,
        StylePresets,
        StyleEncode,
        StyleTransform,
        StyleOptimize,
    )
}
"""Every task by the name that manifests use; adding a task is adding it here."""
