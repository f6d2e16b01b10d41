"""Databases, and jobs that are closed when a test ends."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from service.jobs import workflow
from service.jobs.database import Database
from service.jobs.job import Painter
from service.jobs.jobs import Jobs
from service.jobs.settings import JobSettings
from tests.databases import postgresql, postgresql_url  # noqa: F401  (fixtures)


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
