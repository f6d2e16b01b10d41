"""`chiasm worker`: paints style jobs that others accept, on any number of machines."""

import argparse
import logging
import signal
import threading
from typing import Any

from service.app import decode_limits, open_jobs, open_models
from service.cli.ending import end_within
from service.engine.repository import scan
from service.errors import StartupError
from service.jobs.painting import StylePainter
from service.settings import Settings
from service.telemetry import Metrics

log = logging.getLogger(__name__)


def add_commands(commands: Any) -> None:
    """Add `worker` to the command line."""
    worker = commands.add_parser("worker", help="paint style jobs that servers accept")
    worker.set_defaults(run=_worker)


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    del options
    if settings.jobs_url is None:
        raise StartupError("a worker needs CHIASM_JOBS_URL, the database that it shares")
    if not settings.jobs_concurrency:
        raise StartupError("a worker with CHIASM_JOBS_CONCURRENCY=0 would never paint anything")
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    folders = [one for one in scan(settings.models_dir) if one.manifest.task.startswith("style-")]
    models = open_models(settings, Metrics(), folders)
    try:
        painter = StylePainter(models=models, decode=decode_limits(settings))
        jobs = open_jobs(settings, painter)
        if jobs is None:
            raise StartupError(f"there is no style network in {settings.models_dir}")
        log.info("painting jobs, %d at once", settings.jobs_concurrency)
        told.wait()
        log.info("leaving the jobs at their next checkpoints to others")
        end_within(settings.shutdown_grace_s)
        jobs.close(settings.shutdown_grace_s)
    finally:
        models.close()
    return 0
