"""Threads of low priority: the caller's own stays as it is, and what is started inherits."""

import os
import sys
import threading

import pytest

from service.engine.priority import NICENESS, in_background

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority here")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_what_runs_in_the_background_and_what_it_starts() -> None:
    before = niceness()
    found: list[int] = []

    def work() -> str:
        child = threading.Thread(target=lambda: found.append(niceness()))
        child.start()
        child.join()
        found.append(niceness())
        return "done"

    assert in_background(work) == "done"
    assert found == [NICENESS, NICENESS]
    assert niceness() == before


def test_what_it_raises_reaches_the_caller() -> None:
    def work() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        in_background(work)
