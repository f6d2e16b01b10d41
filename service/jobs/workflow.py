"""DBOS, kept on a short lead: the only file that knows it.

A job is a workflow with the job's id. Its steps are recorded in the jobs' database, so that a
process that takes it up after another one died starts behind the last recorded step.

    paint · paint · … · paint    each up to a checkpoint
    tidy                         files that an ended job does not need
    webhook · …                  attempts to tell that it ended
    release                      nothing is left to do

DBOS is told not to export, report or print anything, and to recover nothing by itself: every
process is an executor of its own, and what a dead one left is claimed (`leases.py`), then resumed.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig, Serializer, SetWorkflowID

from service.errors import StartupError
from service.jobs.leases import HandedOver

log = logging.getLogger(__name__)

NAME = "style-job"
# Workflows are only ever taken up by processes of the same version: to be raised when the steps
# of a workflow change, and no sooner, or jobs of before an upgrade would never end.
VERSION = "1"
CONNECTIONS = 5
LOG_LEVEL = "WARNING"
ENDED = ("SUCCESS", "ERROR")  # what DBOS does not resume
# How often DBOS looks for messages in SQLite. None are sent here, but it takes that long to end.
MESSAGES_S = 1.0

Body = Callable[[str], None]
"""Works on the job of an id."""


class Json(Serializer):
    """Keeps what steps return as JSON; DBOS would pickle it, and trust what it reads back."""

    def serialize(self, data: Any) -> str:
        """Return it as text; an exception as what it says."""
        return json.dumps(data, default=str)

    def deserialize(self, serialized_data: str) -> Any:
        """Return what the text says."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """The name that is stored beside the text."""
        return "json"


class Workflows:
    """Runs a function as a durable workflow, in this process; there can be one of these in each."""

    def __init__(self, url: str, executor_id: str, body: Body, *, poll_s: float) -> None:
        """Make DBOS's tables where they are missing, and get ready.

        Args:
            url: of the database.
            executor_id: another one for each process.
            body: the workflow, made of `step`s.
            poll_s: how long what is resumed waits at most.

        Raises:
            StartupError: the database cannot be used.
        """
        # With a handler of any kind it adds none of its own, and the service's handler gets it all.
        if not (logger := logging.getLogger("dbos")).handlers:
            logger.addHandler(logging.NullHandler())
        logger.setLevel(LOG_LEVEL)
        self._url, self._poll_s, self._queue = url, poll_s, queue_of(executor_id)
        try:
            DBOS.migrate(url)
            self.listen()  # before it is launched, since it looks for new queues once a second only
            DBOS(config=_config(url, executor_id))

            @DBOS.workflow(name=NAME)
            def workflow(job_id: str) -> None:
                body(job_id)

            self._workflow = workflow
            DBOS.listen_queues([self._queue])
            DBOS.launch()
        except Exception as error:
            DBOS.destroy(destroy_registry=True)
            raise StartupError(f"the database of the jobs cannot be used: {error}") from error

    def listen(self) -> None:
        """Make the queue from which this process takes what it resumes itself."""
        client = DBOSClient(system_database_url=self._url)
        try:
            client.register_queue(self._queue, polling_interval_sec=self._poll_s)
        finally:
            client.destroy()

    def start(self, job_id: str) -> None:
        """Run the workflow from its beginning, on a thread of its own."""
        with SetWorkflowID(job_id):
            DBOS.start_workflow(self._workflow, job_id)

    def resume(self, job_id: str) -> None:
        """Run the workflow from behind its last recorded step."""
        status = DBOS.get_workflow_status(job_id)
        if status is not None and status.status in ENDED:
            DBOS.delete_workflow(job_id)  # the job's own record says otherwise, and is right
            status = None
        if status is None:  # perhaps whoever claimed the job died before this
            self.start(job_id)
        else:
            DBOS.resume_workflow(job_id, queue_name=self._queue)

    def erase(self, job_ids: list[str]) -> None:
        """Remove what is known of workflows."""
        DBOS.delete_workflows(job_ids)

    def bury(self, executor_ids: list[str]) -> None:
        """Remove the queues of processes that are dead."""
        for executor_id in executor_ids:
            DBOS.delete_queue(queue_of(executor_id))

    def close(self) -> None:
        """Stop; workflows that still run are taken up by whoever claims their jobs."""
        try:
            DBOS.delete_queue(self._queue)
        finally:
            DBOS.destroy(destroy_registry=True)


def step(name: str, call: Callable[[], Any]) -> Any:
    """Return what `call` returns, or returned when this step of the workflow was run before.

    Raises:
        HandedOver: `call` failed, whatever with. DBOS would record an exception as the outcome of
            the step and raise it again for ever; so it is run again by whoever goes on.
    """

    def guarded() -> Any:
        try:
            return call()
        except Exception as error:
            log.exception("a step failed and will be run again: %s", name)
            raise HandedOver from error

    return DBOS.run_step({"name": name}, guarded)


def _config(url: str, executor_id: str) -> DBOSConfig:
    return {
        "name": "chiasm",
        "system_database_url": url,
        "sys_db_pool_size": CONNECTIONS,
        "executor_id": executor_id,
        "application_version": VERSION,
        "serializer": Json(),
        "notification_listener_polling_interval_sec": MESSAGES_S,
        "log_level": LOG_LEVEL,
        "enable_otlp": False,
    }


def queue_of(executor_id: str) -> str:
    """Return the name of a process's own queue."""
    return f"chiasm-{executor_id}"
