"""A contestant's server while it runs: asked, loaded, paused, and what it costs."""

import json
import time
from types import TracebackType
from typing import Any, Self
from urllib.request import Request, urlopen

from bench.contestants.contestant import Contestant
from bench.load import Load, Post, closed_loop, open_loop, rotation
from bench.processes import ProcessTree
from bench.workloads import Question, Workload
from tools.served import Served

LOOK_S, PATIENCE_S = 0.1, 5.0
IDLE_CORES = 0.3  # some poll while they have nothing to do


class Running:
    """A contestant's server, from its start to the end of the last of its processes."""

    def __init__(self, contestant: Contestant) -> None:
        """Start it and wait until it is ready.

        Raises:
            NoRivals: it is not installed.
        """
        contestant.check()
        self.contestant = contestant
        self._served = Served(
            contestant.environment, command=contestant.command, probe=contestant.probe
        )
        self.tree = ProcessTree(self._served.process.pid)

    def __enter__(self) -> Self:
        """Return the running server."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self._served.url

    @property
    def seconds_to_ready(self) -> float:
        """From the start of the process to the first 200 of its probe."""
        return self._served.seconds_to_ready

    def url(self, task: str) -> str:
        """Return where a task is asked for."""
        return self.base_url + self.contestant.paths[task]

    def ask(self, task: str, picture: bytes) -> dict[str, Any]:
        """Return the answer about one picture."""
        request = Request(
            self.url(task),
            self.contestant.body(picture),
            {"Content-Type": self.contestant.content_type},
        )
        with urlopen(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    def closed_loop(self, workload: Workload, *, concurrency: int, seconds: float) -> Load:
        """Keep `concurrency` requests in flight; in turns where there are several kinds.

        Raises:
            NoGenerator: `h2load` is missing.
        """
        posts = [self._post(question) for question in workload.questions]
        self.settle()
        if len(posts) > 1:
            return rotation(posts, concurrency=concurrency, seconds=seconds)
        return closed_loop(posts[0], concurrency=concurrency, seconds=seconds)

    def open_loop(self, workload: Workload, *, rate: float, seconds: float) -> Load:
        """Send `rate` requests a second whether or not answers come."""
        posts = [self._post(question) for question in workload.questions]
        self.settle()
        return open_loop(posts, rate=rate, seconds=seconds)

    def settle(self) -> None:
        """Wait for the end of what a generator left in flight when it had measured enough."""
        end = time.monotonic() + PATIENCE_S
        busy = True
        while busy and time.monotonic() < end:
            cpu_s = self.tree.cpu_seconds()
            time.sleep(LOOK_S)
            busy = self.tree.cpu_seconds() - cpu_s > IDLE_CORES * LOOK_S

    def stop(self) -> None:
        """End the server politely, and then whatever it left behind."""
        self.tree.resume()
        started = self.tree.pids()
        self._served.stop()
        ProcessTree.kill(started)

    def _post(self, question: Question) -> Post:
        return Post(
            self.url(question.task),
            self.contestant.body(question.picture()),
            self.contestant.content_type,
        )
