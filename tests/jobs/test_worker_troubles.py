"""A worker whose database fails, or that loses what it has, goes on as soon as it can."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from dbos import DBOS
from sqlalchemy.exc import OperationalError

from service.jobs.database import jobs as table
from service.jobs.database import workers
from service.jobs.execution import Execution
from service.jobs.job import Status
from service.jobs.jobs import Jobs
from service.jobs.leases import HandedOver, Leases
from service.jobs.worker import Worker
from service.jobs.workflow import Workflows, queue_of
from tests.jobs.asking import end, spec, worker_of
from tests.jobs.conftest import OpenJobs
from tests.jobs.painters import ChainPainter, HeldPainter, picture
from tests.servers import eventually

SOON = {"heartbeat_s": 0.05}


def failing(
    call: Callable[..., Any], times: int = 1, calls: list[object] | None = None
) -> Callable[..., Any]:
    """Return `call`, which finds the database away at first, and notes who calls it in `calls`."""
    calls = [] if calls is None else calls

    def fails(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) <= times:
            raise OperationalError("SELECT 1", None, OSError("the database is away"))
        return call(*given, **named)

    return fails


def ended(job_id: str) -> bool:
    """Return whether nothing is left to do for DBOS either."""
    status = DBOS.get_workflow_status(job_id)
    return status is not None and status.status == "SUCCESS"


def put(jobs: Jobs, statement: Any) -> None:
    """Change the tables behind everybody's back."""
    with jobs._database.writing() as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("owner", "name", "times"),
    [
        (Leases, "claim", 1),
        (Workflows, "start", 1),
        (Leases, "row", 1),
        (Leases, "advance", 1),
        (Leases, "release", 1),  # when all is done
        (Leases, "release", 2),  # and when it is given up for that
        (Leases, "held", 1),
    ],
)
def test_a_database_that_is_away(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, times: int
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(owner, name, failing(getattr(owner, name), times, calls))
    jobs = start_jobs(ChainPainter(), **SOON)
    job = jobs.submit(spec(steps=3), b"cat")
    assert end(jobs, job).status is Status.SUCCEEDED
    assert jobs.result(job.id, "") == picture(b"cat", None, 3)
    assert [step for step, _ in jobs.get(job.id, "").costs] == [1, 2, 3]
    eventually(lambda: ended(job.id))
    eventually(lambda: len(calls) >= times)  # a heartbeat may come after such a short job
    assert worker_of(jobs)._leases.held() == {}


def test_a_job_that_is_lost_is_left_alone(start_jobs: OpenJobs) -> None:
    painter = HeldPainter()
    jobs = start_jobs(painter, **SOON)
    job, next_ = jobs.submit(spec(steps=3), b"cat"), jobs.submit(spec(), b"dog")
    painter.started.acquire()
    mine = table.c.id == job.id
    put(jobs, sa.update(table).where(mine).values(worker=worker_of(jobs).id, lease=7))

    execution = worker_of(jobs)._executions[job.id]
    eventually(execution._stop.is_set)
    put(jobs, sa.update(table).where(mine).values(worker=None, status=Status.FAILED))
    painter.go.release(2)
    assert end(jobs, next_).status is Status.SUCCEEDED
    assert (jobs.get(job.id, "").status, jobs.get(job.id, "").step) == (Status.FAILED, 0)


def test_a_job_that_is_lost_before_it_was_begun(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(Workflows, "start", lambda _, job_id: started.append(job_id))
    jobs = start_jobs(ChainPainter(), **SOON)
    job, next_ = jobs.submit(spec(), b"cat"), jobs.submit(spec(), b"dog")
    eventually(lambda: started == [job.id])
    put(jobs, sa.update(table).where(table.c.id == job.id).values(worker=None))
    eventually(lambda: started == [job.id, next_.id])  # the painter is free again


def test_a_worker_that_was_buried_comes_back(
    postgresql_url: str, start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = start_jobs(ChainPainter(), url=postgresql_url, **SOON)
    worker = worker_of(jobs)
    DBOS.delete_queue(queue_of(worker.id))
    put(jobs, sa.delete(workers).where(workers.c.id == worker.id))
    eventually(lambda: DBOS.retrieve_queue(queue_of(worker.id)))

    monkeypatch.setattr(Leases, "advance", failing(Leases.advance))
    job = jobs.submit(spec(), b"cat")  # needs the queue, since it has to be resumed
    assert end(jobs, job).status is Status.SUCCEEDED


def test_a_job_that_is_claimed_again_before_it_was_left(
    start_jobs: OpenJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_back, given_back = Worker._give_back, []

    def slowly(worker: Worker, execution: Execution) -> None:
        give_back(worker, execution)
        job_id = execution.claim.job_id
        eventually(lambda: worker._executions[job_id] is not execution)
        given_back.append(execution)

    monkeypatch.setattr(Worker, "_give_back", slowly)
    monkeypatch.setattr(Leases, "advance", failing(Leases.advance))
    jobs = start_jobs(ChainPainter(), concurrency=2, **SOON)
    job = jobs.submit(spec(), b"cat")
    assert end(jobs, job).status is Status.SUCCEEDED
    assert len(given_back) == 1
    eventually(lambda: worker_of(jobs)._free._value == 2)  # no painter is lost


def test_a_workflow_that_nobody_claimed_is_not_run(start_jobs: OpenJobs) -> None:
    worker = worker_of(start_jobs(ChainPainter()))
    with pytest.raises(HandedOver):
        worker._work("0" * 32)


def test_what_dbos_takes_for_done_is_done_again_if_it_is_not(start_jobs: OpenJobs) -> None:
    jobs = start_jobs(ChainPainter(), **SOON)
    job = jobs.submit(spec(steps=3), b"cat")
    end(jobs, job)
    eventually(lambda: ended(job.id))
    put(jobs, sa.update(table).values(worker="killed"))
    eventually(lambda: jobs._ledger.row(job.id, "").worker is None)
    assert len(jobs.get(job.id, "").costs) == 3


def test_the_only_process_of_a_file_buries_those_before_it(start_jobs: OpenJobs) -> None:
    killed = {"id": "killed", "slots": 1, "beat_at": time.time()}
    jobs = start_jobs()
    put(jobs, sa.insert(workers).values(killed))
    job = jobs.submit(spec(), b"cat")
    put(jobs, sa.update(table).values(worker="killed"))
    jobs.close()

    jobs = start_jobs(ChainPainter(), **SOON)
    assert end(jobs, job).status is Status.SUCCEEDED
