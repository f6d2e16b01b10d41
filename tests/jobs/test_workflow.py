"""DBOS keeps to itself, and is not imported before somebody paints."""

import logging
import os
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from service.errors import StartupError
from service.jobs.job import JobSpec, Status
from service.jobs.jobs import Jobs
from service.jobs.settings import JobSettings
from service.jobs.workflow import Json, Workflows
from tests.jobs.hosts import CONTEXT
from tests.jobs.painters import ChainPainter
from tests.servers import eventually
from tests.serving import PATIENCE_S


def test_dbos_is_not_imported_before_somebody_paints() -> None:
    code = "import sys, service.app; assert 'dbos' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=PATIENCE_S)


def _watched(data_dir: Path, output: Path, report: Connection) -> None:
    """Run a job and report every connection that was made or tried."""
    reached: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "urllib.Request"):
            reached.append(f"{event} {arguments}")

    with output.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    logging.basicConfig(level="INFO")
    sys.addaudithook(hook)
    jobs = Jobs(JobSettings(data_dir=str(data_dir)), ChainPainter())
    job = jobs.submit(JobSpec(method="chain", options={"steps": 3}), b"cat")
    eventually(lambda: jobs.get(job.id, "").status.final)
    jobs.close()
    sys.stdout.flush()
    sys.stderr.flush()
    report.send((jobs.get(job.id, "").status, reached))


def test_dbos_reports_to_nobody_and_prints_nothing(tmp_path: Path) -> None:
    mine, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(
        target=_watched, args=(tmp_path / "data", tmp_path / "output", theirs)
    )
    process.start()
    assert mine.poll(PATIENCE_S)
    assert mine.recv() == (Status.SUCCEEDED, [])
    process.join(PATIENCE_S)
    assert "dbos" not in (tmp_path / "output").read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("value", [None, 3, "running", {"args": ["1"], "kwargs": {}}])
def test_steps_are_recorded_as_json(value: object) -> None:
    assert Json().deserialize(Json().serialize(value)) == value


def test_an_exception_is_recorded_as_what_it_says() -> None:
    assert Json().deserialize(Json().serialize(ValueError("no"))) == "no"


def test_a_database_that_dbos_cannot_use_is_refused_at_start(tmp_path: Path) -> None:
    for _ in range(2):  # the first attempt leaves nothing behind that would spoil the second
        with pytest.raises(StartupError, match="cannot be used"):
            Workflows(f"sqlite:///{tmp_path}/no/where", "me", print, poll_s=1.0)
