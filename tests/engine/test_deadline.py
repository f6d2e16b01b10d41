"""A moment that is asked for at every stage."""

import math

import pytest

from service.engine.deadline import Deadline
from service.errors import DeadlineExceeded
from tests.engine.fakes import Clock


def test_there_is_time_until_it_has_passed(clock: Clock) -> None:
    deadline = Deadline.after(1500)
    assert deadline.remaining_s() == 1.5
    deadline.check()

    clock.now += 1.25
    assert deadline.remaining_s() == 0.25
    deadline.check()


@pytest.mark.parametrize(("later_s", "remaining_s"), [(1.5, 0), (2.0, -0.5)])
def test_at_the_deadline_it_has_passed(clock: Clock, later_s: float, remaining_s: float) -> None:
    deadline = Deadline.after(1500)
    clock.now += later_s

    assert deadline.remaining_s() == remaining_s
    with pytest.raises(DeadlineExceeded):
        deadline.check()


def test_never_does_not_come(clock: Clock) -> None:
    clock.now = 1e300

    assert Deadline.never().remaining_s() == math.inf
    Deadline.never().check()
