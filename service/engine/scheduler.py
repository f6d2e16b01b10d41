"""Batches formed from whatever arrived while the sessions were busy. Knows no arrays."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.engine.deadline import Deadline
from service.errors import DeadlineExceeded, ShuttingDown

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Entry(Generic[Item, Answer]):
    item: Item
    rows: int
    deadline: Deadline
    gone: Callable[[], bool]
    answer: Future[Answer] = field(default_factory=Future)

    def expire(self) -> bool:
        """Settle the entry if nobody waits for it any more, and say whether that was so.

        From here on the future cannot be cancelled, so that its answer always finds it.
        """
        if not self.answer.set_running_or_notify_cancel():
            return True
        if self.gone():
            self.answer.set_exception(CancelledError())
        elif self.deadline.remaining_s() <= 0:
            self.answer.set_exception(
                DeadlineExceeded("the deadline passed while the request waited for the network")
            )
        else:
            return False
        return True


class Scheduler(Generic[Item, Answer]):
    """Runs items on a fixed number of threads, several at a time where that is allowed.

    A thread that becomes free takes what is waiting, but leaves its share to the other threads:
    with two threads and six items it takes three. It never waits for company unless `max_delay_s`
    says so; then it takes all that fits, for which it waited. Items whose callers left, or whose
    deadline passed, are skipped when they are reached. If a batch of several fails, each of its
    items is run again alone, so that only the culprit fails.

    How much may wait is not decided here: `Admission` bounds it before any work is done.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Answer]],
        *,
        threads: int,
        max_rows: int,
        max_delay_s: float = 0.0,
        name: str = "model",
    ) -> None:
        """Start the threads.

        Args:
            run: answers a batch, one answer an item, in order; called from several threads.
            threads: batches that may run at once.
            max_rows: rows of one batch at most; a bigger item runs alone.
            max_delay_s: how long a thread waits for a batch to fill up; 0 for not at all.
            name: for the threads' names.
        """
        self._run = run
        self._max_rows = max_rows
        self._max_delay_s = max_delay_s
        self._waiting: deque[_Entry[Item, Answer]] = deque()
        self._arrived = threading.Condition()
        self._closing = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True)
            for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Items that no thread has taken yet."""
        return len(self._waiting)

    def submit(
        self,
        item: Item,
        *,
        rows: int = 1,
        deadline: Deadline,
        gone: Callable[[], bool] = lambda: False,
    ) -> Future[Answer]:
        """Queue an item; the future's callbacks run on one of the scheduler's threads.

        Args:
            item: passed to `run` as it is.
            rows: what it counts for in a batch.
            deadline: after which it is skipped with `DeadlineExceeded`.
            gone: asked when its turn comes; if true it is skipped with `CancelledError`.

        Raises:
            ShuttingDown: the scheduler is closed.
        """
        entry: _Entry[Item, Answer] = _Entry(item, rows, deadline, gone)
        with self._arrived:
            if self._closing:
                raise ShuttingDown("the service is shutting down")
            self._waiting.append(entry)
            self._arrived.notify()
        return entry.answer

    def close(self) -> None:
        """Run what is queued, then end the threads."""
        with self._arrived:
            self._closing = True
            self._arrived.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            if live := [entry for entry in batch if not entry.expire()]:
                self._answer(live)

    def _take(self) -> list[_Entry[Item, Answer]] | None:
        """Wait for work and return this thread's share of it; None when it is time to end."""
        with self._arrived:
            while not self._waiting:
                if self._closing:
                    return None
                self._arrived.wait()
            share = -(-len(self._waiting) // len(self._threads))
            if self._max_delay_s:
                self._wait_for_company()
                share = len(self._waiting)
            batch: list[_Entry[Item, Answer]] = []
            rows = 0
            while self._waiting and len(batch) < share:
                rows += self._waiting[0].rows
                if batch and rows > self._max_rows:
                    break
                batch.append(self._waiting.popleft())
            if self._waiting:  # their notice may have gone to this thread while it waited
                self._arrived.notify()
            return batch

    def _wait_for_company(self) -> None:
        full_at = time.monotonic() + self._max_delay_s
        while not self._closing and sum(entry.rows for entry in self._waiting) < self._max_rows:
            if not self._arrived.wait(full_at - time.monotonic()):
                return

    def _answer(self, batch: list[_Entry[Item, Answer]]) -> None:
        try:
            answers = self._run([entry.item for entry in batch])
            settled = list(zip(batch, answers, strict=True))
        except Exception as error:  # noqa: BLE001  (whatever it is belongs to the callers)
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
                return
            for entry in batch:
                self._answer([entry])
            return
        for entry, answer in settled:
            entry.answer.set_result(answer)
