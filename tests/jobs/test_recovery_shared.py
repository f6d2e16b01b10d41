"""Several workers on one PostgreSQL: who dies is replaced, who was only slow is kept out."""

import signal
from pathlib import Path

from service.jobs.job import JobSpec, Status
from service.jobs.jobs import Jobs
from service.jobs.settings import JobSettings
from tests.jobs.conftest import OpenJobs
from tests.jobs.hosts import Host, Submission
from tests.jobs.painters import ChainPainter, painted, picture
from tests.servers import eventually

STEPS = 60


def submission(name: str) -> Submission:
    options = {"name": name, "steps": STEPS, "every": 4, "pace_s": 0.005}
    return Submission(spec=JobSpec(method="chain", options=options), content=name.encode())


def check_done(jobs: Jobs, job_id: str, one: Submission) -> None:
    """Check that a job ended as if nothing had happened."""
    job = jobs.get(job_id, "")
    assert job.status is Status.SUCCEEDED
    assert jobs.result(job_id, "") == picture(one.content, None, STEPS)
    assert [step for step, _ in job.costs] == list(range(1, STEPS + 1))


def in_the_middle(trace: Path, host: Host) -> str | None:
    """Return the name of the job that a process is working on."""
    latest = [(name, step) for name, step, process in painted(trace) if process == host.process.pid]
    return latest[-1][0] if latest and latest[-1][1] < STEPS else None


def ended(jobs: Jobs) -> bool:
    return all(job.status.final for job in jobs.page("", limit=10).jobs)


def test_a_worker_that_is_killed_for_good_is_replaced(
    tmp_path: Path, postgresql_url: str, start_jobs: OpenJobs
) -> None:
    trace = tmp_path / "trace"
    settings = JobSettings(data_dir=str(tmp_path / "data"), url=postgresql_url, heartbeat_s=0.3)
    doomed, survivor = Host(settings, trace), Host(settings, trace)
    wanted = {doomed.submit(one): one for one in map(submission, "abcd")}
    eventually(lambda: in_the_middle(trace, doomed) and in_the_middle(trace, survivor))
    doomed.kill()
    cut_off = in_the_middle(trace, doomed)
    before = len(painted(trace))
    jobs = start_jobs(url=postgresql_url)
    eventually(lambda: ended(jobs))
    survivor.close()

    for job_id, one in wanted.items():
        check_done(jobs, job_id, one)
    after = painted(trace)[before:]
    assert {process for _, _, process in after} == {survivor.process.pid}
    assert cut_off is None or cut_off in {name for name, _, _ in after}


def test_a_worker_that_was_only_thought_dead_spoils_nothing(
    tmp_path: Path, postgresql_url: str, start_jobs: OpenJobs
) -> None:
    trace = tmp_path / "trace"
    settings = JobSettings(data_dir=str(tmp_path / "data"), url=postgresql_url, heartbeat_s=0.3)
    sleeper = Host(settings, trace)
    one = submission("a")
    job_id = sleeper.submit(one)
    eventually(lambda: painted(trace))
    sleeper.signal(signal.SIGSTOP)
    successor = Host(settings, trace)
    eventually(lambda: painted(trace)[-1][-1] == successor.process.pid)
    sleeper.signal(signal.SIGCONT)
    jobs = start_jobs(url=postgresql_url)
    eventually(lambda: ended(jobs))
    check_done(jobs, job_id, one)

    successor.close()
    another = submission("b")
    job_id = sleeper.submit(another)  # it knows that it lost that job, and takes others
    eventually(lambda: ended(jobs))
    sleeper.close()
    check_done(jobs, job_id, another)


def test_jobs_without_a_disk_in_common(
    bucket: str, postgresql_url: str, start_jobs: OpenJobs
) -> None:
    shared = {"url": postgresql_url, "data_dir": f"{bucket}/jobs"}
    front = start_jobs(**shared)
    start_jobs(ChainPainter(), **shared)
    one = submission("a")
    job_id = front.submit(one.spec, one.content).id
    eventually(lambda: ended(front))
    check_done(front, job_id, one)
    eventually(lambda: [name[:6] for name in front._files.names(job_id)] == ["result"])
    front.cancel(job_id, "")
    assert front._files.names(job_id) == []
