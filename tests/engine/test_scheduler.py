"""Batches from what arrived while the threads were busy."""

import itertools
import threading
from types import SimpleNamespace

import pytest

from service.errors import ShuttingDown
from tests.engine.doubling import NEVER, Doubler, Start, results, submit
from tests.engine.fakes import PATIENCE_S, Gate


def test_a_lone_item_runs_at_once(start: Start) -> None:
    run = Doubler()

    assert results(submit(start(run), 21)) == [42]
    assert run.batches == [[21]]


def test_a_thread_of_the_pool_may_take_a_free_turn_itself(start: Start) -> None:
    scheduler = start(Doubler())

    future = scheduler.submit(21, deadline=NEVER, here=True)

    assert future.done()
    assert future.result() == 42


def test_no_turn_is_taken_beyond_those_that_may_run(start: Start) -> None:
    gate = Gate()
    scheduler = start(Doubler({0: gate}))
    first = submit(scheduler, 0)
    gate.wait_for_arrival()

    second = scheduler.submit(1, deadline=NEVER, here=True)

    assert not second.done()
    gate.open()
    assert results([*first, second]) == [0, 2]


def test_a_batch_is_what_arrived_while_the_thread_was_busy(start: Start) -> None:
    gate = Gate()
    run = Doubler({0: gate})
    scheduler = start(run)

    first = submit(scheduler, 0)
    gate.wait_for_arrival()
    others = submit(scheduler, 1, 2, 3)
    assert scheduler.waiting == 3
    gate.open()

    assert results(first + others) == [0, 2, 4, 6]
    assert run.batches == [[0], [1, 2, 3]]
    assert scheduler.waiting == 0


@pytest.mark.parametrize(
    ("rows", "batches"),
    [
        ([1] * 6, [[1, 2, 3, 4], [5, 6]]),  # four rows at most
        ([2, 2, 2], [[1, 2], [3]]),
        ([3, 3, 1], [[1], [2, 3]]),
        ([1, 4, 1], [[1], [2], [3]]),
        ([1, 9, 1], [[1], [2], [3]]),  # more than fits: alone
        ([9], [[1]]),
    ],
)
def test_a_batch_has_no_more_rows_than_allowed(
    rows: list[int], batches: list[list[int]], start: Start
) -> None:
    gate = Gate()
    run = Doubler({0: gate})
    scheduler = start(run, max_rows=4)
    submit(scheduler, 0)
    gate.wait_for_arrival()

    futures = [
        scheduler.submit(item, rows=count, deadline=NEVER)
        for item, count in enumerate(rows, start=1)
    ]
    gate.open()

    assert results(futures) == [2 * item for item in range(1, len(rows) + 1)]
    assert run.batches == [[0], *batches]


def test_a_thread_leaves_their_share_to_the_others(start: Start) -> None:
    gates = {item: Gate() for item in (1, 2, 3)}
    run = Doubler(gates)
    scheduler = start(run, instances=2)
    submit(scheduler, 1)
    gates[1].wait_for_arrival()
    submit(scheduler, 2)
    gates[2].wait_for_arrival()
    futures = submit(scheduler, 3, 4, 5, 6, 7, 8)

    gates[1].open()
    gates[3].wait_for_arrival()

    assert run.batches[-1] == [3, 4, 5]  # of six, for two threads
    for gate in gates.values():
        gate.open()
    assert results(futures) == [6, 8, 10, 12, 14, 16]


def test_with_a_delay_a_batch_waits_until_it_is_full(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = threading.Semaphore(0)
    clock = SimpleNamespace(monotonic=lambda: float(looks.release() or 0))
    monkeypatch.setattr("service.engine.scheduler.time", clock)
    run = Doubler()
    scheduler = start(run, instances=1, max_rows=4, max_delay_s=2 * PATIENCE_S)

    futures = submit(scheduler, 1)
    for _ in range(2):  # when the batch will be due, and how long that is from now
        assert looks.acquire(timeout=PATIENCE_S)
    futures += submit(scheduler, 2)
    assert looks.acquire(timeout=PATIENCE_S)  # woken by company, which is not enough
    futures += submit(scheduler, 3, 4)

    assert results(futures) == [2, 4, 6, 8]
    assert run.batches == [[1, 2, 3, 4]]


def test_a_batch_waits_no_longer_than_its_delay(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_hour_at_each_look = SimpleNamespace(monotonic=itertools.count(0.0, 3600.0).__next__)
    monkeypatch.setattr("service.engine.scheduler.time", an_hour_at_each_look)

    assert results(submit(start(Doubler(), max_delay_s=3600), 1)) == [2]


def test_closing_ends_the_wait_for_company(start: Start) -> None:
    scheduler = start(Doubler(), max_delay_s=2 * PATIENCE_S)
    (future,) = submit(scheduler, 1)
    closing = threading.Thread(target=scheduler.close)

    closing.start()

    assert future.result(PATIENCE_S) == 2
    closing.join(PATIENCE_S)


def test_what_does_not_fit_beside_the_first_is_left_to_a_thread_that_waits(start: Start) -> None:
    gate = Gate()
    scheduler = start(Doubler({1: gate}), instances=2, max_rows=4, max_delay_s=2 * PATIENCE_S)
    first = scheduler.submit(1, rows=1, deadline=NEVER)

    large = scheduler.submit(2, rows=4, deadline=NEVER)

    assert large.result(PATIENCE_S) == 4  # while the first still runs
    gate.open()
    assert first.result(PATIENCE_S) == 2


def test_closing_runs_what_is_queued(start: Start) -> None:
    gate = Gate()
    scheduler = start(Doubler({0: gate}), instances=3, max_rows=2)
    futures = submit(scheduler, 0)
    gate.wait_for_arrival()
    futures += submit(scheduler, *range(1, 20))

    gate.open()
    scheduler.close()

    assert [future.result(0) for future in futures] == [2 * item for item in range(20)]
    with pytest.raises(ShuttingDown):
        scheduler.submit(1, deadline=NEVER)
    scheduler.close()  # again does no harm
