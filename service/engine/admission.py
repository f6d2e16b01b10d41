"""How many requests a model has in hand, how long the next would wait, and when to say no."""

import threading
import time
from collections import Counter
from collections.abc import Callable

from service.engine.deadline import Deadline
from service.errors import Overloaded, ShareExceeded, ShuttingDown

SMOOTHING = 1 / 16  # weight of the newest interval in the moving average


class Admission:
    """Admits work while its predicted wait is acceptable; the only place that says `Overloaded`.

    The wait is predicted from what is observed, not from what a network should cost: the
    smoothed interval between departures while there is work, times the work ahead (Little's
    law). Decoding, other models and a throttled CPU are all in that interval.

    Callers take turns, so what one of them has in hand beyond its own next request does not make
    another wait, and is not counted as work ahead of it. Of the queue each may hold an equal share:
    a caller that sends ten times what the service can do is refused, and one that sends half of it
    is not, and does not notice.
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
            max_in_flight: requests admitted and not yet answered; bounds memory. Right after others
                have come, a caller may still hold what it was allowed alone, and they their shares.
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
        self._held: Counter[str] = Counter()  # by caller; who holds nothing is not in it
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

    def check(self, deadline: Deadline, caller: str = "") -> None:
        """Do nothing if a request with this deadline would be admitted now.

        Raises:
            Overloaded: the queue is full, or the wait too long; says when to come back.
            ShareExceeded: it is so for this caller, who has more in hand than others.
            ShuttingDown: the service is draining.
        """
        if self._closed:
            raise ShuttingDown("the service is shutting down")
        held, wait_s = self._ahead(caller)
        callers = len(self._held) + (caller not in self._held)
        allowed_s = min(self._max_wait_s, deadline.remaining_s())
        if held >= max(1, self._max_in_flight // callers):
            reason = "the queue is full" if callers == 1 else "your share of the queue is full"
        elif self.in_flight and wait_s > allowed_s:
            reason = f"the predicted wait is {wait_s:.3f} s; {max(allowed_s, 0):.3f} s are allowed"
        else:
            return
        greedy = held * callers > self.in_flight and callers > 1
        kind = ShareExceeded if greedy else Overloaded
        raise kind(reason, retry_after_s=max(wait_s, self._interval_s))

    def admit(self, deadline: Deadline, caller: str = "") -> "Ticket":
        """Count a request in until its ticket is released.

        Args:
            deadline: the request's.
            caller: whose it is, where callers are told apart.

        Raises:
            Overloaded, ShareExceeded, ShuttingDown: as `check`.
        """
        with self._lock:
            self.check(deadline, caller)
            if self.in_flight == 0:
                self._last_event = self._clock()
            self.in_flight += 1
            self._held[caller] += 1
        return Ticket(self, caller)

    def close(self, timeout_s: float) -> bool:
        """Admit nothing more and wait until everything in hand is answered.

        Returns:
            False if `timeout_s` passed first.
        """
        with self._idle:
            self._closed = True
            return self._idle.wait_for(lambda: self.in_flight == 0, timeout_s)

    def _ahead(self, caller: str) -> tuple[int, float]:
        """Return what a caller has in hand, and how long its next request would wait.

        Of every other caller no more goes before it than goes of its own.
        """
        held = self._held.get(caller, 0)
        others = self.in_flight - held
        if others:
            turns = [
                min(count, held + 1) for who, count in dict(self._held).items() if who != caller
            ]
            others = sum(turns)
        return held, (held + others) * self._interval_s

    def _release(self, caller: str, *, completed: bool) -> None:
        with self._lock:
            self.in_flight -= 1
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]
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

    __slots__ = ("_admission", "_released", "caller")

    def __init__(self, admission: Admission, caller: str) -> None:
        """Remember whom to tell, and of whom."""
        self.caller = caller
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
            self._admission._release(self.caller, completed=completed)
