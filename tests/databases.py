"""A real PostgreSQL of Debian's, for the tests that ask for one."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """Return a PostgreSQL server of Debian's package, with an empty database."""
    with running() as url:
        yield url


@contextmanager
def running() -> Iterator[sa.URL]:
    """Run a server for as long as it is needed; it ends at once, as by a power cut."""
    if not POSTGRESQL:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    tools, user = POSTGRESQL[-1], _database_user()
    directory = Path(tempfile.mkdtemp(prefix="chiasm-pg-", dir="/tmp"))
    try:
        shutil.chown(directory, user)
        data = directory / "data"
        options = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync=off"
        _run([tools / "initdb", "--no-sync", "-A", "trust", "-U", "chiasm", data], user)
        control = [tools / "pg_ctl", "-D", data, "-w", "-l", directory / "log"]
        _run([*control, "-o", options, "start"], user)
        try:
            yield sa.URL.create(
                "postgresql+psycopg",
                username="chiasm",
                database="postgres",
                query={"host": str(directory)},
            )
        finally:
            _run([*control, "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def postgresql_url(postgresql: sa.URL, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database for one test."""
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    engine = sa.create_engine(postgresql, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
            yield postgresql.set(database=name).render_as_string(hide_password=False)
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def _database_user() -> str | None:
    """Return who may run a server: not root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")


def _run(command: list[Any], user: str | None) -> None:
    done = subprocess.run(
        command, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    assert done.returncode == 0, done.stderr
