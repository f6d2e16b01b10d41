"""A picture's way to its answer, and what becomes of it when something on the way goes wrong."""

import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import pytest

from service.arrays import Array
from service.engine.pipeline import Decoded, Encoded
from service.errors import Overloaded, ShuttingDown, TruncatedImage, UnsupportedFormat
from service.imaging.decode import DecodeLimits, full_size
from service.imaging.picture import Picture
from service.tasks.base import Prepared
from service.tasks.classify import Classify, ClassifyOptions
from tests.engine.benches import NEVER, Bench, Opened, brightness, grey, stumble_over_13
from tests.engine.fakes import PATIENCE_S, Clock, Gate
from tests.imaging.pictures import ramp
from tests.pictures import encoded

STAGES = ["queue", "decode", "preprocess", "infer", "postprocess"]


class Buggy(Classify):
    """Stumbles over pictures of one size before the network, and of another after it."""

    def preprocess(self, picture: Picture, options: ClassifyOptions) -> Prepared:
        if picture.size == (1, 1):
            raise KeyError("before")
        prepared = super().preprocess(picture, options)
        return Prepared(tensors=prepared.tensors, context=picture.size)

    def postprocess(
        self, outputs: Mapping[str, Array], prepared: Prepared, options: ClassifyOptions
    ) -> Any:
        if prepared.context == (2, 2):
            raise KeyError("after")
        return super().postprocess(outputs, prepared, options)


def test_a_picture_becomes_an_answer_and_every_stage_is_timed(bench: Callable[..., Bench]) -> None:
    one = bench()
    data = encoded(ramp(48, 64), "PNG")

    answer = one.submit(Encoded(data, DecodeLimits())).result(PATIENCE_S)
    one.close()

    assert answer.size == (48, 64)
    assert sum(answer.result.scores) == pytest.approx(1)
    assert sorted(answer.timings) == sorted(STAGES)
    assert min(answer.timings.values()) >= 0
    assert sorted(one.recorder.stages) == sorted(STAGES)
    assert one.recorder.batches == [1]
    assert (one.pipeline.in_flight, one.pipeline.waiting) == (0, 0)


def test_a_timing_is_what_passed_in_its_stage(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("service.engine.pipeline.time", clock)
    monkeypatch.setattr("service.engine.batches.time", clock)
    one = bench(lambda _: clock.pass_s(0.5))

    answer = one.submit(Opened(gate=lambda: clock.pass_s(0.25))).result(PATIENCE_S)

    assert answer.timings == {
        "queue": 0.0,
        "decode": 250.0,
        "preprocess": 0.0,
        "infer": 500.0,
        "postprocess": 0.0,
    }


def test_pictures_that_wait_share_a_run_and_keep_their_own_answers(
    bench: Callable[..., Bench],
) -> None:
    gate = Gate()
    one = bench(gate)
    futures = [one.level(9)]
    gate.wait_for_arrival()

    futures += [one.level(level) for level in (50, 100, 200)]
    one.settle()
    assert one.pipeline.waiting == 3
    gate.open()

    assert [brightness(future.result(PATIENCE_S)) for future in futures] == [9, 50, 100, 200]
    assert one.session.runs == one.recorder.batches == [1, 3]


def test_a_picture_of_more_rows_than_allowed_is_run_in_parts(bench: Callable[..., Bench]) -> None:
    picture = Decoded(Picture.from_pixels(np.asarray(ramp(40, 60))))
    whole, parts = bench(max_rows=10), bench(max_rows=4)

    answers = [one.submit(picture, crops=10).result(PATIENCE_S) for one in (whole, parts)]

    assert whole.session.runs == [10]
    assert parts.session.runs == [4, 4, 2]
    np.testing.assert_array_equal(answers[0].result.scores, answers[1].result.scores)


def test_a_source_gives_the_pixels_that_the_task_needs() -> None:
    data = encoded(ramp(480, 640), "JPEG")
    picture = grey(1)

    assert Encoded(data, DecodeLimits()).open(lambda _: (60, 80)).stored_size == (60, 80)
    assert Encoded(data, DecodeLimits()).open(full_size).stored_size == (480, 640)
    assert Decoded(picture).open(lambda _: (1, 1)) is picture


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"no picture", UnsupportedFormat), (encoded(ramp(9, 9), "PNG")[:60], TruncatedImage)],
)
def test_a_bad_picture_is_its_senders_error_alone(
    data: bytes, error: type[Exception], bench: Callable[..., Bench]
) -> None:
    one = bench()

    bad, good = one.submit(Encoded(data, DecodeLimits())), one.level(80)

    assert isinstance(bad.exception(PATIENCE_S), error)
    assert brightness(good.result(PATIENCE_S)) == 80
    assert one.session.runs == [1]


@pytest.mark.parametrize(
    ("picture", "where"),
    [(grey(7, (1, 1)), "before"), (grey(13), "inside"), (grey(7, (2, 2)), "after")],
)
def test_a_bug_in_any_stage_is_the_callers_exception_and_the_threads_live_on(
    picture: Picture, where: str, bench: Callable[..., Bench]
) -> None:
    one = bench(stumble_over_13, task=Buggy)

    futures = [one.level(70), one.submit(Decoded(picture)), one.level(90)]

    assert brightness(futures[0].result(PATIENCE_S)) == 70
    with pytest.raises(KeyError, match=where):
        futures[1].result(PATIENCE_S)
    assert brightness(futures[2].result(PATIENCE_S)) == 90
    assert brightness(one.level(110).result(PATIENCE_S)) == 110
    assert one.pipeline.in_flight == 0


