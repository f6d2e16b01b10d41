"""One SQLite file for several processes of a machine: one paints, all accept, show and cancel."""

from pathlib import Path

import pytest

from service.errors import StartupError
from service.jobs.job import JobSpec, Status
from service.jobs.settings import JobSettings
from tests.jobs.conftest import OpenJobs
from tests.jobs.hosts import Host
from tests.jobs.painters import ChainPainter, painted, picture
from tests.servers import eventually

pytestmark = pytest.mark.anyio

STEPS = 40


def spec(**options: float) -> JobSpec:
    options = {"steps": STEPS, "every": 4, "pace_s": 0.005, **options}
    return JobSpec(method="chain", options={"name": "a", **options})


async def test_who_does_not_paint_accepts_and_follows(tmp_path: Path, start_jobs: OpenJobs) -> None:
    trace = tmp_path / "trace"
    start_jobs(ChainPainter(trace), shared=True)
    other, third = start_jobs(shared=True), start_jobs(shared=True)

    job = other.submit(spec(), b"content")

    after = 0
    while not job.status.final:  # each wait ends with a change that another process made
        job = await third.wait(job.id, "", timeout_s=60)
        assert job.revision > after
        after = job.revision
    assert job.status is Status.SUCCEEDED
    assert other.result(job.id, "") == picture(b"content", None, STEPS)
    assert [step for _, step, _ in painted(trace)] == list(range(1, STEPS + 1))  # each of them once


async def test_who_does_not_paint_cancels(tmp_path: Path, start_jobs: OpenJobs) -> None:
    trace = tmp_path / "trace"
    start_jobs(ChainPainter(trace), shared=True)
    other = start_jobs(shared=True)
    endless = other.submit(spec(steps=1_000_000), b"content")
    eventually(lambda: painted(trace))

    other.cancel(endless.id, "")

    following = other.submit(spec(), b"content")
    while not following.status.final:
        following = await other.wait(following.id, "", timeout_s=60)
    assert following.status is Status.SUCCEEDED
    assert other.get(endless.id, "").status is Status.CANCELED


def test_a_painter_that_was_killed_is_replaced_while_others_look_on(
    tmp_path: Path, start_jobs: OpenJobs
) -> None:
    trace = tmp_path / "trace"
    settings = JobSettings(data_dir=str(tmp_path / "data"), shared=True)
    doomed = Host(settings, trace)
    looker = start_jobs(shared=True)
    job = looker.submit(spec(), b"content")
    eventually(lambda: len(painted(trace)) > STEPS // 4)

    doomed.kill()
    assert not looker.get(job.id, "").status.final
    start_jobs(ChainPainter(trace), shared=True)

    eventually(lambda: looker.get(job.id, "").status.final)
    assert looker.result(job.id, "") == picture(b"content", None, STEPS)


def test_uploads_of_the_others_survive_a_new_painter(start_jobs: OpenJobs) -> None:
    """Alone, it may take every unfinished upload for a dead process's; not among others."""
    looker = start_jobs(shared=True)
    ticket = looker._ledger.admit(spec(), "fingerprint", None)

    start_jobs(ChainPainter(), shared=True)

    looker._ledger.enqueue(ticket.job_id)


def test_a_second_painter_is_refused(start_jobs: OpenJobs) -> None:
    start_jobs(ChainPainter(), shared=True)

    with pytest.raises(StartupError, match="another process"):
        start_jobs(ChainPainter(), shared=True)
