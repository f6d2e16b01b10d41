"""Pictures that need several runs: one after another, through the same queue as everybody's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from service.arrays import Array
from service.engine.deadline import Deadline
from service.engine.pipeline import Decoded
from service.errors import DeadlineExceeded, ShuttingDown
from service.imaging.picture import Picture
from service.tasks.base import Prepared
from service.tasks.classify import Classify, ClassifyOptions
from tests.engine.benches import Bench, grey, stumble_over_13
from tests.engine.fakes import PATIENCE_S, Clock, Gate


class Brightening(Classify):
    """Looks at a picture as many times as it is high, and a grey level brighter each time."""

    def preprocess(self, picture: Picture, options: ClassifyOptions) -> Prepared:
        level = int(picture.pixels[0, 0, 0])
        return self._look(range(level, level + picture.size[0]), [])

    def _look(self, levels: Sequence[int], seen: list[int]) -> Prepared:
        def following(outputs: Mapping[str, Array]) -> Prepared | None:
            (row,) = outputs["scores"]
            seen.append(round(float(row[1]) * 255))
            return self._look(levels[1:], seen) if levels[1:] else None

        pixels = np.full((1, 4, 4, 3), levels[0], np.uint8)
        return Prepared(tensors=self.feed(pixels), context=seen, following=following)

    def postprocess(
        self, outputs: Mapping[str, Array], prepared: Prepared, options: ClassifyOptions
    ) -> Any:
        answer = super().postprocess(outputs, prepared, options)
        return answer, prepared.context


def looks(level: int, count: int) -> Decoded:
    return Decoded(grey(level, (count, 5)))


def test_the_runs_follow_each_other_and_the_last_one_is_answered(
    bench: Callable[..., Bench],
) -> None:
    one = bench(task=Brightening)

    answer = one.submit(looks(40, 3)).result(PATIENCE_S)

    classification, seen = answer.result
    assert seen == [40, 41, 42]
    assert round(float(classification.scores[1]) * 255) == 42
    assert one.session.runs == one.recorder.batches == [1, 1, 1]
    assert one.pipeline.in_flight == 0


def test_the_times_of_all_runs_are_counted(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("service.engine.pipeline.time", clock)
    monkeypatch.setattr("service.engine.batches.time", clock)
    one = bench(lambda _: clock.pass_s(0.5), task=Brightening)
    feed = one.task.feed
    monkeypatch.setattr(one.task, "feed", lambda pixels: (clock.pass_s(0.25), feed(pixels))[1])

    answer = one.submit(looks(1, 3)).result(PATIENCE_S)

    assert answer.timings == {
        "queue": 0.0,
        "decode": 0.0,
        "preprocess": 250.0,
        "infer": 1500.0,
        "postprocess": 500.0,  # what comes after a run, the next one's preparation included
    }
    one.settle()
    assert sorted(one.recorder.stages) == sorted(answer.timings)  # each once a request


def test_others_come_between_the_runs(bench: Callable[..., Bench]) -> None:
    gate, order = Gate(), list[int]()

    def before(rows: Array) -> None:
        order.extend(rows[:, 0].tolist())
        gate()

    one = bench(before, task=Brightening, max_rows=1)
    slow = one.submit(looks(100, 3))
    gate.wait_for_arrival()
    quick = [one.submit(looks(level, 1)) for level in (1, 2)]
    one.settle()

    gate.open()

    assert [future.result(PATIENCE_S).result[1] for future in (slow, *quick)] == [
        [100, 101, 102],
        [1],
        [2],
    ]
    assert order == [100, 1, 2, 101, 102]


@pytest.mark.parametrize("shared", [False, True], ids=["accelerator", "CPU"])
def test_many_at_once_keep_their_own_runs(shared: bool, bench: Callable[..., Bench]) -> None:
    one = bench(task=Brightening, cpus=2, instances=2, max_rows=3, shared=shared)

    futures = [one.submit(looks(level, 1 + level % 4)) for level in range(40)]

    for level, future in enumerate(futures):
        assert future.result(PATIENCE_S).result[1] == list(range(level, level + 1 + level % 4))


def test_a_run_that_fails_is_its_requests_error_alone(bench: Callable[..., Bench]) -> None:
    one = bench(stumble_over_13, task=Brightening)

    bad, good = one.submit(looks(12, 3)), one.submit(looks(50, 3))

    with pytest.raises(KeyError, match="inside"):
        bad.result(PATIENCE_S)
    assert good.result(PATIENCE_S).result[1] == [50, 51, 52]
    assert one.pipeline.in_flight == 0


def test_what_fails_between_two_runs_is_its_requests_error(bench: Callable[..., Bench]) -> None:
    one = bench(task=Brightening)

    bad = one.submit(looks(255, 2))  # the second look is brighter than a grey level can be

    assert isinstance(bad.exception(PATIENCE_S), OverflowError)
    assert one.session.runs == [1]
    assert one.submit(looks(9, 1)).result(PATIENCE_S).result[1] == [9]


def test_who_leaves_between_two_runs_saves_the_rest(bench: Callable[..., Bench]) -> None:
    gate = Gate()
    one = bench(gate, task=Brightening)
    future = one.submit(looks(1, 3))
    gate.wait_for_arrival()

    assert future.cancel()
    gate.open()
    one.close()

    assert one.session.runs == [1]
    assert one.recorder.drops == ["client_gone"]
    assert one.pipeline.in_flight == 0


def test_a_deadline_that_passes_between_two_runs_saves_the_rest(
    clock: Clock, bench: Callable[..., Bench]
) -> None:
    one = bench(lambda _: clock.pass_s(0.07), task=Brightening)

    late = one.submit(looks(1, 5), Deadline.after(100))

    assert isinstance(late.exception(PATIENCE_S), DeadlineExceeded)
    assert one.session.runs == [1, 1]
    assert one.recorder.drops == ["deadline"]


def test_closing_ends_it_after_the_run_that_is_under_way(bench: Callable[..., Bench]) -> None:
    network, cpu = Gate(), Gate()
    one = bench(network, task=Brightening)
    future = one.submit(looks(1, 3))
    network.wait_for_arrival()
    one.pool.submit(cpu)

    network.open()
    one.pipeline.close()
    cpu.open()

    assert isinstance(future.exception(PATIENCE_S), ShuttingDown)
    assert one.session.runs == [1]
    assert one.pipeline.in_flight == 0
