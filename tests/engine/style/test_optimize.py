"""Optimisations: watched, stopped, saved, resumed; in a graph of one lowest point, and VGG-16."""

import io
import pickle
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.engine.manifest import BatchAxis
from service.engine.session import Device, OrtSession
from service.engine.style.optimize import Checkpoint, Optimization, Runs
from service.engine.unbatched import Unbatched
from service.imaging.picture import Picture
from service.tasks.style.optimize import Objective, OptimizeConfig, OptimizeOptions, Pictures, Plan
from tests.engine.style.convex import ConvexGraph

GRAPH = Path(__file__).parents[3] / "models" / "gatys-vgg16" / "model.onnx"


def plan(**options: Any) -> Plan:
    return OptimizeConfig().plan(OptimizeOptions.model_validate({"steps": 7, **options}))


def pictures(wanted: Plan, *, size: tuple[int, int] = (40, 48)) -> Pictures:
    """Return a gradient from left to right as content, and bright checks as style."""
    content = np.zeros((*size, 3), np.uint8)
    content[...] = np.linspace(0, 120, size[1]).astype(np.uint8)[:, None]
    content[size[0] // 2 :, :, 1] = 130
    rows, columns = np.indices((48, 48)) // 6
    style = np.where((rows + columns)[..., None] % 2, (250, 210, 40), (140, 60, 200))
    prepared = (Picture.from_pixels(content), Picture.from_pixels(style.astype(np.uint8)))
    return Pictures.prepare(*prepared, wanted)


def optimization(graph: Runs | None = None, **options: Any) -> Optimization:
    wanted = plan(**options)
    return Optimization(graph or ConvexGraph(), pictures(wanted), wanted)


def last(checkpoints: Iterator[Checkpoint]) -> Checkpoint:
    *_, final = checkpoints
    return final


def after(answers: int) -> Callable[[], bool]:
    """Return what says no so many times, then yes."""
    left = iter([False] * answers)
    return lambda: next(left, True)


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return one.to_bytes() == other.to_bytes()


def test_the_gradient_of_the_graph_in_these_tests_is_that_of_its_costs() -> None:
    wanted = plan(content_weight=3, style_weight=5, tv_weight=7)
    prepared = pictures(wanted)
    graph = ConvexGraph()
    objective = Objective(
        size=prepared.content.full_size,
        weights=wanted.weights,
        targets=Objective.describing(prepared.content.full_size).targets,
    )
    rng = np.random.default_rng(0)
    position = prepared.content.position
    way = rng.normal(size=position.shape).astype(np.float32)

    slope = objective.sample(graph.run(objective.feeds(position))).gradient @ way
    ends = [objective.sample(graph.run(objective.feeds(position + t * way))) for t in (-1, 1)]

    assert slope == pytest.approx((ends[1].cost - ends[0].cost) / 2, rel=1e-3)


@pytest.mark.parametrize("init", ["content", "noise"])
def test_the_costs_fall_with_every_step(init: str) -> None:
    final = last(optimization(init=init, tv_weight=0.1, seed=3).run())

    totals = [costs.total for costs in final.costs]
    assert len(totals) == 1 + 7
    assert all(later < earlier for earlier, later in pairwise(totals))
    assert totals[-1] < totals[0] / 2
    for costs in final.costs:
        weighed = costs.content + 50 * costs.style + 0.1 * costs.tv
        assert costs.total == pytest.approx(weighed)


@pytest.mark.parametrize(
    ("steps", "every", "at"),
    [(7, 3, [3, 6, 7]), (6, 3, [3, 6]), (2, 10, [2]), (3, 1, [1, 2, 3])],
)
def test_a_checkpoint_comes_after_so_many_steps_and_at_the_end(
    steps: int, every: int, at: list[int]
) -> None:
    found = list(optimization(steps=steps).run(every=every))

    assert [checkpoint.step for checkpoint in found] == at
    assert [checkpoint.finished for checkpoint in found] == [False] * (len(at) - 1) + [True]


def test_a_checkpoint_shows_the_picture_without_its_margins() -> None:
    first, *_, final = optimization(style_weight=500).run(every=1)

    for checkpoint in (first, final):
        assert checkpoint.preview.shape == (40, 48, 3)
        assert checkpoint.preview.dtype == np.uint8
    before = pictures(plan()).content
    grey = before.picture_at(before.position).mean()
    # The style is brighter than the content, and weighs heavily.
    assert grey + 1 < first.preview.mean() < final.preview.mean()


def test_a_picture_stays_within_what_pixels_can_be() -> None:
    checkpoints = list(optimization(content_weight=0, style_weight=1000).run(every=1))

    for checkpoint in checkpoints:
        assert checkpoint.state.position.min() >= 0
        assert checkpoint.state.position.max() <= 255


def test_an_interrupted_run_ends_as_one_that_was_not() -> None:
    whole = list(optimization(init="noise", tv_weight=0.3).run(every=1))

    for checkpoint in whole:
        again = Checkpoint.from_bytes(checkpoint.to_bytes())
        assert same(again, checkpoint)
        rest = list(optimization(init="noise", tv_weight=0.3).run(every=1, resume=again))
        assert len(rest) == 7 - checkpoint.step
        for resumed, straight in zip(rest, whole[checkpoint.step :], strict=True):
            assert same(resumed, straight)
            assert resumed.costs == straight.costs


def test_a_run_stops_between_two_steps_and_nothing_is_lost() -> None:
    stopped = list(optimization().run(every=2, should_stop=after(5)))

    assert [checkpoint.step for checkpoint in stopped] == [2, 4, 5]
    assert not stopped[-1].finished
    resumed = last(optimization().run(resume=stopped[-1]))
    assert same(resumed, last(optimization().run()))


def test_a_run_that_stops_at_a_checkpoint_does_not_repeat_it() -> None:
    assert [one.step for one in optimization().run(every=2, should_stop=after(4))] == [2, 4]


def test_a_run_stopped_before_its_first_step_has_nothing_to_show() -> None:
    assert list(optimization().run(should_stop=lambda: True)) == []


def test_where_nothing_can_be_better_the_run_is_finished() -> None:
    """The content itself is as much like the content as can be."""
    graph = ConvexGraph()

    (only,) = optimization(graph, style_weight=0, steps=50).run()

    assert (only.step, only.finished) == (0, True)
    assert only.costs[0].total == pytest.approx(0, abs=1e-9)
    assert graph.runs == 3  # content, style, and the start
    assert list(optimization(style_weight=0, steps=50).run(resume=only)) == []


def test_a_step_is_one_evaluation_in_most_cases() -> None:
    graph = ConvexGraph()

    final = last(optimization(graph, tv_weight=0.1).run())

    assert final.step == 7
    assert graph.runs <= 3 + 7 + 1


def test_a_checkpoint_of_other_pictures_is_refused() -> None:
    wanted = plan()
    other = last(Optimization(ConvexGraph(), pictures(wanted, size=(64, 64)), wanted).run())

    with pytest.raises(ValueError, match="of another size"):
        next(optimization().run(resume=other))


def spoiled() -> list[bytes]:
    whole = last(optimization(steps=1).run()).to_bytes()
    unrelated = io.BytesIO()
    np.savez(unrelated, position=np.zeros(3))
    pickled = io.BytesIO()
    np.savez(pickled, allow_pickle=True, costs=np.array([{}], object))
    one = io.BytesIO()
    np.save(one, np.zeros(3))
    return [
        b"",
        b"neither zip nor npy",
        whole[: len(whole) // 2],
        whole[:30] + bytes([whole[30] ^ 1]) + whole[31:],
        unrelated.getvalue(),
        pickled.getvalue(),
        pickle.dumps([1]),
        one.getvalue(),
    ]


@pytest.mark.parametrize("which", range(8))
def test_what_is_no_checkpoint_is_refused(which: int) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        Checkpoint.from_bytes(spoiled()[which])


def test_a_damaged_value_is_noticed() -> None:
    whole = bytearray(last(optimization(steps=1).run()).to_bytes())
    whole[len(whole) // 2] ^= 1

    with pytest.raises(ValueError, match="not a checkpoint"):
        Checkpoint.from_bytes(bytes(whole))


@pytest.fixture(scope="module")
def vgg() -> Iterator[Runs]:
    """Return the real graph, as the repository would hand it out."""
    if not GRAPH.is_file():
        pytest.skip("gatys-vgg16 is not installed: chiasm models pull gatys-vgg16")
    session = OrtSession(GRAPH, device=Device.CPU, threads=1)
    yield Unbatched(session, BatchAxis.INPUT)
    session.close()


def test_vgg_paints(vgg: Runs) -> None:
    wanted = plan(steps=6, tv_weight=0.01)

    final = last(Optimization(vgg, pictures(wanted, size=(32, 32)), wanted).run())

    totals = [costs.total for costs in final.costs]
    assert all(later < earlier for earlier, later in pairwise(totals))
    assert totals[-1] < 0.8 * totals[0]
    assert final.costs[0].content == pytest.approx(0, abs=1e-6)
    assert final.costs[-1].style < final.costs[0].style
    assert final.preview.shape == (32, 32, 3)


def test_vgg_paints_the_same_when_interrupted(vgg: Runs) -> None:
    wanted = plan(steps=3, init="noise")
    prepared = pictures(wanted, size=(32, 32))

    whole = list(Optimization(vgg, prepared, wanted).run(every=2))
    before = Checkpoint.from_bytes(whole[0].to_bytes())
    resumed = last(Optimization(vgg, prepared, wanted).run(every=2, resume=before))

    assert before.step == 2
    assert same(resumed, whole[-1])
