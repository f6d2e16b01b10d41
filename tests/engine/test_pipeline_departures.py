"""Callers that leave and deadlines that pass: the work that is left is saved, and counted."""

from collections.abc import Callable

import pytest

from service.engine.deadline import Deadline
from service.engine.pipeline import Decoded
from service.errors import DeadlineExceeded
from tests.engine.benches import Bench, Opened, brightness, grey
from tests.engine.fakes import PATIENCE_S, Clock, Gate


def test_who_leaves_before_decoding_costs_nothing(bench: Callable[..., Bench]) -> None:
    one, gate, source = bench(), Gate(), Opened()
    one.pool.submit(gate)
    future = one.submit(source)

    assert future.cancel()
    assert one.pipeline.in_flight == 0  # at once, not when its turn comes
    gate.open()
    one.settle()

    assert source.opened == []
    assert one.session.runs == []
    assert one.recorder.drops == ["client_gone"]


def test_who_leaves_while_waiting_for_the_network_is_not_run(bench: Callable[..., Bench]) -> None:
    gate = Gate()
    one = bench(gate)
    first = one.level(1)
    gate.wait_for_arrival()
    left = one.level(2)
    one.settle()

    assert left.cancel()
    gate.open()

    assert brightness(first.result(PATIENCE_S)) == 1
    one.close()
    assert one.session.runs == [1]
    assert one.recorder.drops == ["client_gone"]


def test_who_leaves_in_mid_run_disturbs_nobody(bench: Callable[..., Bench]) -> None:
    gates = {1: Gate(), 2: Gate()}
    one = bench(lambda rows: gates[min(2, len(rows))]())
    first = one.level(1)
    gates[1].wait_for_arrival()
    left, stays = one.level(2), one.level(3)
    one.settle()
    gates[1].open()
    gates[2].wait_for_arrival()

    assert left.cancel()
    gates[2].open()

    assert [brightness(future.result(PATIENCE_S)) for future in (first, stays)] == [1, 3]
    one.close()
    assert one.session.runs == [1, 2]
    assert one.recorder.drops == ["client_gone"]
    assert one.pipeline.in_flight == 0


@pytest.mark.parametrize("stage", ["decode", "preprocess", "postprocess"])
def test_who_leaves_in_the_middle_of_a_stage_gets_no_answer(
    stage: str,
    bench: Callable[..., Bench],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, gate = bench(), Gate()
    source = Opened(gate=gate if stage == "decode" else lambda: None)
    if stage != "decode":
        work = getattr(one.task, stage)
        monkeypatch.setattr(one.task, stage, lambda *given: (gate(), work(*given))[1])
    future = one.submit(source)
    gate.wait_for_arrival()

    assert future.cancel()
    gate.open()
    one.close()

    assert future.cancelled()
    assert one.recorder.drops == ["client_gone"]
    assert caplog.text == ""


def test_who_leaves_before_a_stage_fails_is_not_told(
    bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    one, gate = bench(), Gate()
    future = one.submit(Opened(gate=lambda: (gate(), 1 // 0)))
    gate.wait_for_arrival()

    assert future.cancel()
    gate.open()

    assert brightness(one.level(5).result(PATIENCE_S)) == 5
    assert caplog.text == ""


def test_a_deadline_that_passes_before_decoding_costs_nothing(
    clock: Clock, bench: Callable[..., Bench]
) -> None:
    one, gate, source = bench(), Gate(), Opened()
    one.pool.submit(gate)
    future = one.submit(source, Deadline.after(100))

    clock.now += 1
    gate.open()

    assert isinstance(future.exception(PATIENCE_S), DeadlineExceeded)
    one.close()
    assert source.opened == []
    assert one.recorder.drops == ["deadline"]


def test_a_deadline_that_passes_in_the_queue_saves_the_run(
    clock: Clock, bench: Callable[..., Bench]
) -> None:
    gate = Gate()
    one = bench(gate)
    first = one.level(1)
    gate.wait_for_arrival()
    late = one.submit(Decoded(grey(2)), Deadline.after(100))
    one.settle()

    clock.now += 1
    gate.open()

    assert isinstance(late.exception(PATIENCE_S), DeadlineExceeded)
    assert brightness(first.result(PATIENCE_S)) == 1
    one.close()
    assert one.session.runs == [1]
    assert one.recorder.drops == ["deadline"]


def test_a_deadline_that_passes_in_the_network_saves_the_rest(
    clock: Clock, bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench(lambda _: clock.pass_s(1))
    monkeypatch.setattr(one.task, "postprocess", lambda *_: pytest.fail("nobody waits for it"))

    late = one.submit(Decoded(grey(2)), Deadline.after(100))

    assert isinstance(late.exception(PATIENCE_S), DeadlineExceeded)
    assert one.recorder.drops == ["deadline"]
