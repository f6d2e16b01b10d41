"""A server is left alone until it is done with what a load left in flight."""

from types import SimpleNamespace

import pytest

from bench import running
from bench.running import Running


@pytest.mark.parametrize(
    ("cpu_seconds", "looks"),
    [
        ([1.0, 1.0], 1),  # idle
        ([1.0, 1.02], 1),  # it only polls
        ([1.0, 1.2, 1.2, 1.35, 1.35, 1.35], 3),  # two tenths of a second with work to do
    ],
)
def test_a_server_that_works_is_waited_for(monkeypatch, cpu_seconds, looks):
    slept, figures = [], iter(cpu_seconds)
    monkeypatch.setattr(running.time, "sleep", slept.append)
    server = Running.__new__(Running)
    server.tree = SimpleNamespace(cpu_seconds=lambda: next(figures))
    server.settle()
    assert slept == [running.LOOK_S] * looks


def test_one_that_never_ends_is_not_waited_for_for_ever(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(running.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    server = Running.__new__(Running)
    server.tree = SimpleNamespace(cpu_seconds=lambda: now[0] * 2)  # two cores
    server.settle()
    assert now[0] == pytest.approx(running.PATIENCE_S, abs=2 * running.LOOK_S)
