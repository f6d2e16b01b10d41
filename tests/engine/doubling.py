"""Numbers for a scheduler to work on, where the right answer is plain: twice as much."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future

from service.engine.deadline import Deadline
from service.engine.scheduler import Scheduler
from tests.engine.fakes import PATIENCE_S, Gate

NEVER = Deadline.never()
PASSED = Deadline(0.0)
Start = Callable[..., Scheduler[int, int]]


class Doubler:
    """Answers twice each item, and remembers the batches; items with a gate wait there."""

    def __init__(self, gates: dict[int, Gate] | None = None, poison: frozenset[int] = frozenset()):
        self.batches: list[list[int]] = []
        self._gates = gates or {}
        self._poison = poison

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        for item in items:
            if item in self._gates:
                self._gates[item]()
        if self._poison & set(items):
            raise ValueError(f"cannot double {items}")
        return [2 * item for item in items]


def submit(scheduler: Scheduler[int, int], *items: int) -> list[Future[int]]:
    return [scheduler.submit(item, deadline=NEVER) for item in items]


def results(futures: Sequence[Future[int]]) -> list[int]:
    return [future.result(PATIENCE_S) for future in futures]
