"""What callers ask of the tables, in either kind of database."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.errors import (
    DeadlineExceeded,
    IdempotencyConflict,
    InvalidOption,
    JobNotFound,
    Overloaded,
    StartupError,
    StorageFull,
)
from service.jobs.database import Database, events, jobs, workers
from service.jobs.job import Costs, Job, JobSpec, Status
from service.jobs.ledger import Ledger

ALICE, BOB = "alice", "bob"


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, max_queued=3, ttl_s=100.0)


def spec(owner: str = ALICE, created_at: float = 1.0, **options: Any) -> JobSpec:
    return JobSpec(method="fast", options=options, owner=owner, created_at=created_at)


def queued(ledger: Ledger, wanted: JobSpec | None = None) -> str:
    ticket = ledger.admit(wanted or spec(), "a fingerprint", None)
    ledger.enqueue(ticket.job_id)
    return ticket.job_id


def put(database: Database, job_id: str, **values: Any) -> None:
    """Change columns behind everybody's back."""
    with database.writing() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(**values))


def test_a_job_is_what_was_asked_for(ledger: Ledger) -> None:
    wanted = JobSpec(
        method="optimize",
        options={"steps": 200, "weights": [1.5, 0.25], "init": None},
        owner=ALICE,
        webhook="https://example.com/done",
        created_at=1760000000.123456,
    )
    job_id = queued(ledger, wanted)
    expected = Job(id=job_id, spec=wanted, status=Status.QUEUED, revision=1, step=0, steps=0)
    assert ledger.get(job_id, ALICE) == expected


def test_a_job_is_there_when_its_files_are(ledger: Ledger) -> None:
    ticket = ledger.admit(spec(), "a fingerprint", None)
    with pytest.raises(JobNotFound):
        ledger.get(ticket.job_id, ALICE)
    assert ledger.page(ALICE, 5, None).jobs == ()
    assert ledger.waiting() == 1

    ledger.forget(ticket.job_id)
    assert ledger.waiting() == 0


def test_a_job_whose_files_took_too_long_is_not_queued(database: Database, ledger: Ledger) -> None:
    ticket = ledger.admit(spec(), "a fingerprint", None)
    put(database, ticket.job_id, expires_at=1.0)
    with pytest.raises(DeadlineExceeded):
        ledger.enqueue(ticket.job_id)


@pytest.mark.parametrize("job_id", ["", "f" * 32, "../../etc/passwd", "\0", "F" * 32])
def test_there_is_no_such_job(ledger: Ledger, job_id: str) -> None:
    with pytest.raises(JobNotFound):
        ledger.get(job_id, ALICE)


def test_nobody_sees_the_jobs_of_others(ledger: Ledger) -> None:
    job_id = queued(ledger)
    with pytest.raises(JobNotFound):
        ledger.get(job_id, BOB)
    with pytest.raises(JobNotFound):
        ledger.events(job_id, BOB, 0)
    assert ledger.page(BOB, 5, None).jobs == ()


def test_the_queue_is_bounded(database: Database, ledger: Ledger) -> None:
    for _ in range(3):
        queued(ledger)
    with pytest.raises(Overloaded, match="3 jobs wait") as refusal:
        queued(ledger)
    assert refusal.value.retry_after_s == 10.0  # nobody knows better yet
    assert ledger.waiting() == 3


def test_the_time_to_wait_is_what_recent_jobs_took(database: Database, ledger: Ledger) -> None:
    for finished_at in (4.0, 6.0):
        done = {"started_at": 1.0, "finished_at": finished_at, "status": Status.SUCCEEDED}
        put(database, queued(ledger), **done)
    with database.writing() as connection:
        connection.execute(sa.insert(workers).values(id="w", slots=2, beat_at=0.0))
    for _ in range(3):
        queued(ledger)
    with pytest.raises(Overloaded) as refusal:
        queued(ledger)
    assert refusal.value.retry_after_s == (3.0 + 5.0) / 2 / 2


def test_a_key_stands_for_one_request(ledger: Ledger) -> None:
    first = ledger.admit(spec(), "one", "key")
    with pytest.raises(IdempotencyConflict, match="still being read"):
        ledger.admit(spec(), "one", "key")
    ledger.enqueue(first.job_id)

    again = ledger.admit(spec(), "one", "key")
    assert (again.job_id, again.is_new) == (first.job_id, False)
    with pytest.raises(IdempotencyConflict, match="another request"):
        ledger.admit(spec(), "two", "key")
    assert ledger.admit(spec(owner=BOB), "two", "key").is_new
    assert ledger.admit(spec(), "two", "other key").is_new


def test_a_key_is_free_when_its_job_has_expired(database: Database, ledger: Ledger) -> None:
    first = ledger.admit(spec(), "one", "key")
    put(database, first.job_id, expires_at=1.0)
    assert ledger.admit(spec(), "two", "key").is_new


