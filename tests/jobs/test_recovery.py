"""Jobs outlive the processes that accepted and painted them."""

import random
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from service.jobs.job import JobSpec, Status
from service.jobs.jobs import Jobs
from service.jobs.settings import JobSettings
from tests.jobs.conftest import OpenJobs
from tests.jobs.hosts import Death, Host, Submission
from tests.jobs.painters import painted, picture
from tests.servers import eventually

KILLS = 10


def submission(name: str, *, steps: int, every: int, pace_s: float = 0.002) -> Submission:
    options = {"name": name, "steps": steps, "every": every, "pace_s": pace_s}
    return Submission(spec=JobSpec(method="chain", options=options), content=name.encode())


def kept(data_dir: Path) -> dict[str, int]:
    """Return the steps that need not be painted again, by name."""
    query = "SELECT json_extract(options, '$.name'), status, checkpoint, step FROM chiasm_jobs"
    with closing(sqlite3.connect(data_dir / "jobs.sqlite")) as connection:
        rows = connection.execute(query).fetchall()
    return {
        name: int(checkpoint.split("-")[1]) if checkpoint else step if status == "succeeded" else 0
        for name, status, checkpoint, step in rows
    }


def unfinished(data_dir: Path) -> int:
    """Return how many jobs there are with work left to do, tidying up for one."""
    query = "SELECT count(*) FROM chiasm_jobs WHERE worker IS NOT NULL OR status = 'queued'"
    with closing(sqlite3.connect(data_dir / "jobs.sqlite")) as connection:
        count: int = connection.execute(query).fetchone()[0]
    return count


def check_done(jobs: Jobs, wanted: dict[str, Submission], data_dir: Path) -> None:
    """Check that jobs ended as if nothing had happened."""
    for job_id, one in wanted.items():
        job, steps = jobs.get(job_id, ""), one.spec.options["steps"]
        assert job.status is Status.SUCCEEDED
        assert jobs.result(job_id, "") == picture(one.content, one.style, steps)
        assert job.costs == tuple((step, 1 / step) for step in range(1, steps + 1))
        assert [
            path.name.partition("-")[0] for path in (data_dir / "files" / job_id).iterdir()
        ] == ["result"]


def test_jobs_survive_ten_kills_at_random_moments(tmp_path: Path, start_jobs: OpenJobs) -> None:
    chance = random.Random(6)
    data_dir, trace = tmp_path / "data", tmp_path / "trace"
    settings = JobSettings(data_dir=str(data_dir), heartbeat_s=0.2)
    host = Host(settings, trace)
    wanted = {
        host.submit(one): one
        for one in (
            submission("long", steps=150, every=5),
            submission("quick", steps=1, every=1),
            submission("fine", steps=60, every=1),
            submission("coarse", steps=60, every=20),
        )
    }
    lives = {host.process.pid: dict.fromkeys(kept(data_dir), 0)}
    share = 271 // (KILLS + 1)
    for kill in range(KILLS):
        moment = kill * share + chance.randrange(share)
        eventually(lambda: len(painted(trace)) >= moment)  # noqa: B023
        time.sleep(chance.uniform(0, 0.02))  # to be anywhere between two steps
        host.kill()
        safe = kept(data_dir)
        host = Host(settings, trace)
        lives[host.process.pid] = safe
    eventually(lambda: not unfinished(data_dir))
    host.close()

    check_done(start_jobs(), wanted, data_dir)
    began: dict[tuple[str, int], int] = {}
    for name, step, process in painted(trace):
        began.setdefault((name, process), step)
    assert {key: lives[key[1]][key[0]] + 1 for key in began} == began


@pytest.mark.parametrize(
    ("death", "again"),
    [
        # Claimed, and no workflow was started.
        (Death(function="service.jobs.workflow:Workflows.start", after=False), 0),
        # Of the second checkpoint, one file is stored and the other one is being written.
        (Death(function="pathlib:Path.replace", call=5, after=False), 2),
        # The second checkpoint is stored, and nobody knows.
        (Death(function="service.jobs.files:LocalFiles.write", call=3), 2),
        # The second checkpoint is noted, and DBOS does not know.
        (Death(function="service.jobs.leases:Leases.advance", call=2), 0),
        # The job succeeded, and DBOS does not know; the last checkpoint is still there.
        (Death(function="service.jobs.leases:Leases.advance", call=3), 0),
        # Nothing is left to do but to say so.
        (Death(function="service.jobs.leases:Leases.release", after=False), 0),
        # Everything is done but what DBOS does.
        (Death(function="service.jobs.leases:Leases.release"), 0),
    ],
)
def test_a_job_survives_a_kill_between(
    tmp_path: Path, start_jobs: OpenJobs, death: Death, again: int
) -> None:
    data_dir, trace = tmp_path / "data", tmp_path / "trace"
    settings = JobSettings(data_dir=str(data_dir), heartbeat_s=0.2)
    host = Host(settings, trace, death)
    one = submission("job", steps=6, every=2, pace_s=0.0)
    with suppress(EOFError, ConnectionError):  # it may die sooner than it answers
        host.submit(one)
    host.dies()
    host = Host(settings, trace)
    eventually(lambda: not unfinished(data_dir))
    host.close()

    jobs = start_jobs()
    check_done(jobs, {jobs.page("", limit=1).jobs[0].id: one}, data_dir)
    assert len(painted(trace)) == 6 + again


def test_a_job_that_was_not_accepted_leaves_nothing(tmp_path: Path, start_jobs: OpenJobs) -> None:
    settings = JobSettings(data_dir=str(tmp_path / "data"), heartbeat_s=0.2)
    death = Death(function="service.jobs.ledger:Ledger.enqueue", after=False)
    host = Host(settings, tmp_path / "trace", death)
    with pytest.raises((EOFError, ConnectionError)):
        host.submit(submission("job", steps=1, every=1))
    host.dies()
    host = Host(settings, tmp_path / "trace")
    eventually(lambda: not list((tmp_path / "data" / "files").iterdir()))
    host.close()

    assert start_jobs().page("", limit=1).jobs == ()
    assert painted(tmp_path / "trace") == []
