"""What tests ask of jobs again and again."""

from pathlib import Path
from typing import Any

from service.jobs.files import LocalFiles
from service.jobs.job import Job, JobSpec
from service.jobs.jobs import Jobs
from tests.servers import eventually


def spec(steps: int = 1, every: int = 1, owner: str = "", **others: Any) -> JobSpec:
    return JobSpec(method="chain", options={"steps": steps, "every": every}, owner=owner, **others)


def end(jobs: Jobs, job: Job) -> Job:
    """Wait for a job's end."""
    eventually(lambda: jobs.get(job.id, job.spec.owner).status.final)
    return jobs.get(job.id, job.spec.owner)


def files_of(tmp_path: Path, job: Job) -> list[str]:
    return LocalFiles(tmp_path / "data" / "files").names(job.id)
