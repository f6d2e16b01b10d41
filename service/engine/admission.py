"""How many requests a model has in hand, how long the next would wait, and when to say no."""

import threading
import time
from collections.abc import Callable

from service.engine.deadline import Deadline
from service.errors import Overloaded, ShuttingDown

SMOOTHING = 1 / 16  # weight of the newest interval in the moving average


class Admission:
    """Admits work while its predicted wait is acceptable; the only place that says `Overloaded`.

    The wait is predicted from what is observed, not from what a network should cost: the
    smoothed interval between departures while there is work, times the work ahead (Little's
    law). Decoding, other models and a throttled CPU are all in that interval.
    """

    def __init__(
        self,
        *,
        max_in_flight: int,
        max_wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
            max_in_flight: requests admitted and not yet answered; bounds memory.
            max_wait_s: refuse when the predicted wait is longer, however patient the caller.
            clock: seconds, monotonic.
        """
        self.in_flight = 0
        self._max_in_flight = max_in_flight
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._interval_s = 0.0
        self._last_event = 0.0
        self._closed = False
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)

    def seed(self, interval_s: float) -> None:
        """Set the first guess of the interval between departures, from a measured run."""
        with self._lock:
            self._interval_s = interval_s

    @property
    def predicted_wait_s(self) -> float:
        """Return how long a request that arrives now would wait for the work ahead of it."""
        return self.in_flight * self._interval_s

    def check(self, deadline: Deadline) -> None:
        """Do nothing if a request with this deadline would be admitted now.

        Raises:
            Overloaded: the queue is full, or the wait too long; says when to come back.
            ShuttingDown: the service is draining.
        """
        if self._closed:
            raise ShuttingDown("the service is shutting down")
        wait_s = self.predicted_wait_s
        allowed_s = min(self._max_wait_s, deadline.remaining_s())
        if self.in_flight >= self._max_in_flight:
            raise Overloaded("the queue is full", retry_after_s=max(wait_s, self._interval_s))
        if self.in_flight and wait_s > allowed_s:
            raise Overloaded(
                f"the predicted wait is {wait_s:.1f} s; {max(allowed_s, 0):.1f} s are allowed",
                retry_after_s=wait_s,
            )

    def admit(self, deadline: Deadline) -> "Ticket":
        """Count a request in until its ticket is released.

        Raises:
            Overloaded, ShuttingDown: as `check`.
        """
        with self._lock:
            self.check(deadline)
            if self.in_flight == 0:
                self._last_event = self._clock()
            self.in_flight += 1
        return Ticket(self)

    def close(self, timeout_s: float) -> bool:
        """Admit nothing more and wait until everything in hand is answered.

        Returns:
            False if `timeout_s` passed first.
        """
        with self._idle:
            self._closed = True
            return self._idle.wait_for(lambda: self.in_flight == 0, timeout_s)

    def _release(self, *, completed: bool) -> None:
        with self._lock:
            self.in_flight -= 1
            if completed:
                now = self._clock()
                interval = now - self._last_event
                first = self._interval_s == 0.0
                weight = 1.0 if first else SMOOTHING
                self._interval_s += weight * (interval - self._interval_s)
                self._last_event = now
            if self.in_flight == 0:
                self._idle.notify_all()


class Ticket:
    """One admitted request; releasing it twice counts once."""

    __slots__ = ("_admission", "_released")

    def __init__(self, admission: Admission) -> None:
        """Remember whom to tell."""
        self._admission = admission
        self._released = False

    def release(self, *, completed: bool) -> None:
        """Count the request out.

        Args:
            completed: whether it went all the way; a request dropped on the way says nothing
                about how fast the work goes.
        """
        if not self._released:
            self._released = True
            self._admission._release(completed=completed)
