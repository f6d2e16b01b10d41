"""The end of a process, when something in it waits for what may never come."""

import logging
import os
import threading
import time

log = logging.getLogger(__name__)

CLOSING_S = 15.0  # for jobs to come to a checkpoint and connections to close, behind the grace


def end_within(grace_s: float) -> None:
    """Let this process end by itself; `CLOSING_S` behind the grace, end it where it stands.

    DBOS waits for a database that is away without end, and so would the process, until whoever
    supervises it loses patience. Jobs are left as by any other kill: at their last checkpoint.
    """
    threading.Thread(target=_end, args=(grace_s + CLOSING_S,), name="end", daemon=True).start()


def _end(after_s: float) -> None:
    time.sleep(after_s)
    log.error("not closed after %g s, perhaps the database is away; ending without", after_s)
    os._exit(1)
