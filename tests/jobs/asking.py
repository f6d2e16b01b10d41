"""What tests ask of jobs again and again."""

from pathlib import Path
from typing import Any

from service.jobs.files import LocalFiles
from service.jobs.job import Job, JobSpec
from service.jobs.jobs import Jobs
from service.jobs.standby import Standby
from service.jobs.worker import Worker
from tests.servers import eventually


def spec(steps: int = 1, every: int = 1, owner: str = "", **others: Any) -> JobSpec:
    return JobSpec(method="chain", options={"steps": steps, "every": every}, owner=owner, **others)


def end(jobs: Jobs, job: Job) -> Job:
    """Wait for a job's end."""
    eventually(lambda: jobs.get(job.id, job.spec.owner).status.final)
    return jobs.get(job.id, job.spec.owner)


def files_of(tmp_path: Path, job: Job) -> list[str]:
    return LocalFiles(tmp_path / "data" / "files").names(job.id)


def worker_of(jobs: Jobs) -> Worker:
    """Return the worker, made now if nothing needed it before."""
    worker = jobs._worker.begin() if isinstance(jobs._worker, Standby) else jobs._worker
    assert worker is not None
    return worker
