"""A clock that only the test moves; schedulers and pipelines that are closed at its end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from service.engine.pool import CpuPool
from service.engine.scheduler import Scheduler
from tests.engine.benches import Bench
from tests.engine.fakes import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which deadlines go in this test."""
    clock = Clock()
    monkeypatch.setattr("service.engine.deadline.time", clock)
    return clock


@pytest.fixture
def start() -> Iterator[Callable[..., Scheduler[int, int]]]:
    """Return what starts a scheduler of numbers, on one thread unless told otherwise."""
    with ExitStack() as stack:

        def start(
            run: Callable[[Sequence[int]], Sequence[int]], **choices: Any
        ) -> Scheduler[int, int]:
            choices = {"instances": 1, "max_rows": 8, **choices}
            pool = CpuPool(choices["instances"])
            stack.callback(pool.close)
            scheduler = Scheduler(run, pool=pool, **choices)
            stack.callback(scheduler.close)
            return scheduler

        yield start


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """Return what sets up a pipeline, with a session and in ways that the test chooses."""
    with ExitStack() as stack:

        def bench(*arguments: Any, **choices: Any) -> Bench:
            made = Bench(*arguments, **choices)
            stack.callback(made.close)
            return made

        yield bench
