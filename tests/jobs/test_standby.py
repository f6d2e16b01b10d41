"""A worker that nobody needs yet is not there, and is as soon as somebody does."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.errors import StartupError
from service.jobs.files import LocalFiles
from service.jobs.job import Status
from service.jobs.jobs import Jobs
from service.jobs.standby import Standby
from service.jobs.worker import Worker
from tests.jobs.asking import end, spec
from tests.jobs.conftest import OpenJobs
from tests.jobs.painters import ChainPainter
from tests.servers import eventually


def waits(jobs: Jobs) -> bool:
    """Return whether no worker was needed so far."""
    assert isinstance(jobs._worker, Standby)
    return jobs._worker.worker is None


class Made:
    """Stands in for a worker."""

    def __init__(self) -> None:
        self.hints = 0

    def hint(self) -> None:
        self.hints += 1

    def stop(self, job_id: str) -> None:
        raise AssertionError(job_id)

    def sweep(self) -> int:
        return 3

    def close(self, timeout_s: float) -> None:
        self.closed_within_s = timeout_s


@pytest.fixture
def stand_by() -> Iterator[Callable[..., Standby]]:
    opened: list[Standby] = []

    def open_one(make: Any, has_work: Callable[[], bool], *, look_s: float = 3600.0) -> Standby:
        opened.append(Standby(make, has_work, look_s=look_s))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close(1.0)


def test_there_is_no_worker_before_the_first_job(start_jobs: OpenJobs) -> None:
    jobs = start_jobs(ChainPainter())
    assert waits(jobs)
    assert jobs.sweep() == 0
    assert waits(jobs)
    assert end(jobs, jobs.submit(spec(), b"cat")).status is Status.SUCCEEDED
    assert not waits(jobs)


def test_a_job_that_was_left_goes_on_by_itself(start_jobs: OpenJobs) -> None:
    jobs = start_jobs()
    job = jobs.submit(spec(), b"cat")
    jobs.close()
    assert end(start_jobs(ChainPainter()), job).status is Status.SUCCEEDED


def test_the_start_fails_if_nobody_can_go_on_with_a_job(
    start_jobs: OpenJobs, tmp_path: Path
) -> None:
    jobs = start_jobs()
    job = jobs.submit(spec(), b"cat")
    jobs.close()
    with closing(sqlite3.connect(tmp_path / "data" / "jobs.sqlite")) as connection:
        connection.execute("CREATE TABLE dbos_migrations (spoiled TEXT)")

    with pytest.raises(StartupError, match="database of the jobs cannot be used"):
        start_jobs(ChainPainter())

    jobs = start_jobs()  # and what was opened is closed again
    assert jobs.get(job.id, "").status is Status.QUEUED


def test_a_worker_that_comes_late_leaves_uploads_alone(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, storing, stored = start_jobs(ChainPainter()), threading.Event(), threading.Event()
    write, late = LocalFiles.write, b"late"

    def slowly(files: LocalFiles, job_id: str, pictures: dict[str, bytes]) -> None:
        if late in pictures.values():
            storing.set()
            stored.wait()
        write(files, job_id, pictures)

    monkeypatch.setattr(LocalFiles, "write", slowly)
    ends: list[Status] = []
    upload = threading.Thread(
        target=lambda: ends.append(end(jobs, jobs.submit(spec(), late)).status)
    )
    upload.start()
    storing.wait()
    assert waits(jobs)
    assert end(jobs, jobs.submit(spec(), b"cat")).status is Status.SUCCEEDED
    stored.set()
    upload.join()
    assert ends == [Status.SUCCEEDED]


def test_expired_jobs_are_swept_though_no_other_comes(start_jobs: OpenJobs, tmp_path: Path) -> None:
    jobs = start_jobs(ChainPainter(), heartbeat_s=0.05)
    assert waits(jobs)
    with jobs._database.writing() as connection:
        insert = "INSERT INTO chiasm_jobs (id, owner, fingerprint, method, options, status, "
        insert += "created_at, expires_at, step, steps, revision, lease, attempts) VALUES "
        insert += "('1', '', '', 'chain', '{}', 'succeeded', 0, 1, 0, 0, 0, 0, 0)"
        connection.exec_driver_sql(insert)
    eventually(lambda: jobs._ledger.revisions(["1"]) == {})
    assert not waits(jobs)


def test_a_worker_that_cannot_be_made_is_tried_again(
    stand_by: Callable[..., Standby], caplog: pytest.LogCaptureFixture
) -> None:
    work, made = threading.Event(), Made()
    tries = iter([StartupError("there is no room"), made])

    def make() -> Made:
        one = next(tries)
        if isinstance(one, StartupError):
            raise one
        return one

    standby = stand_by(make, work.is_set, look_s=0.01)
    work.set()
    eventually(lambda: standby.worker is made)
    assert "no worker could be made" in caplog.text
    standby.hint()
    assert standby.sweep() == 3
    standby.close(7.0)
    assert made.closed_within_s == 7.0


def test_a_worker_is_made_once(stand_by: Callable[..., Standby]) -> None:
    made = [Made(), Made()]
    standby = stand_by(lambda: made.pop(), lambda: True)
    assert isinstance(standby.worker, Made)
    assert standby.begin() is standby.worker
    assert len(made) == 1


def test_a_service_without_jobs_imports_neither_dbos_nor_sqlalchemy() -> None:
    code = "import sys, service.app; print({'dbos', 'sqlalchemy', 'onnx'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"


def test_jobs_that_nobody_asked_for_import_no_dbos(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from service.jobs.jobs import Jobs\n"
        "from service.jobs.settings import JobSettings\n"
        "jobs = Jobs(JobSettings(data_dir=sys.argv[1]), object())\n"
        "jobs.close()\n"
        "print('dbos' in sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"False\n"


def test_dbos_brings_nothing_that_queries_of_other_threads_would_meet_half_made() -> None:
    code = (
        "import service.jobs.jobs\n"
        "from sqlalchemy import inspection\n"
        "before = set(inspection._registrars)\n"
        "import service.jobs.worker\n"
        "added = set(inspection._registrars) - before\n"
        "print({one for one in added if not one.__module__.startswith('sqlalchemy.')})\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"


def test_the_double_is_like_a_worker() -> None:
    assert {name for name in vars(Made) if not name.startswith("_")} <= set(vars(Worker))
