"""Databases, and jobs that are closed when a test ends."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import sqlalchemy as sa

from service.jobs import workflow
from service.jobs.database import Database
from service.jobs.job import Painter
from service.jobs.jobs import Jobs
from service.jobs.settings import JobSettings

POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class OpenJobs(Protocol):
    """Opens the jobs of a test, with the settings that it cares about."""

    def __call__(self, painter: Painter | None = None, **settings: Any) -> Jobs: ...


@pytest.fixture
def start_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenJobs]:
    """Return what opens jobs in a directory of the test's own; without a painter, none runs."""
    monkeypatch.setattr(workflow, "MESSAGES_S", 0.01)
    with ExitStack() as stack:

        def start(painter: Painter | None = None, **settings: Any) -> Jobs:
            usual = {"data_dir": str(tmp_path / "data"), "concurrency": int(painter is not None)}
            jobs = Jobs(JobSettings(**{**usual, **settings}), painter)
            stack.callback(jobs.close)
            return jobs

        yield start


@pytest.fixture(scope="session")
def postgresql() -> Iterator[sa.URL]:
    """Return a PostgreSQL server of Debian's package, with an empty database."""
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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the URL of an empty bucket in a server of moto's."""
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed (requirements/s3.txt)")
    moto = pytest.importorskip("moto.server", reason="moto is not installed (requirements/s3.txt)")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        name = f"bucket-{secrets.token_hex(8)}"
        s3fs.S3FileSystem().mkdir(name)
        yield f"s3://{name}"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return an empty database of either kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/jobs.sqlite"
    else:
        url = request.getfixturevalue("postgresql_url")
    database = Database(url)
    yield database
    database.close()


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
