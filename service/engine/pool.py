"""The bounded pool of threads that all computing is done on."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from typing import TypeVar

from service.engine.turns import Turns

T = TypeVar("T")

log = logging.getLogger(__name__)


class Lane(IntEnum):
    """What goes first: finishing an answer, then running a network, then starting a request."""

    FINISH = 0
    RUN = 1
    START = 2


class CpuPool:
    """A fixed number of threads that finish what is under way before they start anything new.

    A plain first-in-first-out executor makes a picture that already left the network wait for
    the decoding of every picture that came after it. Here work has lanes, and an earlier lane goes
    first; within a lane callers take turns, and the order of arrival holds for each.

    Networks on the CPU run on these threads too. With as many threads as CPUs nothing is ever
    preempted by work of our own, and since a thread takes up what it just submitted itself, one
    picture is decoded, run and answered on one core, with its pixels in that core's cache.
    """

    def __init__(self, threads: int, *, name: str = "cpu") -> None:
        """Start `threads` daemon threads."""
        self.threads = threads
        self._lanes: tuple[Turns[Callable[[], object]], ...] = tuple(Turns() for _ in Lane)
        self._wake = threading.Condition()
        self._closing = False
        self._worker = threading.local()
        self._workers = [
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True)
            for index in range(threads)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, call: Callable[[], object], lane: Lane = Lane.START, caller: str = "") -> None:
        """Run `call` on one of the threads; what it raises is logged as the bug that it is.

        Raises:
            RuntimeError: the pool is closed.
        """
        with self._wake:
            if self._closing:
                raise RuntimeError("the pool is closed")
            self._lanes[lane].append(call, caller)
            if getattr(self._worker, "will_look", False):
                # This thread is one of ours and about to look for work: no need to wake another.
                self._worker.will_look = False
            else:
                self._wake.notify()

    def run(self, call: Callable[[], T], lane: Lane = Lane.START) -> Future[T]:
        """Run `call` on one of the threads, unless its future is cancelled before its turn."""
        future: Future[T] = Future()

        def settle() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except Exception as error:  # noqa: BLE001  (it belongs to whoever waits)
                    future.set_exception(error)

        self.submit(settle, lane)
        return future

    @property
    def waiting(self) -> int:
        """Calls that no thread has taken yet."""
        return sum(map(len, self._lanes))

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while (call := self._next()) is not None:
            self._worker.will_look = True
            try:
                call()
            except Exception:  # a thread that died would take its share of the pool with it
                log.exception("a call on the CPU pool failed")
            del call  # and the picture with it, which should not wait for the next one

    def _next(self) -> Callable[[], object] | None:
        with self._wake:
            while True:
                for lane in self._lanes:
                    if lane:
                        return lane.popleft()
                if self._closing:
                    return None
                self._wake.wait()
