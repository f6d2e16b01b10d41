"""Batches formed from whatever arrived while the sessions were busy. Knows no arrays."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from service.engine.deadline import Deadline
from service.engine.pool import CpuPool, Lane
from service.engine.turns import Turns
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
    """Runs items on a pool's threads, several items at a time where that is allowed.

    A turn takes what is waiting, but leaves their share to the other turns that may run: of six
    items for two instances it takes three. It never waits for company unless `max_delay_s` says
    so; then it takes all that fits, for which it waited. Items whose callers left, or whose
    deadline passed, are skipped when they are reached. If a batch of several fails, each of its
    items is run again alone, so that only the culprit fails.

    How much may wait is not decided here: `Admission` bounds it before any work is done.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Answer]],
        *,
        pool: CpuPool,
        instances: int,
        max_rows: int,
        max_delay_s: float = 0.0,
    ) -> None:
        """Start idle.

        Args:
            run: answers a batch, one answer an item, in order; called from several threads.
            pool: whose threads take the turns.
            instances: batches that may run at once.
            max_rows: rows of one batch at most; a bigger item runs alone.
            max_delay_s: how long a turn waits for a batch to fill up; 0 for not at all.
        """
        self._run = run
        self._pool = pool
        self._instances = instances
        self._max_rows = max_rows
        self._max_delay_s = max_delay_s
        self._waiting: Turns[_Entry[Item, Answer]] = Turns()
        self._turns = 0
        self._changed = threading.Condition()
        self._closing = False

    @property
    def waiting(self) -> int:
        """Items that no turn has taken yet."""
        return len(self._waiting)

    def submit(
        self,
        item: Item,
        *,
        rows: int = 1,
        deadline: Deadline,
        gone: Callable[[], bool] = lambda: False,
        caller: str = "",
        here: bool = False,
    ) -> Future[Answer]:
        """Queue an item; the future's callbacks run on one of the pool's threads.

        Args:
            item: passed to `run` as it is.
            rows: what it counts for in a batch.
            deadline: after which it is skipped with `DeadlineExceeded`.
            gone: asked when its turn comes; if true it is skipped with `CancelledError`.
            caller: who takes turns with others.
            here: whether a turn that is free may be taken at once, by this thread, which is one of
                the pool's: the item is then answered when this returns.

        Raises:
            ShuttingDown: the scheduler is closed.
        """
        entry: _Entry[Item, Answer] = _Entry(item, rows, deadline, gone)
        with self._changed:
            if self._closing:
                raise ShuttingDown("the service is shutting down")
            self._waiting.append(entry, caller)
            self._changed.notify_all()  # company, for a turn that waits for it
            needs_turn = self._turns < self._instances
            self._turns += needs_turn
        if needs_turn and here:
            self._turn()
        elif needs_turn:
            self._pool.submit(self._turn, Lane.RUN)
        return entry.answer

    def close(self) -> None:
        """Take nothing more, and wait until what is queued has run."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turns == 0)

    def _turn(self) -> None:
        """Run one batch, then hand the thread back; another turn follows while items wait."""
        batch = self._take()
        if live := [entry for entry in batch if not entry.expire()]:
            self._answer(live)
        with self._changed:
            go_on = bool(self._waiting)
            if not go_on:
                self._turns -= 1
                self._changed.notify_all()
        if go_on:
            self._pool.submit(self._turn, Lane.RUN)

    def _take(self) -> list[_Entry[Item, Answer]]:
        """Return this turn's share of what waits; nothing if other turns were faster."""
        with self._changed:
            share = -(-len(self._waiting) // self._instances)
            if self._max_delay_s:
                self._wait_for_company()
                share = len(self._waiting)
            batch: list[_Entry[Item, Answer]] = []
            rows = 0
            while self._waiting and len(batch) < share:
                rows += self._waiting.first().rows
                if batch and rows > self._max_rows:
                    break
                batch.append(self._waiting.popleft())
            return batch

    def _wait_for_company(self) -> None:
        full_at = time.monotonic() + self._max_delay_s
        while not self._closing and sum(entry.rows for entry in self._waiting) < self._max_rows:
            if not self._changed.wait(full_at - time.monotonic()):
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
