"""Workers claim jobs, lose them when they die, and cannot spoil what they have lost."""

import pytest
import sqlalchemy as sa

from service.jobs.database import Database, jobs, workers
from service.jobs.job import Failure, JobSpec, Progress, Status
from service.jobs.leases import Claim, HandedOver, Leases
from service.jobs.ledger import Ledger

NOT_YET = Progress(step=1, steps=4, costs=((1.0, 2.0),))


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, max_queued=10, ttl_s=0.0)


@pytest.fixture
def one(database: Database) -> Leases:
    return worker(database, "one")


@pytest.fixture
def other(database: Database) -> Leases:
    return worker(database, "other")


def worker(database: Database, worker_id: str) -> Leases:
    leases = Leases(database, worker_id, slots=1, dead_after_s=1000.0, ttl_s=0.0)
    leases.beat()
    return leases


def queue(ledger: Ledger, created_at: float = 1.0) -> str:
    ticket = ledger.admit(JobSpec(method="fast", created_at=created_at), "", None)
    ledger.enqueue(ticket.job_id)
    return ticket.job_id


def claimed(leases: Leases) -> Claim:
    claim = leases.claim()
    assert claim
    return claim


def dies(database: Database, worker_id: str) -> None:
    with database.writing() as connection:
        gone = sa.update(workers).where(workers.c.id == worker_id)
        connection.execute(gone.values(beat_at=1.0))


def test_the_oldest_job_comes_first_and_only_once(
    ledger: Ledger, one: Leases, other: Leases
) -> None:
    second, first = queue(ledger, 2.0), queue(ledger, 1.0)
    claim = claimed(one)
    assert claim == Claim(job_id=first, lease=1, attempts=1, is_first=True)
    assert claimed(other).job_id == second
    assert one.claim() is None
    job = ledger.get(first, "")
    assert job.status is Status.RUNNING
    assert job.started_at
    assert job.revision == 2


def test_the_jobs_of_the_dead_go_to_whoever_lives(
    database: Database, ledger: Ledger, one: Leases, other: Leases
) -> None:
    job_id = queue(ledger)
    lost = claimed(one)
    one.advance(lost, NOT_YET, checkpoint="checkpoint-1-1")
    assert other.claim() is None
    dies(database, "one")

    found = claimed(other)
    assert found == Claim(job_id=job_id, lease=2, attempts=1, is_first=False)
    assert other.row(found).checkpoint == "checkpoint-1-1"
    assert ledger.get(job_id, "").revision == 3  # for those who watch nothing happened
    with pytest.raises(HandedOver):
        one.row(lost)
    with pytest.raises(HandedOver):
        one.advance(lost, NOT_YET, result="result-4-1")
    with pytest.raises(HandedOver):
        one.fail(lost, Failure(code="late", detail="too late"))
    one.release(lost, done=True)
    assert other.held() == {job_id: 2}
    assert ledger.get(job_id, "").step == 1


def test_nobody_claims_their_own_jobs_again(
    database: Database, ledger: Ledger, one: Leases
) -> None:
    queue(ledger)
    claimed(one)
    dies(database, "one")
    assert one.claim() is None


def test_attempts_count_until_there_is_a_checkpoint(ledger: Ledger, one: Leases) -> None:
    queue(ledger)
    for attempt in (1, 2, 3):
        claim = claimed(one)
        assert (claim.lease, claim.attempts) == (attempt, attempt)
        one.advance(claim, NOT_YET, preview="preview-1-1")
        one.release(claim, done=False)
    one.advance(claim := claimed(one), NOT_YET, checkpoint="checkpoint-1-4")
    one.release(claim, done=False)
    assert claimed(one).attempts == 1


def test_a_result_ends_a_job_and_leaves_the_tidying(
    database: Database, ledger: Ledger, one: Leases, other: Leases
) -> None:
    job_id = queue(ledger)
    claim = claimed(one)
    done = Progress(step=4, steps=4, costs=((4.0, 1.0),))
    assert one.advance(claim, done, result="result-4-1") is Status.SUCCEEDED
    assert one.advance(claim, done, result="again") is Status.SUCCEEDED
    assert one.row(claim).result == "result-4-1"
    assert other.expired() == []  # somebody is still at work on it

    dies(database, "one")
    assert claimed(other).job_id == job_id
    other.release(Claim(job_id=job_id, lease=2, attempts=2, is_first=False), done=True)
    assert other.claim() is None
    assert other.expired() == [job_id]
    other.erase([job_id])
    assert other.expired() == []
    assert ledger.revisions([job_id]) == {}


def test_a_failure_ends_a_job(ledger: Ledger, one: Leases, database: Database) -> None:
    job_id = queue(ledger)
    claim = claimed(one)
    failure = Failure(code="storage_full", detail="no room")
    assert one.fail(claim, failure) is Status.FAILED
    with database.reading() as connection:
        row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one()
    assert (row.failure_code, row.failure_detail) == ("storage_full", "no room")
    assert row.finished_at == row.expires_at


def test_whoever_works_on_a_canceled_job_is_told(ledger: Ledger, one: Leases) -> None:
    job_id = queue(ledger)
    claim = claimed(one)
    assert ledger.cancel(job_id)
    assert one.advance(claim, NOT_YET, checkpoint="checkpoint-1-1") is Status.CANCELED
    assert one.fail(claim, Failure(code="x", detail="y")) is Status.CANCELED
    assert one.row(claim).checkpoint is None


def test_a_job_that_is_canceled_before_is_not_claimed(ledger: Ledger, one: Leases) -> None:
    ledger.cancel(queue(ledger))
    assert one.claim() is None


def test_what_is_given_back_is_taken_again(ledger: Ledger, one: Leases) -> None:
    job_id = queue(ledger)
    claim = claimed(one)
    one.abandon([job_id, "another"])
    with pytest.raises(HandedOver):
        one.row(claim)
    assert claimed(one) == Claim(job_id=job_id, lease=2, attempts=2, is_first=False)


def test_workers_come_and_go(one: Leases, other: Leases, database: Database) -> None:
    assert one.beat()
    assert other.bury(silent_s=500.0) == []
    dies(database, "one")
    assert other.bury(silent_s=500.0) == ["one"]
    assert not one.beat()
    assert other.bury(silent_s=0.0) == ["one"]  # as the one process of a SQLite file does
    other.leave()
    assert not other.beat()


def test_what_nobody_stores_any_more_expires(ledger: Ledger, one: Leases) -> None:
    ticket = ledger.admit(JobSpec(method="fast"), "", None)
    kept = queue(ledger)
    assert one.expired() == []
    ledger.drop_unfinished_uploads()
    assert one.expired() == [ticket.job_id]
    assert ledger.get(kept, "").status is Status.QUEUED
