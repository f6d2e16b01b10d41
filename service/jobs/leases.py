"""The jobs as workers see them: whose turn it is, who has it, and who is still alive.

A worker that claims a job gets a lease: a number that grows with every claim. Every change that a
worker makes names its lease, and changes nothing if the job was claimed by somebody else since: a
worker that was only thought dead cannot spoil what its successor does.

Source: the fencing token of M. Kleppmann, "How to do distributed locking" (2016).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from service.jobs.database import Database, events, jobs, workers
from service.jobs.job import Failure, Progress, Status

NOBODY = ""  # works on a job that has a worker's work left to do
EXPIRED_AT_ONCE = 20


class HandedOver(BaseException):
    """This process has no business with the job any more; whoever claims it next goes on.

    Not an `Exception`, so that DBOS does not record it as the end of the workflow.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A worker's hold on a job.

    Attributes:
        job_id: of the job.
        lease: proves the hold; the highest is the one that counts.
        attempts: claims since the job last got any further, this one included.
        is_first: nobody ever had the job before.
    """

    job_id: str
    lease: int
    attempts: int
    is_first: bool


class Leases:
    """One worker's dealings with the tables."""

    def __init__(
        self, database: Database, worker_id: str, *, slots: int, dead_after_s: float, ttl_s: float
    ) -> None:
        """Take the tables as they are; nothing is claimed before `beat`."""
        self._database = database
        self._worker_id = worker_id
        self._slots = slots
        self._dead_after_s = dead_after_s
        self._ttl_s = ttl_s

    def beat(self) -> bool:
        """Say that this worker lives.

        Returns:
            Whether it was known.
        """
        now = self._database.now
        with self._database.writing() as connection:
            mine = sa.update(workers).where(workers.c.id == self._worker_id).values(beat_at=now)
            known = connection.execute(mine).rowcount > 0
            if not known:
                connection.execute(
                    sa.insert(workers).values(id=self._worker_id, slots=self._slots, beat_at=now)
                )
        return known

    def bury(self, silent_s: float) -> list[str]:
        """Forget the workers that said nothing for so long, and return their ids.

        Where only one process may have the database, no other worker can be alive: 0 is right.
        """
        dead = sa.and_(
            workers.c.id != self._worker_id, workers.c.beat_at <= self._database.now - silent_s
        )
        with self._database.writing() as connection:
            statement = sa.delete(workers).where(dead).returning(workers.c.id)
            return list(connection.execute(statement).scalars())

    def leave(self) -> None:
        """Say that this worker is gone."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(workers).where(workers.c.id == self._worker_id))

    def claim(self) -> Claim | None:
        """Take the oldest job that waits or whose worker is dead; None if there is none."""
        alive = sa.select(workers.c.id).where(
            workers.c.beat_at > self._database.now - self._dead_after_s
        )
        waits = sa.and_(jobs.c.status == Status.QUEUED, jobs.c.worker.is_(None))
        orphaned = sa.and_(
            jobs.c.worker.is_not(None),
            jobs.c.worker != self._worker_id,  # see `abandon`
            jobs.c.worker.not_in(alive),
        )
        oldest = (
            sa.select(jobs.c.id)
            .where(sa.or_(waits, orphaned))
            .order_by(jobs.c.created_at, jobs.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        with self._database.writing() as connection:
            row = connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == oldest)
                .values(
                    worker=self._worker_id,
                    lease=jobs.c.lease + 1,
                    attempts=jobs.c.attempts + 1,
                )
                .returning(jobs)
            ).one_or_none()
            if row is None:
                return None
            claim = Claim(
                job_id=row.id,
                lease=row.lease,
                attempts=row.attempts,
                is_first=row.started_at is None,
            )
            starts = self._database.change_in(
                connection,
                sa.and_(self._held(claim), jobs.c.status == Status.QUEUED),
                status=Status.RUNNING,
                started_at=self._database.now,
            )
        if starts is not None:
            self._database.tell(starts)
        return claim

    def row(self, claim: Claim) -> sa.Row[Any]:
        """Return the job's row.

        Raises:
            HandedOver: somebody else has the job.
        """
        with self._database.reading() as connection:
            row = connection.execute(sa.select(jobs).where(self._held(claim))).one_or_none()
        if row is None:
            raise HandedOver
        return row

    def advance(self, claim: Claim, progress: Progress, **files: str | None) -> Status:
        """Note how far a running job is; the files in question are stored already.

        Returns:
            Where the job is now: somebody may have canceled it.

        Raises:
            HandedOver: somebody else has the job.
            StorageFull: there is no room for the change.
        """
        values: dict[str, Any] = {"step": progress.step, "steps": progress.steps, **files}
        if files.get("checkpoint"):
            values["attempts"] = 0
        if files.get("result"):
            ended = {"status": Status.SUCCEEDED, "checkpoint": None, "preview": None}
            values |= ended | self._ends()
        row = self._database.change(self._running(claim), costs=progress.costs, **values)
        return Status((row or self.row(claim)).status)

    def fail(self, claim: Claim, failure: Failure) -> Status:
        """Note that a running job failed.

        Returns:
            Where the job is now: somebody may have canceled it before.

        Raises:
            HandedOver: somebody else has the job.
            StorageFull: there is no room for the change.
        """
        row = self._database.change(
            self._running(claim),
            status=Status.FAILED,
            failure_code=failure.code,
            failure_detail=failure.detail,
            checkpoint=None,
            preview=None,
            **self._ends(),
        )
        return Status((row or self.row(claim)).status)

    def release(self, claim: Claim, *, done: bool) -> None:
        """Give up the hold on a job; unless all is done, somebody else shall go on with it."""
        with self._database.writing() as connection:
            statement = sa.update(jobs).where(self._held(claim))
            connection.execute(statement.values(worker=None if done else NOBODY))

    def held(self) -> dict[str, int]:
        """Return the leases that this worker has, by job."""
        mine = sa.select(jobs.c.id, jobs.c.lease).where(jobs.c.worker == self._worker_id)
        with self._database.reading() as connection:
            return {row.id: row.lease for row in connection.execute(mine)}

    def abandon(self, job_ids: Collection[str]) -> None:
        """Leave jobs of this worker to whoever claims them next, itself perhaps."""
        mine = sa.and_(jobs.c.worker == self._worker_id, jobs.c.id.in_(job_ids))
        with self._database.writing() as connection:
            connection.execute(sa.update(jobs).where(mine).values(worker=NOBODY))

    def expired(self) -> list[str]:
        """Return jobs that nobody may see any more and nobody works on, some at a time."""
        over = sa.and_(jobs.c.worker.is_(None), jobs.c.expires_at <= self._database.now)
        with self._database.reading() as connection:
            return list(
                connection.execute(
                    sa.select(jobs.c.id).where(over).limit(EXPIRED_AT_ONCE)
                ).scalars()
            )

    def erase(self, ids: Collection[str]) -> None:
        """Remove the records of jobs."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(events).where(events.c.job_id.in_(ids)))
            connection.execute(sa.delete(jobs).where(jobs.c.id.in_(ids)))

    def _held(self, claim: Claim) -> sa.ColumnElement[bool]:
        return sa.and_(
            jobs.c.id == claim.job_id,
            jobs.c.worker == self._worker_id,
            jobs.c.lease == claim.lease,
        )

    def _running(self, claim: Claim) -> sa.ColumnElement[bool]:
        return sa.and_(self._held(claim), jobs.c.status == Status.RUNNING)

    def _ends(self) -> dict[str, Any]:
        now = self._database.now
        return {"finished_at": now, "expires_at": now + self._ttl_s}
