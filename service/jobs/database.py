"""The tables that jobs are kept in, and the one way to change a job."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

# DBOS imports it when the first job comes, on a thread. Half-imported, it is already asked about
# every value in every query of the other threads, and fails them.
import sqlalchemy.orm
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.errors import JobsUnavailable, StartupError, StorageFull
from service.jobs.job import Costs, Status

CONNECTIONS = 5
LOCK_WAIT_MS = 30_000
CONNECT_S = "5"  # libpq would wait for a host that says nothing for as long as TCP does
SCHEMA_LOCK = 0x0C41A53  # any number that everybody who makes the tables agrees on
DISK_FULL = "53100"  # PostgreSQL's SQLSTATE; "Appendix A. PostgreSQL Error Codes"

metadata = sa.MetaData()

jobs = sa.Table(
    "chiasm_jobs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("webhook", sa.Text),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("started_at", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("expires_at", sa.Double),
    sa.Column("step", sa.Integer, nullable=False, default=0),
    sa.Column("steps", sa.Integer, nullable=False, default=0),
    # Names of files, and why there is none.
    sa.Column("checkpoint", sa.Text),
    sa.Column("preview", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("failure_code", sa.Text),
    sa.Column("failure_detail", sa.Text),
    # The number of its latest event.
    sa.Column("revision", sa.Integer, nullable=False, default=0),
    # Who works on it, until nothing is left to do. The lease grows with every claim; attempts are
    # the claims since it last got any further.
    sa.Column("worker", sa.Text),
    sa.Column("lease", sa.Integer, nullable=False, default=0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.UniqueConstraint("owner", "idempotency_key"),
    sa.Index("chiasm_jobs_by_status", "status", "created_at"),
    sa.Index("chiasm_jobs_by_owner", "owner", "created_at", "id"),
    sa.Index("chiasm_jobs_by_worker", "worker"),
    sa.Index("chiasm_jobs_by_expiry", "expires_at"),
)

events = sa.Table(
    "chiasm_job_events",
    metadata,
    sa.Column("job_id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.Column("costs", sa.JSON, nullable=False),
)

workers = sa.Table(
    "chiasm_workers",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("beat_at", sa.Double, nullable=False),
)

Listener = Callable[[str, int], None]
"""Told of a job's id and its new revision, after the change was committed."""


