"""Threads that finish what is under way before they start anything new."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from service.engine.pool import CpuPool, Lane
from tests.engine.fakes import PATIENCE_S, Gate


@pytest.fixture
def start() -> Iterator[Callable[[int], CpuPool]]:
    """Return what starts a pool that is closed at the end of the test."""
    with ExitStack() as stack:

        def start(threads: int = 1) -> CpuPool:
            pool = CpuPool(threads)
            stack.callback(pool.close)
            return pool

        yield start


def busy(pool: CpuPool) -> Gate:
    """Keep one thread of the pool busy until the gate is opened."""
    gate = Gate()
    pool.submit(gate)
    gate.wait_for_arrival()
    return gate


def test_what_is_nearer_its_end_goes_first_and_each_lane_in_order(
    start: Callable[[int], CpuPool],
) -> None:
    pool, order = start(1), list[tuple[Lane, int]]()
    gate = busy(pool)
    for number in (1, 2):
        for lane in (Lane.START, Lane.FINISH, Lane.RUN):
            pool.submit(lambda call=(lane, number): order.append(call), lane)
    assert pool.waiting == 6

    gate.open()
    pool.close()

    lanes = (Lane.FINISH, Lane.RUN, Lane.START)
    assert order == [(lane, number) for lane in lanes for number in (1, 2)]
    assert pool.waiting == 0


def test_all_threads_work_at_once(start: Callable[[int], CpuPool]) -> None:
    pool, meeting = start(3), threading.Barrier(4)

    for _ in range(3):
        pool.submit(lambda: meeting.wait(PATIENCE_S))
    meeting.wait(PATIENCE_S)

    assert pool.threads == 3


def test_a_failing_call_is_logged_and_its_thread_lives_on(
    start: Callable[[int], CpuPool], caplog: pytest.LogCaptureFixture
) -> None:
    pool = start(1)

    pool.submit(lambda: 1 / 0)

    assert pool.run(lambda: "alive").result(PATIENCE_S) == "alive"
    assert "division by zero" in caplog.text


def test_a_run_has_a_future(start: Callable[[int], CpuPool]) -> None:
    pool = start(1)

    assert pool.run(lambda: 7).result(PATIENCE_S) == 7
    with pytest.raises(ZeroDivisionError):
        pool.run(lambda: 1 // 0, Lane.FINISH).result(PATIENCE_S)


def test_a_run_that_is_cancelled_in_time_never_happens(start: Callable[[int], CpuPool]) -> None:
    pool, done = start(1), list[str]()
    gate = busy(pool)
    future = pool.run(lambda: done.append("done"))

    assert future.cancel()
    gate.open()
    pool.close()

    assert done == []


def test_closing_finishes_what_was_submitted_and_ends_the_threads(
    start: Callable[[int], CpuPool],
) -> None:
    before = set(threading.enumerate())
    pool, done = start(2), list[int]()
    gate = busy(pool)
    for number in range(20):
        pool.submit(lambda number=number: done.append(number))

    gate.open()
    pool.close()

    assert sorted(done) == list(range(20))
    assert set(threading.enumerate()) <= before
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(lambda: None)
    pool.close()  # again does no harm


def test_no_call_is_lost_under_a_hammer(start: Callable[[int], CpuPool]) -> None:
    pool, done = start(3), list[int]()

    def hammer(source: int) -> None:
        for number in range(200):
            pool.submit(lambda: done.append(source), Lane(number % 3))

    threads = [threading.Thread(target=hammer, args=(source,)) for source in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    pool.close()

    assert sorted(done) == sorted(list(range(6)) * 200)


def test_what_a_call_submits_is_done_and_the_second_thing_wakes_another_thread(
    start: Callable[[int], CpuPool],
) -> None:
    pool, meeting = start(2), threading.Barrier(2)

    def meet() -> int:
        return meeting.wait(PATIENCE_S)

    two = pool.run(lambda: (pool.run(meet), pool.run(meet))).result(PATIENCE_S)

    assert {one.result(PATIENCE_S) for one in two} == {0, 1}


def test_no_call_of_a_call_is_lost(start: Callable[[int], CpuPool]) -> None:
    pool, done = start(3), threading.Semaphore(0)

    def branch(depth: int) -> None:
        done.release()
        for lane in (Lane.FINISH, Lane.START) if depth else ():
            pool.submit(lambda: branch(depth - 1), lane)

    pool.submit(lambda: branch(8))

    for _ in range(2**9 - 1):  # every node of the tree
        assert done.acquire(timeout=PATIENCE_S)
