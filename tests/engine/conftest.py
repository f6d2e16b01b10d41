"""A clock that only the test moves; what is started for it is closed at its end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from service.engine.manifest import ModelFolder
from service.engine.pool import CpuPool
from service.engine.repository import EngineLimits, Repository
from service.engine.scheduler import Scheduler
from tests.engine.benches import Bench
from tests.engine.fakes import Clock, Recorder
from tests.engine.loading import Load, Sessions


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


@pytest.fixture
def load() -> Iterator[Load]:
    """Return what loads folders on one CPU, unless told otherwise."""
    with ExitStack() as stack:

        def load(*folders: ModelFolder, sessions: Any = None, **choices: Any) -> Repository:
            preferred = choices.pop("preferred", None)
            observer = choices.pop("observer", Recorder())
            repository = Repository(
                folders,
                limits=EngineLimits(**{"cpus": 1, **choices}),
                observer=observer,
                preferred=preferred,
                open_session=sessions or Sessions(),
            )
            stack.callback(repository.close)
            return repository

        yield load
