"""Jobs, for those who ask for them: the one class that the layers above use."""

import asyncio
import logging
from concurrent.futures import Future
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from service.errors import (
    JobCanceled,
    JobFailed,
    JobNotFinished,
    JobNotFound,
    ShuttingDown,
    StartupError,
)
from service.jobs.changes import LOOK_S, Changes
from service.jobs.database import Database
from service.jobs.files import CONTENT, STYLE, Files, open_files, prune
from service.jobs.job import Event, Job, JobSpec, Page, Painter, Status
from service.jobs.ledger import Ledger
from service.jobs.settings import JobSettings
from service.jobs.standby import Standby
from service.jobs.webhook import Webhooks

if TYPE_CHECKING:
    from service.jobs.worker import Worker

log = logging.getLogger(__name__)


class Jobs:
    """Accepts jobs, tells how they are, hands out their pictures; paints, if it is to.

    Everything but `wait` and `events` asks the database or the disk and returns: the event loop
    has a thread call it.
    """

    def __init__(
        self, settings: JobSettings, painter: Painter | None, files: Files | None = None
    ) -> None:
        """Open the database and the files; take up what dead processes left.

        Args:
            settings: the operator's.
            painter: paints; not needed where `concurrency` is 0.
            files: where the pictures are, unless in `data_dir`.

        Raises:
            StartupError: the settings contradict each other, or something cannot be opened.
        """
        self._draining = False
        self._worker: Worker | Standby | None = None
        with ExitStack() as opened:
            self._webhooks = Webhooks(settings.webhook_hosts, settings.webhook_secret)
            self._files = files or open_files(settings.data_dir)
            if "://" in settings.data_dir and not settings.url:
                raise StartupError("jobs in a remote data directory need a PostgreSQL database")
            self._database = Database(
                settings.database_url, shared=settings.shared, paints=settings.concurrency > 0
            )
            opened.callback(self._database.close)
            self._ledger = Ledger(
                self._database, max_queued=settings.max_queued, ttl_s=settings.ttl_s
            )
            if not self._database.shared:
                self._ledger.drop_unfinished_uploads()
            self._changes = Changes(self._ledger.revisions, shared=self._database.shared)
            self._database.listeners.append(self._changes.note)
            opened.callback(self._changes.close)
            if settings.concurrency:
                if painter is None:
                    raise StartupError("there is nothing to paint jobs with")
                self._worker = self._open_worker(settings, painter)
            self._opened = opened.pop_all()

    def _open_worker(self, settings: JobSettings, painter: Painter) -> "Worker | Standby":
        def make() -> "Worker":
            # DBOS takes half a second to import; whoever does not paint does without it.
            from service.jobs.worker import Worker

            return Worker(settings, self._database, self._files, self._webhooks, painter)

        if self._database.sqlite:
            look_s = LOOK_S if self._database.shared else settings.heartbeat_s
            return Standby(make, self._ledger.has_work, look_s=look_s)
        return make()

    def submit(
        self,
        spec: JobSpec,
        content: bytes,
        style: bytes | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Job:
        """Accept a job: once this returns it will be done, whatever becomes of this process.

        Returns:
            The new job; or, if the owner used the key before for the same, the one of then.

        Raises:
            InvalidOption: the webhook may not be called.
            Overloaded: too many jobs wait.
            IdempotencyConflict: the owner used the key before, for something else.
            StorageFull: there is no room for the pictures.
            DeadlineExceeded: storing them took minutes.
            ShuttingDown: this process ends.
        """
        if self._draining:
            raise ShuttingDown("the service is draining")
        if spec.webhook is not None:
            self._webhooks.check(spec.webhook)
        ticket = self._ledger.admit(spec, spec.fingerprint(content, style), idempotency_key)
        if ticket.is_new:
            try:
                pictures = {CONTENT: content} if style is None else {CONTENT: content, STYLE: style}
                self._files.write(ticket.job_id, pictures)
                self._ledger.enqueue(ticket.job_id)
            except BaseException:
                prune(self._files, ticket.job_id)
                self._ledger.forget(ticket.job_id)
                raise
            if self._worker is not None:
                self._worker.hint()
        return self.get(ticket.job_id, spec.owner)

    def get(self, job_id: str, owner: str) -> Job:
        """Return a job, with its costs so far.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
        """
        return self._ledger.get(job_id, owner)

    def page(self, owner: str, *, limit: int, cursor: str | None = None) -> Page:
        """Return some of an owner's jobs without their costs, the newest first.

        Raises:
            InvalidOption: the cursor is none that a page had.
        """
        return self._ledger.page(owner, limit, cursor)

    def waiting(self) -> int:
        """Return how many jobs wait for a painter, everybody's."""
        return self._ledger.waiting()

    def result(self, job_id: str, owner: str) -> bytes:
        """Return the finished picture, PNG.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
            JobNotFinished: it is not finished.
            JobFailed: it failed.
            JobCanceled: it was canceled.
        """
        row = self._ledger.row(job_id, owner)
        match Status(row.status):
            case Status.SUCCEEDED:
                return self._read(row, row.result)
            case Status.CANCELED:
                raise JobCanceled("the job was canceled")
            case Status.FAILED:
                raise JobFailed(row.failure_detail, reason=row.failure_code)
            case status:
                raise JobNotFinished(f"the job is {status}", job_status=status.value)

    def preview(self, job_id: str, owner: str) -> bytes:
        """Return the latest picture that there is, PNG.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
            JobNotFinished: there is no picture yet.
            JobFailed: it failed.
            JobCanceled: it was canceled.
        """
        while (row := self._ledger.row(job_id, owner)).status == Status.RUNNING and row.preview:
            try:
                return self._files.read(job_id, row.preview)
            except FileNotFoundError:  # the next one has replaced it
                if self._ledger.row(job_id, owner).preview == row.preview:
                    raise
        return self.result(job_id, owner)

    def cancel(self, job_id: str, owner: str) -> Job:
        """Cancel a job that has not ended; remove one that has. Its files are removed either way.

        Returns:
            The job: canceled, or as it was before it was removed.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
            JobCanceled: it was canceled before.
        """
        row = self._ledger.row(job_id, owner)
        if row.status == Status.CANCELED:
            raise JobCanceled("the job was canceled before")
        if self._ledger.cancel(job_id):
            job = self.get(job_id, owner)
        else:
            job = self.get(job_id, owner)
            self._ledger.expire(job_id)
        if self._worker is not None:
            self._worker.stop(job_id)
        prune(self._files, job_id)
        return job

    async def wait(self, job_id: str, owner: str, *, timeout_s: float) -> Job:
        """Return a job when it has changed, has ended, or the time is over.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
        """
        job = await asyncio.to_thread(self.get, job_id, owner)
        if not job.status.final and timeout_s > 0:
            await self._change(job_id, job.revision, timeout_s)
            job = await asyncio.to_thread(self.get, job_id, owner)
        return job

    async def events(
        self, job_id: str, owner: str, *, after: int = 0, timeout_s: float = 0.0
    ) -> list[Event]:
        """Return a job's events numbered above `after`; wait for one, if there is none yet.

        Returns:
            The events in order; nothing follows one whose status is final. None of them if the
            time is over.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
            ShuttingDown: this process ends; another one will know what follows.
        """
        found = await asyncio.to_thread(self._ledger.events, job_id, owner, after)
        if not found and timeout_s > 0:
            await self._change(job_id, after, timeout_s)
            found = await asyncio.to_thread(self._ledger.events, job_id, owner, after)
        if not found and self._draining:
            raise ShuttingDown("the service is draining")
        return found

    def sweep(self) -> int:
        """Remove what is left of some jobs that expired; workers do that all the time."""
        return 0 if self._worker is None else self._worker.sweep()

    def drain(self) -> None:
        """Accept nothing more, and send home whoever waits."""
        self._draining = True
        self._changes.close()

    def close(self, grace_s: float = 10.0) -> None:
        """Stop at the next checkpoints, for which there are `grace_s`; let others go on."""
        self.drain()
        worker, self._worker = self._worker, None
        try:
            if worker is not None:
                worker.close(grace_s)
        finally:
            self._opened.close()

    async def _change(self, job_id: str, revision: int, timeout_s: float) -> None:
        future: Future[None] = await asyncio.to_thread(self._changes.after, job_id, revision)
        try:
            await asyncio.wait([asyncio.wrap_future(future)], timeout=timeout_s)
        finally:
            future.cancel()

    def _read(self, row: sa.Row[Any], name: str) -> bytes:
        try:
            return self._files.read(row.id, name)
        except FileNotFoundError:  # it was removed at this moment
            raise JobNotFound("there is no such job") from None
