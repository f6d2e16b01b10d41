"""Saying no in time: by the number in hand, by the predicted wait, by the caller's deadline."""

import threading
from collections.abc import Callable

import pytest

from service.engine.admission import SMOOTHING, Admission, Ticket
from service.engine.deadline import Deadline
from service.errors import ChiasmError, Overloaded, ShareExceeded, ShuttingDown, Unavailable
from tests.engine.fakes import PATIENCE_S, Clock

PATIENT = Deadline.never()


@pytest.fixture
def admission(clock: Clock) -> Admission:
    return Admission(max_in_flight=10, max_wait_s=1.0, clock=clock)


def admit(admission: Admission, count: int) -> list[Ticket]:
    return [admission.admit(PATIENT) for _ in range(count)]


def test_while_nothing_is_known_only_the_number_in_hand_counts(admission: Admission) -> None:
    admit(admission, 10)

    assert admission.in_flight == 10
    assert admission.predicted_wait_s == 0
    with pytest.raises(Overloaded, match="full"):
        admission.admit(PATIENT)
    assert admission.in_flight == 10


@pytest.mark.parametrize(
    ("departures_s", "interval_s"),
    [
        ([2.0], 2.0),  # the first is taken as it is
        ([2.0, 2.0, 2.0], 2.0),
        ([2.0, 4.0], 2.0 + (4.0 - 2.0) * SMOOTHING),
        ([2.0, 0.0], 2.0 - 2.0 * SMOOTHING),  # two of one batch leave together
    ],
)
def test_the_wait_is_predicted_from_the_intervals_between_departures(
    clock: Clock, admission: Admission, departures_s: list[float], interval_s: float
) -> None:
    tickets = admit(admission, 8)

    for ticket, passed_s in zip(tickets, departures_s, strict=False):
        clock.now += passed_s
        ticket.release(completed=True)

    left = 8 - len(departures_s)
    assert admission.in_flight == left
    assert admission.predicted_wait_s == pytest.approx(left * interval_s)


def test_the_prediction_follows_the_pace(clock: Clock, admission: Admission) -> None:
    admission.seed(0.001)  # measured on an idle machine

    for _ in range(100):
        ticket = admission.admit(PATIENT)
        clock.now += 0.5
        ticket.release(completed=True)

    admission.admit(PATIENT)
    assert admission.predicted_wait_s == pytest.approx(0.5, rel=0.01)


def test_idle_time_is_not_taken_for_slowness(clock: Clock, admission: Admission) -> None:
    for _ in range(3):
        clock.now += 3600
        ticket = admission.admit(PATIENT)
        clock.now += 0.25
        ticket.release(completed=True)

    admission.admit(PATIENT)
    assert admission.predicted_wait_s == 0.25


def test_a_request_that_was_dropped_says_nothing_about_the_pace(
    clock: Clock, admission: Admission
) -> None:
    admission.seed(0.25)
    dropped, done, _ = admit(admission, 3)

    clock.now += 0.125
    dropped.release(completed=False)
    clock.now += 0.125
    done.release(completed=True)

    assert admission.in_flight == 1
    assert admission.predicted_wait_s == 0.25


@pytest.mark.parametrize(
    ("in_hand", "deadline_ms", "refused"),
    [
        (0, 100, False),  # nobody is ahead
        (0, -100, False),  # late already, which its own check will find
        (1, 600, False),
        (1, 500, False),  # just in time
        (1, 400, True),
        (2, 5000, False),  # a second is what the operator allows
        (3, 5000, True),  # however patient the caller
        (1, -100, True),
    ],
)
def test_who_would_wait_too_long_is_refused(
    clock: Clock, admission: Admission, in_hand: int, deadline_ms: float, refused: bool
) -> None:
    admission.seed(0.5)
    tickets = [admission.admit(PATIENT) for _ in range(in_hand)]
    deadline = Deadline.after(deadline_ms)

    if not refused:
        admission.check(deadline)
        admission.admit(deadline)
        return
    with pytest.raises(
        Overloaded, match=r"predicted wait is \d\.\d{3} s; \d\.\d{3} s are"
    ) as refusal:
        admission.admit(deadline)
    with pytest.raises(Overloaded):
        admission.check(deadline)

    assert refusal.value.retry_after_s == in_hand * 0.5  # when the work ahead is done
    assert admission.in_flight == len(tickets)


