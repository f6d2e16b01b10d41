"""What a worker does with a job, and with a painter that cannot."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.engine.priority import NICENESS
from service.errors import (
    ImageTooLarge,
    JobFailed,
    StorageFull,
)
from service.jobs import execution, worker
from service.jobs.files import LocalFiles
from service.jobs.job import Progress, Status
from tests.jobs.asking import end, files_of, spec, worker_of
from tests.jobs.conftest import OpenJobs
from tests.jobs.listeners import SECRET, listening
from tests.jobs.painters import ChainPainter, Doing, HeldPainter, picture
from tests.servers import eventually
from tests.serving import PATIENCE_S

Painting = Callable[[], Iterator[Progress]]


def test_a_full_disk_at_a_checkpoint(
    start_jobs: OpenJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = LocalFiles.write

    def full(files: LocalFiles, job_id: str, given: dict[str, bytes]) -> None:
        write(files, job_id, given)
        if "checkpoint-2-1" in given:
            files.remove(job_id, given)
            raise StorageFull("there is no room for the job's files")

    monkeypatch.setattr(LocalFiles, "write", full)
    jobs = start_jobs(ChainPainter())
    job = end(jobs, jobs.submit(spec(steps=3), b"cat"))
    assert job.status is Status.FAILED
    assert job.failure
    assert job.failure.code == "storage_full"
    assert not job.has_preview
    with pytest.raises(JobFailed, match="no room") as failure:
        jobs.result(job.id, "")
    assert failure.value.members == {"reason": "storage_full"}
    eventually(lambda: files_of(tmp_path, job) == [])
    assert end(jobs, jobs.submit(spec(), b"dog")).status is Status.SUCCEEDED


def test_a_database_that_is_full_when_a_job_fails(
    start_jobs: OpenJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail, calls = worker.Leases.fail, []

    def full_once(*given: Any) -> Status:
        calls.append(given)
        if len(calls) == 1:
            raise StorageFull("no room")
        assert files_of(tmp_path, job) == []
        return fail(*given)

    def impossible() -> Iterator[Progress]:
        raise StorageFull("no room either")
        yield

    monkeypatch.setattr(worker.Leases, "fail", full_once)
    jobs = start_jobs(Doing(impossible))
    job = jobs.submit(spec(), b"cat")
    assert end(jobs, job).status is Status.FAILED


def refuses() -> Iterator[Progress]:
    yield Progress(step=1, steps=2, checkpoint=b"", preview=b"a cat")
    raise ImageTooLarge("it is too large to paint", limit=3)


def breaks() -> Iterator[Progress]:
    raise ZeroDivisionError
    yield


def ends() -> Iterator[Progress]:
    yield Progress(step=1, steps=2)


@pytest.mark.parametrize(
    ("painting", "code", "detail"),
    [
        (refuses, "image_too_large", "it is too large to paint"),
        (breaks, "internal_error", "an unexpected error; the log has it"),
        (ends, "internal_error", "an unexpected error; the log has it"),
    ],
)
def test_a_painter_that_cannot(
    start_jobs: OpenJobs, tmp_path: Path, painting: Painting, code: str, detail: str
) -> None:
    jobs = start_jobs(Doing(painting))
    job = end(jobs, jobs.submit(spec(), b"cat"))
    assert job.status is Status.FAILED
    assert job.failure == replace(job.failure, code=code, detail=detail)
    with pytest.raises(JobFailed):
        jobs.preview(job.id, "")
    eventually(lambda: files_of(tmp_path, job) == [])


def test_a_job_that_ends_every_process_is_given_up(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "MAX_ATTEMPTS", 0)
    jobs = start_jobs(ChainPainter())
    job = end(jobs, jobs.submit(spec(), b"cat"))
    assert job.failure
    assert job.failure.code == "internal_error"


def test_a_painter_that_breaks_when_its_job_was_canceled(
    start_jobs: OpenJobs, caplog: pytest.LogCaptureFixture
) -> None:
    started, go = threading.Event(), threading.Event()

    def disturbed() -> Iterator[Progress]:
        started.set()
        go.wait(PATIENCE_S)
        raise FileNotFoundError
        yield

    jobs = start_jobs(Doing(disturbed))
    job = jobs.submit(spec(), b"cat")
    started.wait(PATIENCE_S)
    jobs.cancel(job.id, "")
    go.set()
    eventually(lambda: not worker_of(jobs)._executions)
    assert jobs.get(job.id, "").status is Status.CANCELED
    assert "failed" not in caplog.text


def test_several_jobs_at_once_on_threads_that_stand_back(start_jobs: OpenJobs) -> None:
    both, seen = threading.Barrier(2), set()

    def together() -> Iterator[Progress]:
        both.wait(PATIENCE_S)
        thread = threading.get_native_id()
        seen.add((threading.current_thread().name, os.getpriority(os.PRIO_PROCESS, thread)))
        yield Progress(step=1, steps=1, result=b"a cat")

    usual = os.getpriority(os.PRIO_PROCESS, 0)
    lowest = max(usual, NICENESS)
    jobs = start_jobs(Doing(together), concurrency=2)
    pair = [jobs.submit(spec(), b"cat") for _ in range(2)]
    assert {end(jobs, job).status for job in pair} == {Status.SUCCEEDED}

    assert seen == {("painter-0", lowest), ("painter-1", lowest)}
    others = {one.native_id for one in threading.enumerate() if "painter" not in one.name}
    assert {os.getpriority(os.PRIO_PROCESS, one) for one in others if one} == {usual}


def test_a_job_goes_on_where_a_closed_process_left_it(start_jobs: OpenJobs, tmp_path: Path) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter)
    job = jobs.submit(spec(steps=3), b"cat")
    painter.go.release()
    painter.started.acquire()
    painter.started.acquire()  # the second step
    at_work, closing = worker_of(jobs), threading.Thread(target=jobs.close)
    closing.start()
    eventually(at_work._closing.is_set)
    painter.go.release()
    closing.join(PATIENCE_S)

    painter = HeldPainter()
    painter.go.release(3)
    jobs = start_jobs(painter, heartbeat_s=0.2)
    assert end(jobs, job).status is Status.SUCCEEDED
    assert jobs.result(job.id, "") == picture(b"cat", None, 3)
    assert painter.go.acquire(blocking=False)  # two of three were needed at most
    assert [step for step, _ in jobs.get(job.id, "").costs] == [1, 2, 3]


def test_a_painter_that_does_not_stop_is_left_alone(start_jobs: OpenJobs, tmp_path: Path) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter)
    job = jobs.submit(spec(steps=2), b"cat")
    painter.started.acquire()
    jobs.close(grace_s=0.1)

    jobs = start_jobs(ChainPainter(), heartbeat_s=0.2)
    assert end(jobs, job).status is Status.SUCCEEDED
    painter.go.release(2)
    assert jobs.result(job.id, "") == picture(b"cat", None, 2)


def test_a_webhook_is_called_until_somebody_listens(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "WAITS_S", (0.0, 0.0, 0.0, 0.0))
    allowed = {"webhook_hosts": ("127.0.0.1",), "webhook_secret": SECRET}
    with listening(500, 302, 200) as server:
        jobs = start_jobs(ChainPainter(), **allowed)
        job = jobs.submit(spec(webhook=f"{server.url}/done"), b"cat")
        eventually(lambda: len(server.heard) == 3)
        end(jobs, job)
        jobs.close()
    assert len({body for _, _, body in server.heard}) == 1
    assert len(server.heard) == 3


def test_a_webhook_goes_on_where_a_closed_process_left_it(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = {"webhook_hosts": ("127.0.0.1",), "webhook_secret": SECRET, "heartbeat_s": 0.2}
    with listening(500, 200, 500) as server:
        monkeypatch.setattr(execution, "WAITS_S", (0.0, 3600.0, 0.0))
        jobs = start_jobs(ChainPainter(), **allowed)
        jobs.submit(spec(webhook=server.url), b"cat")
        eventually(lambda: len(server.heard) == 1)
        jobs.close()

        monkeypatch.setattr(execution, "WAITS_S", (3600.0, 0.0, 0.0))
        jobs = start_jobs(ChainPainter(), **allowed)
        eventually(lambda: len(server.heard) == 2)
        eventually(lambda: not worker_of(jobs)._executions)
        jobs.close()
    assert len(server.heard) == 2


def test_a_webhook_that_is_not_allowed_any_more_is_not_called(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as server:
        jobs = start_jobs(webhook_hosts=("127.0.0.1",), webhook_secret=SECRET)
        job = jobs.submit(spec(webhook=server.url), b"cat")
        jobs.close()
        jobs = start_jobs(ChainPainter())
        assert end(jobs, job).status is Status.SUCCEEDED
        eventually(lambda: not worker_of(jobs)._executions)
    assert server.heard == []


def test_a_webhook_is_not_called_for_ever(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "WAITS_S", (0.0, 0.0))
    allowed = {"webhook_hosts": ("127.0.0.1",), "webhook_secret": SECRET}
    with listening(500, 500, 500) as server:
        jobs = start_jobs(ChainPainter(), **allowed)
        job = jobs.submit(spec(webhook=server.url), b"cat")
        eventually(lambda: len(server.heard) == 2)
        assert end(jobs, jobs.submit(spec(), b"dog")).status is Status.SUCCEEDED
        assert jobs.get(job.id, "").status is Status.SUCCEEDED
        jobs.close()
    assert len(server.heard) == 2
