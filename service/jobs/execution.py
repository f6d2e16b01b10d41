"""One worker's go at one job: from its last checkpoint to its end, or as far as it gets."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from service.engine.pool import CpuPool
from service.engine.priority import yield_to_others
from service.errors import ChiasmError, InvalidOption, StorageFull
from service.jobs.files import CONTENT, STYLE, Files, prune
from service.jobs.job import Failure, Painter, Progress, Status
from service.jobs.leases import Claim, HandedOver, Leases
from service.jobs.rows import job_of
from service.jobs.webhook import WAITS_S, Webhooks, message
from service.jobs.workflow import step

log = logging.getLogger(__name__)

KINDS = ("checkpoint", "preview", "result")  # of files; names of `Progress` and of columns
LEASE = re.compile(r"[a-z]+-\d+-(\d+)")  # in the name of a file that an execution wrote
# A picture that kills the process each time must not do so for ever.
MAX_ATTEMPTS = 20


class Execution:
    """What a claim entitles to: paint, store, note, and tidy up.

    Each step of the workflow may be run again by another process, if this one dies before DBOS
    recorded that it was done; it then finds it done.
    """

    def __init__(
        self,
        claim: Claim,
        *,
        leases: Leases,
        files: Files,
        painter: Painter,
        threads: CpuPool,
        closing: threading.Event,
    ) -> None:
        """Read nothing yet.

        Args:
            claim: the hold on the job.
            leases: whose it is.
            files: where the job's files are.
            painter: paints it.
            threads: paints on them, and nothing else does.
            closing: set when the process is about to end.
        """
        self.claim = claim
        self.begun = False  # its workflow runs
        self.has_slot = True  # it may paint, now or soon
        self._stop = threading.Event()
        self._leases = leases
        self._files = files
        self._painter = painter
        self._threads = threads
        self._closing = closing
        self._painting: Iterator[Progress] | None = None
        self._said: Future[Progress | None] = Future()

    def stop(self) -> None:
        """Ask the painter to end; what becomes of the job is decided elsewhere."""
        self._stop.set()

    def run(self, webhooks: Webhooks, painted: Callable[[], None]) -> None:
        """Be the workflow: see `service.jobs.workflow`.

        Args:
            webhooks: tells that the job ended.
            painted: called when the painter is free for another job.

        Raises:
            HandedOver: the job is somebody else's, or this process has to leave it.
        """
        status: str = Status.RUNNING
        while status == Status.RUNNING:
            status = step("paint", self.advance)
        painted()
        step("tidy", self.tidy)
        log.info("a job %s", status, extra=fields(self.claim.job_id))
        job = job_of(self._leases.row(self.claim))
        if job.spec.webhook and status != Status.CANCELED:
            self._tell(webhooks, job.spec.webhook, message(job))
        step("release", partial(self._leases.release, self.claim, done=True))

    def advance(self) -> str:
        """Paint up to the next checkpoint and keep it.

        Returns:
            The status of the job then.

        Raises:
            HandedOver: the job is somebody else's, or this process has to leave it.
        """
        try:
            return self._advance().value
        except SQLAlchemyError as error:
            log.warning("a job is given up, for now: its database fails: %s", error)
            raise HandedOver from error
        except Exception as error:  # noqa: BLE001  (whatever a painter does, its job must end)
            return self._fail(error).value

    def tidy(self) -> None:
        """Remove every file that an ended job does not need any more.

        Raises:
            HandedOver: the job is somebody else's.
        """
        prune(self._files, self.claim.job_id, keep=[self._leases.row(self.claim).result])

    def abandon(self) -> None:
        """Wait no longer for a painter that does not stop."""
        self._painting = None
        with suppress(InvalidStateError):
            self._said.set_exception(HandedOver())

    def close(self) -> None:
        """Let the painter go; it must not be painting."""
        close = getattr(self._painting, "close", None)
        if close is not None:
            self._threads.run(close).result()
        self._painting = None

    def _tell(self, webhooks: Webhooks, url: str, body: bytes) -> None:
        for wait_s in WAITS_S:
            if step("webhook", partial(self._knock, webhooks, url, body, wait_s)):
                return
        log.warning("nobody could be told that a job ended", extra=fields(self.claim.job_id))

    def _knock(self, webhooks: Webhooks, url: str, body: bytes, wait_s: float) -> bool:
        if self._closing.wait(wait_s):
            raise HandedOver
        try:
            return webhooks.send(url, body)
        except InvalidOption as error:
            log.warning("nobody is told that a job ended: %s", error.detail)
            return True

    def _advance(self) -> Status:
        row = self._leases.row(self.claim)
        if row.status != Status.RUNNING:
            return Status(row.status)
        if self._closing.is_set():
            raise HandedOver
        if self.claim.attempts > MAX_ATTEMPTS:
            raise RuntimeError(f"the job ended {MAX_ATTEMPTS} processes without getting further")
        if self._painting is None:
            self._painting = self._open(row)
        progress = self._paint(self._painting)
        if progress is not None:
            return self._keep(row, progress)
        if self._closing.is_set():
            raise HandedOver
        status = Status(self._leases.row(self.claim).status)
        if status is Status.RUNNING:
            raise RuntimeError("the painter ended without a result")
        return status

    def _paint(self, painting: Iterator[Progress]) -> Progress | None:
        """Have a painter go on, and wait for what it says, or for `abandon`."""
        said: Future[Progress | None] = Future()
        self._said = said

        def go_on() -> None:
            yield_to_others()
            with suppress(InvalidStateError):
                try:
                    said.set_result(next(painting, None))
                except BaseException as error:  # noqa: BLE001  (it belongs to whoever waits)
                    said.set_exception(error)

        self._threads.submit(go_on)
        return said.result()

    def _open(self, row: sa.Row[Any]) -> Iterator[Progress]:
        """Read what the painter needs, and remove what an attempt left that broke off."""
        job_id = self.claim.job_id
        names = self._files.names(job_id)
        used = (row.checkpoint, row.preview)
        self._files.remove(job_id, [one for one in names if one not in used and self._older(one)])
        return self._painter.paint(
            job_of(row).spec,
            self._files.read(job_id, CONTENT),
            self._files.read(job_id, STYLE) if STYLE in names else None,
            self._files.read(job_id, row.checkpoint) if row.checkpoint else None,
            lambda: self._stop.is_set() or self._closing.is_set(),
        )

    def _older(self, name: str) -> bool:
        """Return whether an earlier claim wrote the file; a later one's are not ours to judge."""
        match = LEASE.match(name)
        return match is not None and int(match[1]) < self.claim.lease

    def _keep(self, row: sa.Row[Any], progress: Progress) -> Status:
        """Store what a painter gave, then note it, then remove what that replaces."""
        job_id = self.claim.job_id
        given = {
            f"{kind}-{progress.step}-{self.claim.lease}": data
            for kind in KINDS
            if (data := getattr(progress, kind)) is not None
        }
        names = {name.partition("-")[0]: name for name in given}
        self._files.write(job_id, given)
        try:
            status = self._leases.advance(self.claim, progress, **names)
        except (StorageFull, HandedOver):  # nothing else says for sure that it was not noted
            self._files.remove(job_id, list(given))
            raise
        replaced = [getattr(row, kind) for kind in names]
        self._files.remove(job_id, [name for name in replaced if name and name not in given])
        return status

    def _fail(self, error: Exception) -> Status:
        status = Status(self._leases.row(self.claim).status)
        if status is not Status.RUNNING:  # it was canceled, and its files taken away meanwhile
            return status
        if isinstance(error, ChiasmError):
            failure = Failure(code=error.code, detail=error.detail)
        else:
            log.error("a job failed", exc_info=error, extra=fields(self.claim.job_id))
            failure = Failure(code="internal_error", detail="an unexpected error; the log has it")
        try:
            return self._leases.fail(self.claim, failure)
        except StorageFull:
            prune(self._files, self.claim.job_id)  # to make room for a record of that
            return self._leases.fail(self.claim, failure)


def fields(job_id: str) -> dict[str, dict[str, str]]:
    """Return what makes a log line tell which job it is about."""
    return {"fields": {"job": job_id}}