def test_two_requests_with_one_key_at_the_same_moment(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ledger.admit(spec(), "one", "key")
    ledger.enqueue(first.job_id)
    earlier, answers = ledger._earlier, [None]

    def late(*key: str) -> Any:
        return answers.pop() if answers else earlier(*key)

    monkeypatch.setattr(ledger, "_earlier", late)
    assert ledger.admit(spec(), "one", "key").job_id == first.job_id


def test_pages_follow_each_other(ledger: Ledger) -> None:
    moments = [1760000000.25, 1760000001.5, 1760000001.5]
    made = [queued(ledger, spec(created_at=moment)) for moment in moments]
    seen, cursor, rounds = [], None, 0
    while cursor or not rounds:
        page = ledger.page(ALICE, 1, cursor)
        seen += [job.id for job in page.jobs]
        cursor, rounds = page.cursor, rounds + 1
    assert seen == [*sorted(made[1:], reverse=True), made[0]]
    assert rounds == 3


@pytest.mark.parametrize("cursor", ["", "1.0", "nan_" + "0" * 32, "1.0_\0", "1_2", "1.0_../.."])
def test_a_cursor_that_no_page_had(ledger: Ledger, cursor: str) -> None:
    with pytest.raises(InvalidOption):
        ledger.page(ALICE, 1, cursor)


def test_events_are_numbered_and_sum_up(database: Database, ledger: Ledger) -> None:
    job_id = queued(ledger)
    chunks: list[Costs] = [((1.0, 0.5), (2.0, 0.25)), (), ((3.0, 0.125),)]
    for step, costs in enumerate(chunks, 1):
        database.change(jobs.c.id == job_id, costs=costs, step=step, steps=9)

    assert ledger.get(job_id, ALICE).costs == ((1.0, 0.5), (2.0, 0.25), (3.0, 0.125))
    assert ledger.page(ALICE, 1, None).jobs[0].costs == ()
    assert [(event.number, event.step) for event in ledger.events(job_id, ALICE, 0)] == [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 3),
    ]
    assert [event.costs for event in ledger.events(job_id, ALICE, 2)] == chunks[1:]
    assert ledger.revisions([job_id, "nobody's"]) == {job_id: 4}


@pytest.mark.parametrize(
    ("status", "canceled"),
    [("queued", True), ("running", True), ("succeeded", False), ("canceled", False)],
)
def test_only_what_has_not_ended_can_be_canceled(
    database: Database, ledger: Ledger, status: str, canceled: bool
) -> None:
    job_id = queued(ledger)
    put(database, job_id, status=status)
    assert ledger.cancel(job_id) is canceled
    job = ledger.get(job_id, ALICE)
    assert (job.status is Status.CANCELED) == (canceled or status == "canceled")
    if canceled:
        assert job.finished_at
        assert job.expires_at == pytest.approx(job.finished_at + 100.0, abs=5.0)


def test_what_expired_is_not_seen(ledger: Ledger) -> None:
    job_id = queued(ledger)
    ledger.expire(job_id)
    with pytest.raises(JobNotFound):
        ledger.get(job_id, ALICE)
    assert ledger.page(ALICE, 5, None).jobs == ()


def test_listeners_hear_of_changes_that_are_committed(database: Database, ledger: Ledger) -> None:
    heard: list[tuple[str, int]] = []
    database.listeners.append(lambda job_id, revision: heard.append((job_id, revision)))
    job_id = queued(ledger)
    ledger.cancel(job_id)
    ledger.cancel(job_id)
    assert heard == [(job_id, 1), (job_id, 2)]


def test_a_full_database_says_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/jobs.sqlite")
    with database.reading() as connection:
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar_one()
    row = {"job_id": "x", "status": "s" * 9_000, "step": 0, "steps": 0, "costs": []}

    def fill() -> None:
        with database.writing() as connection:
            connection.execute(sa.text(f"PRAGMA max_page_count={pages + 10}"))
            connection.execute(sa.insert(events), [row | {"number": n} for n in range(100)])

    try:
        with pytest.raises(StorageFull):
            fill()
    finally:
        database.close()


@pytest.mark.parametrize("url", ["mysql://localhost/jobs", "nonsense", "sqlite:////proc/no/where"])
def test_a_database_that_cannot_be_used_is_refused_at_start(url: str) -> None:
    with pytest.raises(StartupError):
        Database(url)


def test_a_sqlite_file_is_for_one_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.sqlite"
    first = Database(url)
    with pytest.raises(StartupError, match="another process"):
        Database(url)
    first.close()
    Database(url).close()


ALONE = {"shared": False}
PAINTS, LOOKS = ({"shared": True, "paints": paints} for paints in (True, False))


@pytest.mark.parametrize(
    ("first", "second"), [(ALONE, LOOKS), (ALONE, PAINTS), (LOOKS, ALONE), (PAINTS, PAINTS)]
)
def test_a_shared_sqlite_file_has_one_painter(
    tmp_path: Path, first: dict[str, bool], second: dict[str, bool]
) -> None:
    url = f"sqlite:///{tmp_path}/jobs.sqlite"
    kept = Database(url, **first)
    with pytest.raises(StartupError, match="another process"):
        Database(url, **second)
    kept.close()
    Database(url, **second).close()


def test_a_shared_sqlite_file_is_for_any_number_that_do_not_paint(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.sqlite"
    opened = [Database(url, **role) for role in (LOOKS, PAINTS, LOOKS)]

    assert all(database.shared for database in opened)
    for database in opened:
        database.close()
