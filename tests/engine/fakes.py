"""What stands in for onnxruntime, for the metrics and for the clock in the engine's tests."""

import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from service.arrays import Array
from service.tasks.base import TensorInfo

PATIENCE_S = 30.0  # so that a test that waits for what never comes fails instead of hanging


class FakeSession:
    """Says of every row of `image` how dark and how bright it is; `before` may delay or fail."""

    provider = "FakeExecutionProvider"

    def __init__(
        self, before: Callable[[Array], object] = lambda _: None, *, batch: int | None = None
    ) -> None:
        self.inputs = (TensorInfo("image", (batch, 4, 4, 3), "uint8"),)
        self.outputs = (TensorInfo("scores", (batch, 2), "float32"),)
        self.runs: list[int] = []
        self.closed = False
        self._before = before

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        assert not self.closed
        rows = feeds["image"].reshape(len(feeds["image"]), -1)
        self.runs.append(len(rows))
        self._before(rows)
        bright = rows.mean(axis=1) / 255
        return {"scores": np.stack([1 - bright, bright], axis=1).astype(np.float32)}

    def close(self) -> None:
        self.closed = True


class Recorder:
    """An observer that remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.batches: list[int] = []
        self.drops: list[str] = []

    def stage(self, model: str, stage: str, seconds: float) -> None:
        assert seconds >= 0
        self.stages.append(stage)

    def batch(self, model: str, rows: int) -> None:
        self.batches.append(rows)

    def dropped(self, model: str, reason: str) -> None:
        self.drops.append(reason)


class Clock:
    """A clock that only a test moves; it may take the place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    monotonic = perf_counter = __call__

    def pass_s(self, seconds: float) -> None:
        self.now += seconds


class Gate:
    """Holds everyone who comes until it is opened, and lets a test wait for an arrival."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._arrivals = threading.Semaphore(0)

    def __call__(self, *_: object) -> None:
        self._arrivals.release()
        assert self._opened.wait(PATIENCE_S)

    def wait_for_arrival(self) -> None:
        assert self._arrivals.acquire(timeout=PATIENCE_S)

    def open(self) -> None:
        self._opened.set()