class Database:
    """The jobs' tables in SQLite, for one machine, or in PostgreSQL, for any number.

    Attributes:
        sqlite: they are in SQLite, so that at most one process paints.
        shared: other processes may change jobs, too.
    """

    def __init__(self, url: str, *, shared: bool = False, paints: bool = True) -> None:
        """Connect, and make the tables that are missing.

        Args:
            url: of SQLite or PostgreSQL.
            shared: with SQLite, let other processes that share it in, too.
            paints: with SQLite, be the one of them that paints.

        Raises:
            StartupError: the database is of another kind, or cannot be reached, or is SQLite and
                another process has it, or paints.
        """
        self.listeners: list[Listener] = []
        self._locks: list[BinaryIO] = []
        try:
            parsed = sa.make_url(url)
            self.sqlite = parsed.get_backend_name() == "sqlite"
            self.shared = shared or not self.sqlite
            if self.sqlite:
                self._lock(Path(parsed.database or ""), paints=paints)
            self.engine = _sqlite(parsed) if self.sqlite else _postgresql(parsed)
            with self.engine.begin() as connection:
                if not self.sqlite:  # CREATE TABLE IF NOT EXISTS fails where two of them race
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SCHEMA_LOCK)))
                metadata.create_all(connection)
        except (SQLAlchemyError, OSError) as error:
            raise StartupError(f"the database of the jobs cannot be used: {error}") from error

    @property
    def now(self) -> sa.ColumnElement[float]:
        """Seconds since 1970, by the one clock that all who share the database share."""
        if self.sqlite:
            return sa.literal(time.time(), sa.Double)
        return sa.cast(sa.extract("epoch", sa.func.statement_timestamp()), sa.Double)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a transaction.

        Raises:
            StorageFull: there is no room for the change.
            JobsUnavailable: the database cannot be reached.
        """
        with _troubles_named(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection that sees every change at once.

        Raises:
            JobsUnavailable: the database cannot be reached.
        """
        with _troubles_named(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def change(
        self, condition: sa.ColumnElement[bool], *, costs: Costs = (), **values: Any
    ) -> sa.Row[Any] | None:
        """Change the job that fits, number the change and tell everybody.

        Args:
            condition: fits one job at most.
            costs: of the steps since the last change.
            values: of columns.

        Returns:
            The changed row; None if none fits.

        Raises:
            StorageFull: there is no room for the change.
        """
        with self.writing() as connection:
            row = self.change_in(connection, condition, costs=costs, **values)
        if row is not None:
            self.tell(row)
        return row

    def change_in(
        self,
        connection: sa.Connection,
        condition: sa.ColumnElement[bool],
        *,
        costs: Costs = (),
        **values: Any,
    ) -> sa.Row[Any] | None:
        """Do the same inside a transaction; whoever commits it then calls `tell`."""
        row = connection.execute(
            sa.update(jobs)
            .where(condition)
            .values(revision=jobs.c.revision + 1, **values)
            .returning(jobs)
        ).one_or_none()
        if row is not None:
            connection.execute(
                sa.insert(events).values(
                    job_id=row.id,
                    number=row.revision,
                    status=row.status,
                    step=row.step,
                    steps=row.steps,
                    costs=costs,
                )
            )
        return row

    def tell(self, row: sa.Row[Any]) -> None:
        """Tell the listeners of this process of a change that is committed."""
        for listener in self.listeners:
            listener(row.id, row.revision)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._unlock()

    def _lock(self, database: Path, *, paints: bool) -> None:
        """Keep those out with whom a SQLite file is not shared, until this process ends."""
        database.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._locks.append(_locked(database, "lock", exclusive=not self.shared))
            if self.shared and paints:
                self._locks.append(_locked(database, "painter.lock", exclusive=True))
        except StartupError:
            self._unlock()
            raise

    def _unlock(self) -> None:
        for file in self._locks:
            file.close()


def not_expired(database: Database) -> sa.ColumnElement[bool]:
    """Return what fits the jobs that may still be seen."""
    return sa.and_(
        jobs.c.status != Status.RECEIVING,
        sa.or_(jobs.c.expires_at.is_(None), jobs.c.expires_at > database.now),
    )


def _locked(database: Path, suffix: str, *, exclusive: bool) -> BinaryIO:
    """Return an open file with a lock, which ends with the process, in whatever way that ends."""
    file = database.with_name(f"{database.name}.{suffix}").open("wb")
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StartupError(
            f"another process keeps its jobs in {database}; several need PostgreSQL"
        ) from None
    return file


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, pool_size=CONNECTIONS)

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        # The log lets readers go on while somebody writes, and halves the time of a commit. It is
        # a property of the file, so DBOS, which keeps its own tables there, has it too.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")
        connection.isolation_level = "IMMEDIATE"

    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise StartupError(f"jobs are kept in SQLite or PostgreSQL, not in {url.drivername}")
    url = url.set(
        drivername="postgresql+psycopg", query={"connect_timeout": CONNECT_S, **url.query}
    )
    return sa.create_engine(url, pool_size=CONNECTIONS, pool_pre_ping=True)


@contextmanager
def _troubles_named() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise JobsUnavailable("the database of the jobs is too slow") from error
    except DBAPIError as error:
        if _is_full(error):
            raise StorageFull("the database of the jobs has no room left") from error
        # A connection that broke, or that could not be made for a first statement.
        if error.connection_invalidated or error.statement is None:
            raise JobsUnavailable("the database of the jobs cannot be reached") from error
        raise


def _is_full(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return state == DISK_FULL or "disk is full" in str(error.orig)
