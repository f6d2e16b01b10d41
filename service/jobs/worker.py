"""Works on jobs: claims them when a painter is free, paints, tells, and looks after the dead."""

import logging
import secrets
import threading
from contextlib import ExitStack
from functools import partial

from service.engine.pool import CpuPool
from service.jobs.database import Database
from service.jobs.execution import Execution, fields
from service.jobs.files import Files, prune
from service.jobs.job import Painter
from service.jobs.leases import Claim, HandedOver, Leases
from service.jobs.settings import JobSettings
from service.jobs.webhook import Webhooks
from service.jobs.workflow import Workflows

log = logging.getLogger(__name__)

RESUME_S = 1.0  # how often a process looks for what it resumed itself
LOOK_S = 0.2  # how often a process with a free painter looks for jobs that another one accepted
BURIED_AFTER_S = 3_600.0


class Worker:
    """The part of a process that paints.

    A thread claims jobs, one for each free painter, and starts their workflows; another one beats.
    """

    def __init__(
        self,
        settings: JobSettings,
        database: Database,
        files: Files,
        webhooks: Webhooks,
        painter: Painter,
    ) -> None:
        """Take up what dead processes left, then what waits."""
        self.id = secrets.token_hex(8)
        self._settings = settings
        self._files = files
        self._webhooks = webhooks
        self._painter = painter
        self._leases = Leases(
            database,
            self.id,
            slots=settings.concurrency,
            dead_after_s=settings.dead_after_s,
            ttl_s=settings.ttl_s,
        )
        self._alone = database.sqlite  # no other process paints
        self._look_s = LOOK_S if database.shared else settings.heartbeat_s
        self._threads = CpuPool(settings.concurrency, name="painter")
        self._free = threading.Semaphore(settings.concurrency)
        self._hint = threading.Event()
        self._closing = threading.Event()
        # Claimed here; the lock makes a claim and its entry here one thing for `_reconcile`.
        self._executions: dict[str, Execution] = {}
        self._lock = threading.Condition()
        self._workflows = Workflows(
            settings.database_url, self.id, self._work, poll_s=min(RESUME_S, settings.heartbeat_s)
        )
        self._join()
        self._workers = [
            threading.Thread(target=call, name=name, daemon=True)
            for name, call in (("jobs-dispatch", self._dispatch), ("jobs-beat", self._look_after))
        ]
        for thread in self._workers:
            thread.start()

    def hint(self) -> None:
        """Say that there may be something to do."""
        self._hint.set()

    def stop(self, job_id: str) -> None:
        """Let the painter of a job know that nobody wants the picture any more."""
        with self._lock:
            execution = self._executions.get(job_id)
        if execution is not None:
            execution.stop()

    def sweep(self) -> int:
        """Remove all that is left of some jobs that expired, and return how many there were."""
        ids = self._leases.expired()
        for job_id in ids:
            prune(self._files, job_id)
        if ids:
            self._workflows.erase(ids)
            self._leases.erase(ids)
        return len(ids)

    def close(self, timeout_s: float) -> None:
        """Let painters come to a checkpoint, for so long at most, and leave the rest to others."""
        self._closing.set()
        self._hint.set()
        self._free.release()
        for thread in self._workers:
            thread.join(timeout_s)
        with self._lock:
            for execution in list(self._executions.values()):
                if not execution.begun:
                    self._give_back(execution)
                    self._leave(execution)
        in_time = self._settle(timeout_s)
        if not in_time:
            log.warning("jobs are left to others before they came to a checkpoint")
            with self._lock:
                for execution in self._executions.values():
                    execution.abandon()
            self._settle(timeout_s)
        with ExitStack() as last:
            if in_time:  # otherwise they paint until the process ends, which they do not delay
                last.callback(self._threads.close)
            last.callback(self._workflows.close)
            last.callback(self._leases.leave)

    def _settle(self, timeout_s: float) -> bool:
        with self._lock:
            return self._lock.wait_for(lambda: not self._executions, timeout_s)

    def _join(self) -> None:
        if self._alone:
            self._workflows.bury(self._leases.bury(silent_s=0.0))
        self._leases.beat()

    def _dispatch(self) -> None:
        while True:
            self._free.acquire()
            if self._closing.is_set():
                return
            pause_s = self._look_s
            try:
                if self._claim_one():
                    continue
            except Exception:  # the database may be back the next time
                log.exception("could not look for jobs")
                pause_s = self._settings.heartbeat_s
            self._free.release()
            self._hint.wait(pause_s)
            self._hint.clear()

    def _claim_one(self) -> bool:
        with self._lock:
            claim = self._leases.claim()
            if claim is None:
                return False
            self._executions[claim.job_id] = execution = Execution(
                claim,
                leases=self._leases,
                files=self._files,
                painter=self._painter,
                threads=self._threads,
                closing=self._closing,
            )
        try:
            self._start(claim)
        except Exception:
            log.exception("a job could not be started", extra=fields(claim.job_id))
            self._give_back(execution)
            self._leave(execution)
        return True

    def _start(self, claim: Claim) -> None:
        if claim.is_first:
            self._workflows.start(claim.job_id)
        else:
            log.info("a job is taken up again", extra=fields(claim.job_id))
            self._workflows.resume(claim.job_id)

    def _work(self, job_id: str) -> None:
        """Be the workflow: see `service.jobs.workflow`."""
        with self._lock:
            execution = self._executions.get(job_id)
            if execution is None or execution.begun:
                raise HandedOver
            execution.begun = True
        try:
            execution.run(self._webhooks, painted=partial(self._vacate, execution))
        except BaseException as error:
            # Whatever ends this run early does not end the job: DBOS must record nothing, nor keep
            # the thread waiting for what another process makes of it, as it does with its own.
            if isinstance(error, Exception):
                log.exception("a job is given up, for now", extra=fields(execution.claim.job_id))
            self._give_back(execution)
            raise HandedOver from error
        finally:
            self._leave(execution)

    def _vacate(self, execution: Execution) -> None:
        """Let another job have the painter."""
        execution.close()
        with self._lock:
            if execution.has_slot:
                execution.has_slot = False
                self._free.release()

    def _give_back(self, execution: Execution) -> None:
        try:
            self._leases.release(execution.claim, done=False)
        except Exception:  # `_reconcile` will, when the database is back
            log.exception("a job could not be given back", extra=fields(execution.claim.job_id))

    def _leave(self, execution: Execution) -> None:
        self._vacate(execution)
        with self._lock:
            if self._executions.get(execution.claim.job_id) is execution:  # not claimed again since
                del self._executions[execution.claim.job_id]
            self._lock.notify_all()
        self._hint.set()

    def _look_after(self) -> None:
        while not self._closing.wait(self._settings.heartbeat_s):
            try:
                if not self._alone and not self._leases.beat():
                    self._workflows.listen()  # silent for so long, this process was buried
                self._reconcile()
                self._workflows.bury(self._leases.bury(BURIED_AFTER_S))
                self.sweep()
            except Exception:  # the database may be back the next time
                log.exception("could not look after the jobs")

    def _reconcile(self) -> None:
        """Give up what is lost, and give back what is held for nobody."""
        with self._lock:
            held = self._leases.held()
            for execution in list(self._executions.values()):
                if held.get(execution.claim.job_id) != execution.claim.lease:
                    execution.stop()
                    if not execution.begun:
                        self._leave(execution)
            forgotten = held.keys() - self._executions.keys()
            if forgotten:
                self._leases.abandon(forgotten)
