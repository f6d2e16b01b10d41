"""Callers that leave, come late or bring what fails: nobody is harmed by anybody else."""

import random
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from service.errors import DeadlineExceeded
from tests.engine.doubling import NEVER, PASSED, Doubler, Start, results, submit
from tests.engine.fakes import PATIENCE_S, Gate


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"deadline": NEVER, "gone": lambda: True}, CancelledError),
        ({"deadline": PASSED}, DeadlineExceeded),
        ({"deadline": PASSED, "gone": lambda: True}, CancelledError),  # nobody is told of it
    ],
)
def test_who_has_left_or_is_late_is_skipped(
    arguments: dict[str, Any], error: type[Exception], start: Start
) -> None:
    gate = Gate()
    run = Doubler({0: gate})
    scheduler = start(run)
    submit(scheduler, 0)
    gate.wait_for_arrival()

    skipped = scheduler.submit(1, **arguments)
    (other,) = submit(scheduler, 2)
    gate.open()

    assert other.result(PATIENCE_S) == 4
    assert type(skipped.exception(PATIENCE_S)) is error
    assert run.batches == [[0], [2]]


def test_a_batch_of_nobody_is_not_run(start: Start) -> None:
    run = Doubler()
    scheduler = start(run)

    late = scheduler.submit(1, deadline=PASSED)

    with pytest.raises(DeadlineExceeded):
        late.result(PATIENCE_S)
    assert results(submit(scheduler, 2)) == [4]
    assert run.batches == [[2]]


def test_a_future_that_is_cancelled_in_time_is_skipped(start: Start) -> None:
    gate = Gate()
    run = Doubler({0: gate})
    scheduler = start(run)
    submit(scheduler, 0)
    gate.wait_for_arrival()

    cancelled, other = submit(scheduler, 1, 2)
    assert cancelled.cancel()
    gate.open()

    assert other.result(PATIENCE_S) == 4
    assert run.batches == [[0], [2]]


def test_a_caller_that_leaves_in_mid_batch_disturbs_nobody(start: Start) -> None:
    gates = {0: Gate(), 1: Gate()}
    scheduler = start(Doubler(gates))
    submit(scheduler, 0)
    gates[0].wait_for_arrival()
    left = threading.Event()
    futures = [scheduler.submit(item, deadline=NEVER, gone=left.is_set) for item in (1, 2, 3)]
    gates[0].open()
    gates[1].wait_for_arrival()

    left.set()
    assert not futures[0].cancel()  # too late, and without consequence
    gates[1].open()

    assert results(futures) == [2, 4, 6]
    assert results(submit(scheduler, 5)) == [10]  # the thread lives on


def test_of_a_failing_batch_only_the_culprit_fails(start: Start) -> None:
    gate = Gate()
    run = Doubler({0: gate}, poison=frozenset({13}))
    scheduler = start(run)
    submit(scheduler, 0)
    gate.wait_for_arrival()

    one, culprit, two = submit(scheduler, 1, 13, 2)
    gate.open()

    assert results([one, two]) == [2, 4]
    with pytest.raises(ValueError, match="cannot double"):
        culprit.result(PATIENCE_S)
    assert run.batches == [[0], [1, 13, 2], [1], [13], [2]]


def test_a_failure_alone_is_not_tried_again(start: Start) -> None:
    run = Doubler(poison=frozenset({13}))
    scheduler = start(run)

    (culprit,) = submit(scheduler, 13)

    assert isinstance(culprit.exception(PATIENCE_S), ValueError)
    assert results(submit(scheduler, 1)) == [2]
    assert run.batches == [[13], [1]]


@pytest.mark.parametrize("answers", [[], [1], [1, 2, 3, 4]])
def test_a_wrong_number_of_answers_is_an_error_and_never_somebody_elses_answer(
    answers: list[int], start: Start
) -> None:
    gate = Gate()

    def run(items: Sequence[int]) -> list[int]:
        gate()
        return [2 * items[0]] if len(items) == 1 else answers

    scheduler = start(run)
    (first,) = submit(scheduler, 0)
    gate.wait_for_arrival()
    others = submit(scheduler, 5, 6, 7)
    gate.open()

    assert results([first, *others]) == [0, 10, 12, 14]  # right when each was asked alone


def test_no_answer_to_a_lone_item_is_its_error(start: Start) -> None:
    (future,) = submit(start(lambda items: []), 1)

    assert isinstance(future.exception(PATIENCE_S), ValueError)


def test_a_callback_that_fails_does_not_end_the_thread(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    scheduler = start(Doubler({0: gate}))
    (future,) = submit(scheduler, 0)
    gate.wait_for_arrival()
    future.add_done_callback(lambda _: 1 // 0)
    gate.open()

    assert results(submit(scheduler, 1)) == [2]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("max_delay_s", [0.0, 0.001])
def test_everybody_gets_their_own_answer_under_a_hammer(max_delay_s: float, start: Start) -> None:
    poison = frozenset(range(0, 2000, 97))
    run = Doubler(poison=poison)
    scheduler = start(run, instances=3, max_rows=5, max_delay_s=max_delay_s)
    outcomes: dict[int, object] = {}

    def hammer(source: int) -> None:
        chance = random.Random(source)
        mine: list[tuple[int, Future[int]]] = []
        for item in range(source, 1000, 6):
            gone = chance.random() < 0.2
            deadline = PASSED if chance.random() < 0.2 else NEVER
            rows = chance.choice([1, 1, 2, 9])
            mine.append(
                (
                    item,
                    scheduler.submit(
                        item, rows=rows, deadline=deadline, gone=lambda gone=gone: gone
                    ),
                )
            )
            if chance.random() < 0.2:
                mine[-1][1].cancel()
        for item, future in mine:
            try:
                outcomes[item] = future.result(PATIENCE_S)
            except (CancelledError, DeadlineExceeded):
                outcomes[item] = "skipped"
            except ValueError:
                outcomes[item] = "failed"

    threads = [threading.Thread(target=hammer, args=(source,)) for source in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert set(outcomes) == set(range(1000))
    assert {item for item, outcome in outcomes.items() if outcome == "failed"} <= poison
    answers = {item: outcome for item, outcome in outcomes.items() if isinstance(outcome, int)}
    assert len(answers) > 300
    assert all(outcome == 2 * item for item, outcome in answers.items())
    assert max(map(len, run.batches)) <= 5
