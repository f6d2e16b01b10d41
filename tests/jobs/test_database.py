"""A database that goes away, as it does when it is upgraded or its machine is."""

from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from service.errors import JobsUnavailable
from service.jobs.database import Database


@pytest.fixture
def shared(postgresql_url: str) -> Iterator[Database]:
    """Return a database that other processes could use too."""
    with closing(Database(postgresql_url)) as database:
        yield database


def break_off(connection: sa.Connection) -> None:
    connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_connection_that_breaks_is_nobodys_fault(shared: Database) -> None:
    with pytest.raises(JobsUnavailable), shared.writing() as connection:
        break_off(connection)
    with pytest.raises(JobsUnavailable), shared.reading() as connection:
        break_off(connection)


def test_it_is_used_again_once_it_is_back(shared: Database) -> None:
    with pytest.raises(JobsUnavailable), shared.writing() as connection:
        break_off(connection)
    with shared.reading() as connection:
        assert connection.scalar(sa.select(1)) == 1


def test_a_database_that_is_not_there_any_more(
    shared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = sa.create_engine("postgresql+psycopg://chiasm@127.0.0.1:1/chiasm?connect_timeout=1")
    shared.engine.dispose()
    monkeypatch.setattr(shared, "engine", nowhere)
    with pytest.raises(JobsUnavailable, match="cannot be reached"), shared.writing():
        pass
    with pytest.raises(JobsUnavailable, match="cannot be reached"), shared.reading():
        pass


def test_a_mistake_in_a_statement_stays_a_bug(shared: Database) -> None:
    with pytest.raises(sa.exc.ProgrammingError), shared.reading() as connection:
        connection.execute(sa.text("SELECT * FROM nothing"))
