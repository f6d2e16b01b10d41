"""A worker that is made when there is work for it."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.jobs.worker import Worker

log = logging.getLogger(__name__)


class Standby:
    """Stands in for a worker that nobody needed yet.

    DBOS takes half a second of the start, 20 MB and some threads; a service that paints nothing
    does without. Only for a database where no other process paints: others may die and leave
    theirs, and a worker has to be there to look.

    Attributes:
        worker: the worker, once there is one.
    """

    def __init__(
        self, make: Callable[[], "Worker"], has_work: Callable[[], bool], *, look_s: float
    ) -> None:
        """Make the worker at once, if there is work that an earlier process left.

        Args:
            make: makes the worker.
            has_work: asks the database whether a worker would find anything to do.
            look_s: how often that is asked without a hint: jobs expire whether or not others come.

        Raises:
            StartupError: there is work, and nobody can do it.
        """
        self._make = make
        self._has_work = has_work
        self._look_s = look_s
        self.worker: Worker | None = None
        self._making = threading.Lock()
        self._hint = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._stand_by, name="jobs-standby", daemon=True)
        if has_work():
            self.begin()
        else:
            self._thread.start()

    def begin(self) -> "Worker":
        """Return the worker, made now if there was none."""
        with self._making:
            if self.worker is None:
                self.worker = self._make()
                self.worker.hint()  # for a job that came after it looked, before it was known
            return self.worker

    def hint(self) -> None:
        """Say that there may be something to do."""
        self._hint.set()
        if self.worker is not None:
            self.worker.hint()

    def stop(self, job_id: str) -> None:
        """Let the painter of a job know that nobody wants the picture any more."""
        if self.worker is not None:
            self.worker.stop(job_id)

    def sweep(self) -> int:
        """Remove all that is left of some jobs that expired, and return how many there were."""
        return self.begin().sweep() if self._has_work() else 0

    def close(self, timeout_s: float) -> None:
        """Close the worker, if there is one; there will be none from now on."""
        self._closing.set()
        self._hint.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self.worker is not None:
            self.worker.close(timeout_s)

    def _stand_by(self) -> None:
        while not self._closing.is_set():
            self._hint.clear()
            try:
                if self._has_work():
                    self.begin()
                    return
            except Exception:  # the jobs wait; the database may be back the next time
                log.exception("no worker could be made")
            self._hint.wait(self._look_s)
