"""When to ask again, and when to give up."""

import math
import random
import time

import httpx

from service.client.problems import ChiasmProblem, unanswered

BACKOFF_S, MAX_BACKOFF_S = 0.5, 8.0
NOT_TAKEN = frozenset({429, 503})  # the request was refused before anything was done
BROKEN_OFF = 502  # by a proxy that lost the server meanwhile, as if the connection had broken
POLL_S = 20.0  # how long the server is asked to wait for a change of a job; it allows 60
PAUSE_S = 1.0  # after an answer that came early and told nothing, as of a server that ends
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def backoff_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row: a random time that may grow.

    Source: "full jitter" of Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
    """
    return random.uniform(0, min(MAX_BACKOFF_S, BACKOFF_S * 2**failures))


class Attempts:
    """The attempts of one call, which together take no longer than its caller waits."""

    def __init__(self, *, retries: int, timeout_s: float, repeatable: bool) -> None:
        """Start the clock.

        Args:
            retries: attempts besides the first at most.
            timeout_s: of all attempts, and of the pauses between them.
            repeatable: whether a request may be sent again that was perhaps carried out.
        """
        self._failures = 0
        self._retries = retries
        self._repeatable = repeatable
        self._until = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Return how long the next attempt may take."""
        return max(0.0, self._until - time.monotonic())

    def after(self, error: httpx.RequestError | ChiasmProblem) -> float:
        """Return how long to wait before the next attempt, seconds.

        Raises:
            ChiasmProblem: there is no next attempt: it would not help, would come too late, or
                might do twice what was asked for once.
        """
        problem = error if isinstance(error, ChiasmProblem) else unanswered(error)
        again = self._failures < self._retries and self._helps(error)
        retry_after_s = problem.retry_after_s
        pause_s = backoff_s(self._failures) if retry_after_s is None else retry_after_s
        if not again or pause_s >= self.left_s():
            raise problem
        self._failures += 1
        return pause_s

    def _helps(self, error: httpx.RequestError | ChiasmProblem) -> bool:
        if isinstance(error, ChiasmProblem):
            # An earlier attempt, whose answer got lost, may still be on its way to become a job.
            overtook = error.code == "idempotency_conflict" and self._failures > 0
            broke = error.status == BROKEN_OFF and self._repeatable
            return error.status in NOT_TAKEN or overtook or broke
        if isinstance(error, NOT_SENT):
            return True
        return isinstance(error, httpx.TransportError) and self._repeatable


class Patience:
    """How long somebody waits for a job, in requests that each wait for a change."""

    def __init__(self, *, timeout_s: float | None, request_s: float) -> None:
        """Start the clock.

        Args:
            timeout_s: of all requests together; None never gives up.
            request_s: how long one request may take.
        """
        self._until = math.inf if timeout_s is None else time.monotonic() + timeout_s
        self._longest_s = min(POLL_S, request_s / 2)
        self._due = 0.0

    def poll_s(self) -> float:
        """Return how long the next request may ask the server to wait.

        Raises:
            ChiasmProblem: the time is over.
        """
        now = time.monotonic()
        if now >= self._until:
            raise ChiasmProblem(0, "timeout", "the job goes on, but the time to wait is over")
        wait_s = min(self._longest_s, self._until - now)
        self._due = now + wait_s
        return wait_s

    def pause_s(self, *, changed: bool) -> float:
        """Return how long to wait before the next request, seconds.

        Args:
            changed: whether the last one told anything new.
        """
        early = time.monotonic() < self._due
        return PAUSE_S if early and not changed else 0.0
