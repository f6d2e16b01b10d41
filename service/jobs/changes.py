"""Waiting for a job to change, for any number of callers, without a thread or a query for each."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

log = logging.getLogger(__name__)

LOOK_S = 0.2  # how often changes that other processes make are looked for, while somebody waits


class Changes:
    """Futures that come true when a job's revision passes a number."""

    def __init__(
        self, revisions: Callable[[Collection[str]], Mapping[str, int]], *, shared: bool
    ) -> None:
        """Listen to `note`.

        Args:
            revisions: returns those of jobs, in one query.
            shared: other processes change jobs too; they have to be looked for.
        """
        self._revisions = revisions
        self._waiting: dict[str, dict[Future[None], int]] = {}
        self._lock = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._look, name="jobs-changes", daemon=True)
        if shared:
            self._thread.start()

    def after(self, job_id: str, revision: int) -> Future[None]:
        """Return a future that comes true when the job's revision is higher, or all is closed.

        It asks the database once, so the event loop must not call it. Whoever does not want to
        wait any longer cancels the future.
        """
        future: Future[None] = Future()
        with self._lock:
            closed = self._closed
            self._waiting.setdefault(job_id, {})[future] = revision
            self._lock.notify()
        future.add_done_callback(lambda done: self._discard(job_id, done))
        # The change may have come between the caller's look and this one's listening; a job that
        # is gone has changed, too.
        if closed or self._revisions([job_id]).get(job_id, revision + 1) > revision:
            _fulfil(future)
        return future

    def note(self, job_id: str, revision: int) -> None:
        """Fulfil what waits for a job."""
        with self._lock:
            waiting = list(self._waiting.get(job_id, {}).items())
        for future, after in waiting:
            if after < revision:
                _fulfil(future)

    def close(self) -> None:
        """Fulfil everything, and listen no more."""
        with self._lock:
            self._closed = True
            waiting = [future for futures in self._waiting.values() for future in futures]
            self._lock.notify()
        for future in waiting:
            _fulfil(future)
        if self._thread.is_alive():
            self._thread.join()

    def _discard(self, job_id: str, future: Future[None]) -> None:
        with self._lock:
            futures = self._waiting.get(job_id, {})
            futures.pop(future, None)
            if not futures:
                self._waiting.pop(job_id, None)

    def _look(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._closed or self._waiting)
                if self._closed:
                    return
                ids = list(self._waiting)
            try:
                found = self._revisions(ids)
            except Exception:  # the database may be back the next time
                log.exception("could not look for changes of jobs")
                found = {}
            for job_id, revision in found.items():
                self.note(job_id, revision)
            with self._lock:
                self._lock.wait_for(lambda: self._closed, LOOK_S)


def _fulfil(future: Future[None]) -> None:
    with suppress(InvalidStateError):  # whoever waited is gone, or knows already
        future.set_result(None)
