"""Jobs as those see them who ask for them."""

from pathlib import Path

import pytest

from service.errors import (
    IdempotencyConflict,
    InvalidOption,
    JobCanceled,
    JobNotFinished,
    JobNotFound,
    Overloaded,
    StartupError,
    StorageFull,
)
from service.jobs.files import LocalFiles, prune
from service.jobs.job import Status
from tests.jobs.asking import end, files_of, spec
from tests.jobs.conftest import OpenJobs
from tests.jobs.painters import ChainPainter, HeldPainter, picture
from tests.servers import eventually


def test_a_job_is_painted(start_jobs: OpenJobs, tmp_path: Path) -> None:
    jobs = start_jobs(ChainPainter())
    job = jobs.submit(spec(steps=5, every=2), b"cat", b"waves")
    assert job.status in (Status.QUEUED, Status.RUNNING, Status.SUCCEEDED)

    job = end(jobs, job)
    assert job.status is Status.SUCCEEDED
    assert jobs.result(job.id, "") == jobs.preview(job.id, "") == picture(b"cat", b"waves", 5)
    assert job.costs == tuple((step, 1 / step) for step in range(1, 6))
    assert (job.step, job.steps, job.has_preview, job.failure) == (5, 5, True, None)
    assert job.started_at
    assert job.finished_at
    assert job.spec.created_at <= job.started_at <= job.finished_at
    assert job.expires_at == pytest.approx(job.finished_at + 86_400, abs=1)
    eventually(lambda: files_of(tmp_path, job) == ["result-5-1"])


def test_what_a_job_shows_while_it_is_painted(start_jobs: OpenJobs, tmp_path: Path) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter)
    job = jobs.submit(spec(steps=3), b"cat")
    painter.started.acquire()
    with pytest.raises(JobNotFinished) as early:
        jobs.result(job.id, "")
    assert early.value.members == {"job_status": "running"}
    with pytest.raises(JobNotFinished):
        jobs.preview(job.id, "")

    for step in (1, 2):
        painter.go.release()
        painter.started.acquire()
        now = jobs.get(job.id, "")
        assert (now.status, now.step, now.steps) == (Status.RUNNING, step, 3)
        assert now.has_preview
        assert jobs.preview(job.id, "") == b"preview %d" % step
        assert files_of(tmp_path, job) == [f"checkpoint-{step}-1", "content", f"preview-{step}-1"]
    painter.go.release()
    assert end(jobs, job).status is Status.SUCCEEDED


def test_a_preview_that_is_replaced_at_this_moment(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    painter, read = HeldPainter(), LocalFiles.read
    jobs = start_jobs(painter)
    job = jobs.submit(spec(steps=3), b"cat")
    painter.go.release()
    eventually(lambda: jobs.get(job.id, "").step == 1)

    def late(files: LocalFiles, job_id: str, name: str) -> bytes:
        if name == "preview-1-1":
            painter.go.release()
            eventually(lambda: jobs.get(job.id, "").step == 2)
            raise FileNotFoundError
        return read(files, job_id, name)

    monkeypatch.setattr(LocalFiles, "read", late)
    assert jobs.preview(job.id, "") == b"preview 2"
    painter.go.release()
    end(jobs, job)


def test_pictures_that_somebody_else_removed(start_jobs: OpenJobs, tmp_path: Path) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter)
    job = jobs.submit(spec(steps=2), b"cat")
    painter.go.release()
    eventually(lambda: jobs.get(job.id, "").step == 1)
    files = LocalFiles(tmp_path / "data" / "files")
    files.remove(job.id, ["preview-1-1"])
    with pytest.raises(FileNotFoundError):
        jobs.preview(job.id, "")
    painter.go.release()
    end(jobs, job)
    prune(files, job.id)
    with pytest.raises(JobNotFound):
        jobs.result(job.id, "")


def test_a_request_that_is_repeated_gets_the_same_job(start_jobs: OpenJobs) -> None:
    jobs = start_jobs()
    job = jobs.submit(spec(created_at=1.0), b"cat", idempotency_key="key")
    assert jobs.submit(spec(created_at=2.0), b"cat", idempotency_key="key") == job
    assert jobs.waiting() == 1
    for other in ((spec(2), b"cat", None), (spec(), b"dog", None), (spec(), b"cat", b"waves")):
        with pytest.raises(IdempotencyConflict):
            jobs.submit(*other, idempotency_key="key")
    assert jobs.submit(spec(), b"cat").id != job.id


def test_too_many_jobs_leave_nothing_behind(start_jobs: OpenJobs, tmp_path: Path) -> None:
    jobs = start_jobs(max_queued=1)
    jobs.submit(spec(), b"cat")
    with pytest.raises(Overloaded):
        jobs.submit(spec(), b"dog")
    assert len(list((tmp_path / "data" / "files").iterdir())) == 1


