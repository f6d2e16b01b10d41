"""Processes with jobs in them that a test may kill at any moment."""

import importlib
import multiprocessing
import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from service.jobs.job import JobSpec
from service.jobs.jobs import Jobs
from service.jobs.settings import JobSettings
from tests.jobs.painters import ChainPainter
from tests.serving import PATIENCE_S

# Forked off a process that has imported everything, each is there in a moment.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["pytest", "service.jobs.worker", __name__])


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """The moment at which a process kills itself: before or after a call of a function."""

    function: str  # module:class.name
    call: int = 1
    after: bool = True

    def arrange(self) -> None:
        module, _, path = self.function.partition(":")
        owner, name = path.split(".")
        place = getattr(importlib.import_module(module), owner)
        original, calls = getattr(place, name), 0

        def deadly(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == self.call and not self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = original(*args, **kwargs)
            if calls == self.call:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        setattr(place, name, deadly)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job to be, and the pictures for it."""

    spec: JobSpec
    content: bytes
    style: bytes | None = None


def _host(settings: JobSettings, trace: Path, orders: Connection, death: Death | None) -> None:
    if death is not None:
        death.arrange()
    jobs = Jobs(settings, ChainPainter(trace))
    orders.send(None)
    while (order := orders.recv()) is not None:
        orders.send(jobs.submit(order.spec, order.content, order.style).id)
    jobs.close()


class Host:
    """A process that accepts jobs, and paints them."""

    def __init__(self, settings: JobSettings, trace: Path, death: Death | None = None) -> None:
        self._orders, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_host, args=(settings, trace, theirs, death))
        self.process.start()
        theirs.close()
        self._answer()

    def submit(self, submission: Submission) -> str:
        """Have it accept a job; return its id."""
        self._orders.send(submission)
        job_id: str = self._answer()
        return job_id

    def signal(self, number: signal.Signals) -> None:
        assert self.process.pid
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """End it where it stands."""
        self.process.kill()
        self.dies()

    def dies(self) -> None:
        """Wait until it is gone, killed."""
        self.process.join(PATIENCE_S)
        assert self.process.exitcode == -signal.SIGKILL

    def close(self) -> None:
        """End it politely."""
        self._orders.send(None)
        self.process.join(PATIENCE_S)
        assert self.process.exitcode == 0

    def _answer(self) -> Any:
        assert self._orders.poll(PATIENCE_S), "the process does not answer"
        return self._orders.recv()