@pytest.mark.parametrize(("interval_s", "retry_after_s"), [(0.0, 0.0), (0.125, 0.25)])
def test_a_full_queue_says_when_it_will_be_worked_off(
    clock: Clock, interval_s: float, retry_after_s: float
) -> None:
    admission = Admission(max_in_flight=2, max_wait_s=1.0, clock=clock)
    admission.seed(interval_s)
    admit(admission, 2)

    with pytest.raises(Overloaded, match="full") as refusal:
        admission.admit(PATIENT)

    assert refusal.value.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    ("held", "caller", "refused"),
    [
        ({"greedy": 9}, "greedy", None),  # alone, it may fill the queue
        ({"greedy": 10}, "greedy", Overloaded),  # and nobody is robbed
        ({"greedy": 10}, "new", None),  # whose share is free, though the queue is full
        ({"greedy": 5, "new": 1}, "greedy", ShareExceeded),
        ({"greedy": 5, "new": 1}, "new", None),
        ({"greedy": 5, "new": 4}, "new", None),
        ({"a": 5, "b": 5}, "a", Overloaded),  # neither has more than the other
        ({"a": 5, "b": 5}, "c", None),
        ({"a": 3, "b": 3, "c": 3}, "c", Overloaded),
        (dict.fromkeys("abcdefghijk", 1), "l", None),  # more callers than places: one each
    ],
)
def test_each_caller_may_hold_its_share_of_the_queue(
    admission: Admission, held: dict[str, int], caller: str, refused: type[ChiasmError] | None
) -> None:
    for who, count in held.items():
        for _ in range(count):
            admission.admit(PATIENT, who)

    if refused is None:
        admission.admit(PATIENT, caller)
        return
    for refusing in (admission.check, admission.admit):
        with pytest.raises(refused, match="full"):
            refusing(PATIENT, caller)


@pytest.mark.parametrize(
    ("held", "caller", "ahead"),
    [
        ({"a": 6}, "a", 6),  # its own
        ({"a": 6}, "b", 1),  # one of the other's, then it is its turn
        ({"a": 6, "b": 2}, "b", 2 + 3),
        ({"a": 2, "b": 6}, "b", 6 + 2),  # the other has no more
        ({"a": 6, "b": 6}, "c", 1 + 1),
    ],
)
def test_of_others_no_more_is_ahead_than_of_one_s_own(
    clock: Clock, held: dict[str, int], caller: str, ahead: int
) -> None:
    admission = Admission(max_in_flight=1000, max_wait_s=0.0, clock=clock)
    for who, count in held.items():
        for _ in range(count):
            admission.admit(PATIENT, who)
    admission.seed(1.0)

    with pytest.raises(Unavailable) as refusal:
        admission.check(PATIENT, caller)

    assert refusal.value.retry_after_s == ahead


def test_who_has_nothing_in_hand_any_more_has_no_share(admission: Admission) -> None:
    ticket = admission.admit(PATIENT, "gone")
    for _ in range(5):
        admission.admit(PATIENT, "here")
    with pytest.raises(ShareExceeded):
        admission.check(PATIENT, "here")

    ticket.release(completed=True)

    admission.check(PATIENT, "here")


def test_a_ticket_counts_once(clock: Clock, admission: Admission) -> None:
    first, _ = admit(admission, 2)

    first.release(completed=True)
    clock.now += 100
    first.release(completed=True)

    assert admission.in_flight == 1
    assert admission.predicted_wait_s == 0


def test_nothing_is_admitted_once_it_is_closed(admission: Admission) -> None:
    (ticket,) = admit(admission, 1)

    assert not admission.close(0.0)  # one is in hand still
    for refused in (admission.admit, admission.check):
        with pytest.raises(ShuttingDown):
            refused(PATIENT)

    ticket.release(completed=True)
    assert admission.close(0.0)


def test_closing_waits_for_what_is_in_hand(admission: Admission) -> None:
    tickets = admit(admission, 2)
    drained: list[bool] = []
    closing = threading.Thread(target=lambda: drained.append(admission.close(PATIENCE_S)))
    closing.start()

    for ticket in tickets:
        ticket.release(completed=False)
    closing.join(PATIENCE_S)

    assert drained == [True]


def run_together(work: Callable[[], None], *, threads: int) -> None:
    started = threading.Barrier(threads)

    def enter() -> None:
        started.wait(PATIENCE_S)
        work()

    workers = [threading.Thread(target=enter) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE_S)


def test_the_count_is_right_under_a_hammer() -> None:
    admission = Admission(max_in_flight=4, max_wait_s=1000.0)
    most = [0]

    def work() -> None:
        for _ in range(300):
            try:
                ticket = admission.admit(PATIENT)
            except Overloaded:
                continue
            most[0] = max(most[0], admission.in_flight)
            ticket.release(completed=True)

    run_together(work, threads=8)

    assert admission.in_flight == 0
    assert 1 <= most[0] <= 4
    assert admission.close(0.0)