def test_what_is_not_admitted_leaves_no_trace(bench: Callable[..., Bench]) -> None:
    gate = Gate()
    one = bench(gate, max_in_flight=1)
    first = one.level(1)
    gate.wait_for_arrival()

    with pytest.raises(Overloaded):
        one.level(2)
    assert one.pipeline.in_flight == 1
    gate.open()

    assert brightness(first.result(PATIENCE_S)) == 1
    one.close()
    assert one.session.runs == [1]
    assert one.recorder.drops == []


def test_what_has_been_through_the_network_goes_before_what_has_not_begun(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, cpu, handed_on = Gate(), Gate(), Gate()
    handed_on.open()
    one, order = bench(network), list[str]()
    first = one.level(1)
    first.add_done_callback(lambda _: order.append("first answered"))
    network.wait_for_arrival()
    one.pool.submit(cpu)
    cpu.wait_for_arrival()
    second = one.submit(Opened(2, gate=lambda: order.append("second opened")))
    submit = one.pool.submit
    monkeypatch.setattr(one.pool, "submit", lambda *a, **k: (submit(*a, **k), handed_on()))

    network.open()
    handed_on.wait_for_arrival()
    cpu.open()

    second.result(PATIENCE_S)
    assert order == ["first answered", "second opened"]


def test_a_thread_that_prepared_a_picture_runs_and_answers_it_before_it_takes_the_next(
    bench: Callable[..., Bench],
) -> None:
    one, cpu, order = bench(shared=True), Gate(), list[str]()
    one.pool.submit(cpu)
    cpu.wait_for_arrival()
    futures = []
    for level in (1, 2):
        opened = Opened(level, gate=lambda level=level: order.append(f"{level} opened"))
        futures.append(one.submit(opened))
        futures[-1].add_done_callback(lambda _, level=level: order.append(f"{level} answered"))

    cpu.open()

    assert [brightness(future.result(PATIENCE_S)) for future in futures] == [1, 2]
    one.settle()
    assert order == ["1 opened", "1 answered", "2 opened", "2 answered"]


def test_what_was_admitted_before_goes_before_what_has_not_begun(
    bench: Callable[..., Bench],
) -> None:
    one, cpu, order = bench(max_in_flight=2), Gate(), list[int]()
    ticket = one.admission.admit(NEVER)
    one.pool.submit(cpu)
    cpu.wait_for_arrival()
    sources = {level: Opened(level, opened=order) for level in (1, 2)}

    new = one.submit(sources[1])
    under_way = one.pipeline.submit(sources[2], ClassifyOptions(), NEVER, ticket=ticket)
    assert one.pipeline.in_flight == 2  # not counted again
    cpu.open()

    assert [brightness(future.result(PATIENCE_S)) for future in (new, under_way)] == [1, 2]
    assert order == [2, 1]
    assert one.pipeline.in_flight == 0


def test_closing_runs_what_is_queued_and_refuses_the_rest(bench: Callable[..., Bench]) -> None:
    network, cpu = Gate(), Gate()
    one = bench(network)
    running = one.level(1)
    network.wait_for_arrival()
    queued = one.level(2)
    one.settle()
    one.pool.submit(cpu)
    undecoded = one.level(3)

    closing = threading.Thread(target=one.pipeline.close)
    closing.start()
    network.open()
    closing.join(PATIENCE_S)
    cpu.open()

    assert [brightness(future.result(PATIENCE_S)) for future in (running, queued)] == [1, 2]
    assert isinstance(undecoded.exception(PATIENCE_S), ShuttingDown)
    with pytest.raises(ShuttingDown):
        one.level(4)


def test_the_wait_is_the_admissions(bench: Callable[..., Bench]) -> None:
    gate = Gate()
    one = bench(gate)
    one.admission.seed(0.25)
    future = one.level(1)

    assert one.pipeline.predicted_wait_s == 0.25

    gate.open()
    future.result(PATIENCE_S)


@pytest.mark.parametrize("shared", [False, True], ids=["accelerator", "CPU"])
def test_everybody_gets_their_own_answer_under_a_hammer(
    shared: bool, bench: Callable[..., Bench]
) -> None:
    one = bench(stumble_over_13, cpus=2, instances=2, max_rows=3, shared=shared)
    wrong: list[object] = []

    def hammer(source: int) -> None:
        chance = random.Random(source)
        futures = [(level, one.level(level)) for level in chance.choices(range(256), k=60)]
        for _, future in chance.sample(futures, 15):
            future.cancel()
        for level, future in futures:
            try:
                if brightness(future.result(PATIENCE_S)) != level:
                    wrong.append(level)
            except CancelledError:
                pass
            except KeyError:
                wrong.extend([level] if level != 13 else [])

    threads = [threading.Thread(target=hammer, args=(source,)) for source in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    one.close()

    assert wrong == []
    assert one.pipeline.in_flight == 0
    assert max(one.session.runs) <= 3
