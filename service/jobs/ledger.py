"""The jobs as those see them who ask for them."""

import hashlib
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from service.errors import (
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidOption,
    JobNotFound,
    Overloaded,
)
from service.jobs.database import Database, events, jobs, not_expired, workers
from service.jobs.job import Event, Job, JobSpec, Page, Status
from service.jobs.rows import costs_of, event_of, job_of

RECEIVING_S = 300.0  # after which a job whose pictures were never stored is swept away
USUAL_S = 10.0  # how long a job is taken to last before one has finished
RECENT = 20  # jobs whose time is averaged to tell how long the next will take
JOB_ID = re.compile(r"[0-9a-f]{32}")
CURSOR = re.compile(r"([0-9]+\.[0-9]+)_([0-9a-f]{32})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The place of a new job in the queue, or the job that the same request got before."""

    job_id: str
    is_new: bool


class Ledger:
    """Reads jobs, and writes what does not need a worker."""

    def __init__(self, database: Database, *, max_queued: int, ttl_s: float) -> None:
        """Take the tables as they are."""
        self._database = database
        self._max_queued = max_queued
        self._ttl_s = ttl_s

    def admit(self, spec: JobSpec, fingerprint: str, key: str | None) -> Ticket:
        """Keep a place for a job whose files are not stored yet; it ends if they never are.

        Where several processes do this at the same moment, each may let one job too many in.

        Raises:
            Overloaded: too many jobs wait.
            IdempotencyConflict: the key belongs to another request.
            StorageFull: there is no room for a record.
        """
        job_id = secrets.token_hex(16)
        if key is not None:
            key = hashlib.sha256(key.encode()).hexdigest()  # of one length, whatever callers send
        if key is not None and (earlier := self._earlier(spec.owner, key, fingerprint)):
            return earlier
        try:
            with self._database.writing() as connection:
                connection.execute(
                    sa.insert(jobs).values(
                        id=job_id,
                        owner=spec.owner,
                        idempotency_key=key,
                        fingerprint=fingerprint,
                        method=spec.method,
                        options=dict(spec.options),
                        webhook=spec.webhook,
                        created_at=spec.created_at,
                        status=Status.RECEIVING,
                        expires_at=self._database.now + RECEIVING_S,
                    )
                )
                self._refuse_too_many(connection)
        except IntegrityError:  # the same request, at the same moment
            if key is not None and (earlier := self._earlier(spec.owner, key, fingerprint)):
                return earlier
            raise
        return Ticket(job_id=job_id, is_new=True)

    def enqueue(self, job_id: str) -> None:
        """Let a job whose files are stored be worked on.

        Raises:
            DeadlineExceeded: storing them took so long that the place was given away.
            StorageFull: there is no room for the change.
        """
        receiving = sa.and_(
            jobs.c.id == job_id,
            jobs.c.status == Status.RECEIVING,
            jobs.c.expires_at > self._database.now,
        )
        if self._database.change(receiving, status=Status.QUEUED, expires_at=None) is None:
            raise DeadlineExceeded("storing the pictures took too long")

    def forget(self, job_id: str) -> None:
        """Remove the record of a job that was never queued."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(jobs).where(jobs.c.id == job_id))

    def row(self, job_id: str, owner: str) -> sa.Row[Any]:
        """Return a job's row.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
        """
        row = None
        if JOB_ID.fullmatch(job_id):
            own = sa.and_(jobs.c.id == job_id, jobs.c.owner == owner, not_expired(self._database))
            with self._database.reading() as connection:
                row = connection.execute(sa.select(jobs).where(own)).one_or_none()
        if row is None:
            raise JobNotFound("there is no such job")
        return row

    def get(self, job_id: str, owner: str) -> Job:
        """Return a job with its costs.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
        """
        row = self.row(job_id, owner)
        with self._database.reading() as connection:
            chunks = connection.execute(
                sa.select(events.c.costs)
                .where(events.c.job_id == job_id, events.c.number <= row.revision)
                .order_by(events.c.number)
            ).scalars()
            return job_of(row, costs=costs_of(one for chunk in chunks for one in chunk))

    def events(self, job_id: str, owner: str, after: int) -> list[Event]:
        """Return a job's events with numbers above `after`.

        Raises:
            JobNotFound: there is no such job, or it is somebody else's.
        """
        self.row(job_id, owner)
        with self._database.reading() as connection:
            rows = connection.execute(
                sa.select(events)
                .where(events.c.job_id == job_id, events.c.number > after)
                .order_by(events.c.number)
            ).all()
        return [event_of(row) for row in rows]

    def page(self, owner: str, limit: int, cursor: str | None) -> Page:
        """Return some of an owner's jobs, the newest first.

        Raises:
            InvalidOption: the cursor is none of ours.
        """
        query = (
            sa.select(jobs)
            .where(jobs.c.owner == owner, not_expired(self._database))
            .order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            last = sa.tuple_(jobs.c.created_at, jobs.c.id)
            query = query.where(last < sa.tuple_(*_position(cursor)))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        more = len(rows) > limit
        rows = rows[:limit]
        following = f"{rows[-1].created_at!r}_{rows[-1].id}" if more else None
        return Page(jobs=tuple(job_of(row) for row in rows), cursor=following)

    def cancel(self, job_id: str) -> bool:
        """End a job that has not ended; whoever works on it sees that at the next checkpoint.

        Returns:
            False if it had ended.
        """
        unfinished = jobs.c.status.in_((Status.QUEUED, Status.RUNNING))
        row = self._database.change(
            sa.and_(jobs.c.id == job_id, unfinished),
            status=Status.CANCELED,
            checkpoint=None,
            preview=None,
            finished_at=self._database.now,
            expires_at=self._database.now + self._ttl_s,
        )
        return row is not None

    def expire(self, job_id: str) -> None:
        """Let nobody see a job any more; the next sweep removes what is left of it."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == job_id)
                .values(expires_at=0.0, idempotency_key=None)
            )

    def revisions(self, ids: Collection[str]) -> Mapping[str, int]:
        """Return the revisions of jobs, in one query."""
        query = sa.select(jobs.c.id, jobs.c.revision).where(jobs.c.id.in_(ids))
        with self._database.reading() as connection:
            return {row.id: row.revision for row in connection.execute(query)}

    def drop_unfinished_uploads(self) -> None:
        """Let jobs expire whose files nobody is storing any more."""
        with self._database.writing() as connection:
            receiving = jobs.c.status == Status.RECEIVING
            connection.execute(sa.update(jobs).where(receiving).values(expires_at=0.0))

    def has_work(self) -> bool:
        """Return whether a worker would find anything to do, or to tidy up."""
        left = sa.or_(
            jobs.c.status == Status.QUEUED,
            jobs.c.worker.is_not(None),
            jobs.c.expires_at <= self._database.now,
        )
        with self._database.reading() as connection:
            found = sa.or_(sa.exists().where(left), sa.exists().select_from(workers))
            return bool(connection.execute(sa.select(found)).scalar_one())

    def waiting(self) -> int:
        """Return how many jobs wait for a worker."""
        with self._database.reading() as connection:
            return _waiting(connection)

    def _earlier(self, owner: str, key: str, fingerprint: str) -> Ticket | None:
        same = sa.and_(jobs.c.owner == owner, jobs.c.idempotency_key == key)
        with self._database.writing() as connection:
            expired = sa.and_(same, jobs.c.expires_at <= self._database.now)
            connection.execute(sa.update(jobs).where(expired).values(idempotency_key=None))
            row = connection.execute(sa.select(jobs).where(same)).one_or_none()
        if row is None:
            return None
        if row.fingerprint != fingerprint:
            raise IdempotencyConflict("the idempotency key was used for another request")
        if row.status == Status.RECEIVING:
            raise IdempotencyConflict("a request with this idempotency key is still being read")
        return Ticket(job_id=row.id, is_new=False)

    def _refuse_too_many(self, connection: sa.Connection) -> None:
        waiting = _waiting(connection) - 1  # besides the one that comes
        if waiting < self._max_queued:
            return
        lasted = sa.select((jobs.c.finished_at - jobs.c.started_at).label("s")).where(
            jobs.c.status == Status.SUCCEEDED
        )
        recent = lasted.order_by(jobs.c.finished_at.desc()).limit(RECENT).subquery()
        mean_s = connection.execute(sa.select(sa.func.avg(recent.c.s))).scalar() or USUAL_S
        slots = connection.execute(sa.select(sa.func.sum(workers.c.slots))).scalar() or 1
        raise Overloaded(f"{waiting} jobs wait already", retry_after_s=mean_s / slots)


def _waiting(connection: sa.Connection) -> int:
    waiting = jobs.c.status.in_((Status.RECEIVING, Status.QUEUED))
    return connection.execute(sa.select(sa.func.count()).where(waiting)).scalar_one()


def _position(cursor: str) -> tuple[float, str]:
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidOption("cursor", "is not one that a list gave")
    return float(match[1]), match[2]
