"""Work that gets only the CPU time that the rest of the process leaves."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

NICENESS = 19  # the most there is: one in seventy of the time of a thread that competes with it


def yield_to_others() -> None:
    """Lower the priority of the calling thread; on Linux each has one of its own.

    Threads that it starts from now on inherit it. Nothing happens elsewhere.

    Source: setpriority(2), "C library/kernel differences"; sched(7), "The nice value and group
    scheduling".
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def in_background(call: Callable[[], T]) -> T:
    """Return what `call` returns on a thread of low priority.

    A session opened so has threads of low priority, whoever runs it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="background", initializer=yield_to_others) as one:
        return one.submit(call).result()