def test_a_full_disk_at_submission(
    start_jobs: OpenJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = start_jobs()

    def full(*_: object) -> None:
        raise StorageFull("no room")

    monkeypatch.setattr(LocalFiles, "write", full)
    with pytest.raises(StorageFull):
        jobs.submit(spec(), b"cat")
    assert jobs.waiting() == 0


def test_a_job_that_waits_is_canceled(start_jobs: OpenJobs, tmp_path: Path) -> None:
    jobs = start_jobs()
    job = jobs.submit(spec(), b"cat")
    canceled = jobs.cancel(job.id, "")
    assert canceled.status is Status.CANCELED
    assert files_of(tmp_path, job) == []
    assert jobs.waiting() == 0
    with pytest.raises(JobCanceled):
        jobs.cancel(job.id, "")
    with pytest.raises(JobCanceled):
        jobs.result(job.id, "")
    with pytest.raises(JobCanceled):
        jobs.preview(job.id, "")
    assert jobs.get(job.id, "") == canceled


def test_a_job_that_runs_is_canceled_at_its_next_checkpoint(
    start_jobs: OpenJobs, tmp_path: Path
) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter)
    job, next_ = jobs.submit(spec(steps=100), b"cat"), jobs.submit(spec(), b"dog")
    painter.go.release()
    painter.started.acquire()
    painter.started.acquire()  # the second step

    assert jobs.cancel(job.id, "").status is Status.CANCELED
    painter.go.release(2)  # that step, and the next job's
    assert end(jobs, next_).status is Status.SUCCEEDED
    assert jobs.get(job.id, "").step == 1
    eventually(lambda: files_of(tmp_path, job) == [])


def test_a_painter_may_stop_between_checkpoints(start_jobs: OpenJobs) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter)
    job, next_ = jobs.submit(spec(steps=100, every=100), b"cat"), jobs.submit(spec(), b"dog")
    painter.started.acquire()
    jobs.cancel(job.id, "")
    painter.go.release(2)  # of the hundred steps, one
    assert end(jobs, next_).status is Status.SUCCEEDED
    assert jobs.get(job.id, "").status is Status.CANCELED


def test_a_job_that_ended_is_removed(start_jobs: OpenJobs, tmp_path: Path) -> None:
    jobs = start_jobs(ChainPainter())
    job = end(jobs, jobs.submit(spec(), b"cat", idempotency_key="key"))
    assert jobs.cancel(job.id, "").status is Status.SUCCEEDED
    assert files_of(tmp_path, job) == []
    for ask in (jobs.get, jobs.result, jobs.cancel):
        with pytest.raises(JobNotFound):
            ask(job.id, "")
    assert jobs.submit(spec(), b"dog", idempotency_key="key").id != job.id


def test_nobody_gets_at_the_jobs_of_others(start_jobs: OpenJobs) -> None:
    jobs = start_jobs()
    job = jobs.submit(spec(owner="alice"), b"cat")
    for ask in (jobs.get, jobs.result, jobs.preview, jobs.cancel):
        with pytest.raises(JobNotFound):
            ask(job.id, "bob")
    assert jobs.page("bob", limit=3).jobs == ()
    assert [one.id for one in jobs.page("alice", limit=3).jobs] == [job.id]


def test_jobs_expire(start_jobs: OpenJobs, tmp_path: Path) -> None:
    jobs = start_jobs(ChainPainter(), ttl_s=0.0, heartbeat_s=0.05)
    job = jobs.submit(spec(), b"cat")
    eventually(lambda: jobs.waiting() == 0)
    eventually(lambda: not list((tmp_path / "data" / "files").iterdir()))
    with pytest.raises(JobNotFound):
        jobs.get(job.id, "")
    eventually(lambda: jobs._ledger.revisions([job.id]) == {})
    assert jobs.sweep() == 0


def test_a_webhook_to_a_stranger_is_refused(start_jobs: OpenJobs) -> None:
    jobs = start_jobs()
    with pytest.raises(InvalidOption):
        jobs.submit(spec(webhook="http://169.254.169.254/latest"), b"cat")
    assert jobs.waiting() == 0


def test_somebody_has_to_paint(start_jobs: OpenJobs) -> None:
    with pytest.raises(StartupError, match="nothing to paint"):
        start_jobs(None, concurrency=1)
    assert start_jobs().waiting() == 0  # what was opened is closed again


def test_a_remote_directory_needs_a_shared_database(start_jobs: OpenJobs) -> None:
    with pytest.raises(StartupError):
        start_jobs(data_dir="memory://pictures")
