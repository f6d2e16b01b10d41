"""The one bounded pool of CPU threads for decoding, preprocessing and postprocessing."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


class CpuPool:
    """A fixed number of threads that finish what is under way before they start anything new.

    A plain first-in-first-out executor makes a picture that already left the network wait for
    the decoding of every picture that came after it. Here work has two lanes, and the urgent
    one goes first; within a lane the order of arrival holds.
    """

    def __init__(self, threads: int) -> None:
        """Start `threads` daemon threads."""
        self.threads = threads
        self._urgent: deque[Callable[[], object]] = deque()
        self._normal: deque[Callable[[], object]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._workers = [
            threading.Thread(target=self._work, name=f"cpu-{index}", daemon=True)
            for index in range(threads)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, call: Callable[[], object], *, urgent: bool = False) -> None:
        """Run `call` on one of the threads; what it raises is logged as the bug that it is.

        Raises:
            RuntimeError: the pool is closed.
        """
        with self._wake:
            if self._closing:
                raise RuntimeError("the pool is closed")
            (self._urgent if urgent else self._normal).append(call)
            self._wake.notify()

    def run(self, call: Callable[[], T], *, urgent: bool = False) -> Future[T]:
        """Run `call` on one of the threads, unless its future is cancelled before its turn."""
        future: Future[T] = Future()

        def settle() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except Exception as error:  # noqa: BLE001  (it belongs to whoever waits)
                    future.set_exception(error)

        self.submit(settle, urgent=urgent)
        return future

    def close(self) -> None:
        """Finish what was submitted, then end the threads."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while (call := self._next()) is not None:
            try:
                call()
            except Exception:  # a thread that died would take its share of the pool with it
                log.exception("a call on the CPU pool failed")

    def _next(self) -> Callable[[], object] | None:
        with self._wake:
            while not (self._urgent or self._normal):
                if self._closing:
                    return None
                self._wake.wait()
            return (self._urgent or self._normal).popleft()
