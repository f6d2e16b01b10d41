from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.faces.networks import Sessions
from tests.engine.faces.services import Service
from tests.engine.fakes import Gate
from tests.engine.loading import Load


@pytest.fixture
def service(load: Load, tmp_path: Path) -> Service:
    """Return the three networks as they come."""
    return Service(load, tmp_path, Sessions())


@pytest.fixture
def held(load: Load, tmp_path: Path) -> Callable[..., tuple[Service, Gate]]:
    """Return what holds one of the networks, once it is warm, until the gate is opened."""

    def held(name: str, **limits: Any) -> tuple[Service, Gate]:
        gate, holding = Gate(), []
        service = Service(
            load, tmp_path, Sessions(**{name: lambda rows: holding and gate()}), **limits
        )
        holding.append(True)
        return service, gate

    return held
