"""Callers take turns; each has its own items in order."""

from collections import defaultdict

import numpy as np
import pytest

from service.engine.turns import Turns


def drained(turns: Turns[str]) -> list[str]:
    return [turns.popleft() for _ in range(len(turns))]


@pytest.mark.parametrize(
    ("arrivals", "order"),
    [
        ("", ""),
        ("a1 a2 a3", "a1 a2 a3"),  # one caller: a plain queue
        ("a1 a2 a3 b1", "a1 b1 a2 a3"),
        ("a1 a2 b1 b2 c1", "a1 b1 c1 a2 b2"),
        ("b1 a1 b2", "b1 a1 b2"),
    ],
)
def test_callers_take_turns(arrivals: str, order: str) -> None:
    turns = Turns[str]()
    for item in arrivals.split():
        turns.append(item, item[0])

    assert sorted(turns) == sorted(arrivals.split())
    assert " ".join(drained(turns)) == order
    assert len(turns) == 0


def test_the_first_is_the_one_that_is_taken() -> None:
    turns = Turns[str]()
    for item in ("a1", "a2", "b1"):
        turns.append(item, item[0])

    while turns:
        first = turns.first()
        assert turns.popleft() == first
    for take in (turns.first, turns.popleft):
        with pytest.raises(StopIteration):
            take()


def test_whoever_comes_back_waits_for_those_who_were_there() -> None:
    turns = Turns[str]()
    turns.append("a1", "a")
    turns.append("b1", "b")
    assert turns.popleft() == "a1"  # and "a" has nothing left

    turns.append("a2", "a")

    assert drained(turns) == ["b1", "a2"]


def test_nobody_gets_two_turns_while_another_waits() -> None:
    random = np.random.default_rng(0)
    turns = Turns[str]()
    waiting: defaultdict[str, int] = defaultdict(int)
    since: dict[str, list[str]] = {}  # who was served while this caller waited
    for step in range(5_000):
        if len(turns) and random.random() < 0.5:
            caller = turns.popleft().split()[0]
            since[caller] = []
            waiting[caller] -= 1
            for other, served in since.items():
                if other != caller and waiting[other]:
                    assert caller not in served
                    served.append(caller)
        else:
            caller = random.choice(["a", "b", "c", "d"])
            turns.append(f"{caller} {step}", caller)
            if not waiting[caller]:
                since[caller] = []
            waiting[caller] += 1
