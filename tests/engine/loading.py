"""Sessions for a repository to open, in place of onnxruntime's."""

from collections.abc import Callable
from pathlib import Path

from service.arrays import Array
from service.engine.repository import Repository
from service.engine.session import Device
from service.tasks.base import TensorInfo
from tests.engine.fakes import FakeSession

Load = Callable[..., Repository]


class Sessions:
    """Opens fake sessions, and remembers them and what was asked for."""

    def __init__(self, *made: FakeSession) -> None:
        self.opened: list[FakeSession] = []
        self.asked: list[tuple[str, Device, int]] = []
        self._made = list(made)

    def __call__(self, path: Path, device: Device, threads: int) -> FakeSession:
        self.asked.append((path.parent.name, device, threads))
        self.opened.append(self._made.pop(0) if self._made else FakeSession())
        return self.opened[-1]


def session(shape: tuple[int | None, ...], scores: tuple[int | None, ...]) -> FakeSession:
    fake = FakeSession()
    fake.inputs = (TensorInfo("image", shape, "uint8"),)
    fake.outputs = (TensorInfo("scores", scores, "float32"),)
    return fake


def broken(error: Exception) -> FakeSession:
    def fail(_: Array) -> None:
        raise error

    return FakeSession(fail)
