"""What may be chosen of an optimisation, the pictures it works on, and J."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from service.errors import InvalidOption
from service.imaging.picture import Picture
from service.tasks.style.optimize import (
    GRAM_CHANNELS,
    Costs,
    Init,
    Objective,
    OptimizeConfig,
    OptimizeOptions,
    Pictures,
    Plan,
    Targets,
    Weights,
    warnings_for,
)

OPTIONS = OptimizeOptions()


def plan(**options: Any) -> Plan:
    return OptimizeConfig().plan(OptimizeOptions.model_validate(options))


def picture(height: int, width: int, level: int = 90) -> Picture:
    return Picture.from_pixels(np.full((height, width, 3), level, np.uint8))


def test_without_a_choice_the_models_defaults_hold() -> None:
    config = OptimizeConfig(content_weight=2, style_weight=30, tv_weight=4, steps=50, size=320)

    assert config.plan(OPTIONS) == Plan(
        weights=Weights(2, 30, 4), steps=50, size=320, init=Init.CONTENT, seed=0
    )


def test_every_choice_is_followed() -> None:
    chosen = plan(
        content_weight=0, style_weight=1, tv_weight=2, steps=3, size=64, init="noise", seed=5
    )

    assert chosen == Plan(weights=Weights(0, 1, 2), steps=3, size=64, init=Init.NOISE, seed=5)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("content_weight", -1),
        ("style_weight", -0.001),
        ("tv_weight", float("nan")),
        ("style_weight", float("inf")),
        ("style_weight", 1e7),
        ("steps", 0),
        ("steps", 1001),
        ("size", 31),
        ("size", 1025),
        ("init", "random"),
        ("seed", -1),
        ("seed", 2**32),
        ("optimizer", "adam"),  # there is one
    ],
)
def test_what_cannot_be_is_refused(option: str, value: object) -> None:
    with pytest.raises(ValidationError, match=option):
        OptimizeOptions.model_validate({option: value})


@pytest.mark.parametrize("weights", [{"tv_weight": 1}, {}])
def test_neither_content_nor_style_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InvalidOption, match=r"^style_weight: .* both 0"):
        plan(content_weight=0, style_weight=0, **weights)
    with pytest.raises(ValidationError, match="both 0"):
        OptimizeConfig(content_weight=0, style_weight=0, **weights)


@pytest.mark.parametrize(
    ("size", "says"), [((512, 512), []), ((513, 32), ["at 513"]), ((32, 1024), ["at 1024"])]
)
def test_a_large_size_is_warned_of(size: tuple[int, int], says: list[str]) -> None:
    warnings = warnings_for(size)

    assert [warning[: len(start)] for warning, start in zip(warnings, says, strict=True)] == says


@pytest.mark.parametrize(
    ("content", "style", "worked_on"),
    [
        ((300, 400), (800, 800), ((96, 128), (128, 128))),
        ((64, 48), (900, 600), ((64, 48), (64, 43))),  # a large style for a small content
        ((300, 400), (50, 40), ((96, 128), (50, 40))),  # a small style is not enlarged
        ((40, 40), (300, 900), ((40, 40), (32, 96))),  # a wide style needs more than the content
    ],
)
def test_the_style_is_scaled_to_the_content(
    content: tuple[int, int], style: tuple[int, int], worked_on: tuple[tuple[int, int], ...]
) -> None:
    pictures = Pictures.prepare(picture(*content), picture(*style), plan(size=128))

    assert (pictures.content.size, pictures.style.size) == worked_on
    assert pictures.start is pictures.content


@pytest.mark.parametrize(
    ("content", "style", "part"),
    [
        ((20, 90), (90, 90), "content"),
        ((90, 90), (90, 20), "style"),
        ((90, 90), (40, 900), "style"),
    ],
)
def test_a_picture_too_small_is_named(
    content: tuple[int, int], style: tuple[int, int], part: str
) -> None:
    with pytest.raises(InvalidOption, match=f"^{part}: .* at least 32"):
        Pictures.prepare(picture(*content), picture(*style), plan())


def test_noise_starts_from_noise() -> None:
    sides = (64, 48)
    starts = [
        Pictures.prepare(picture(*sides), picture(64, 64), plan(init="noise", seed=seed)).start
        for seed in (1, 1, 2)
    ]

    assert (starts[0].pixels == starts[1].pixels).all()
    assert (starts[0].pixels != starts[2].pixels).any()


def test_a_fast_result_is_brought_to_the_contents_size() -> None:
    fast = plan(init="fast")

    pictures = Pictures.prepare(picture(64, 48), picture(64, 64), fast, fast=picture(60, 45, 7))

    assert pictures.start.size == (64, 48)
    assert (pictures.start.pixels == 7).all()
    with pytest.raises(InvalidOption, match=r"^init: "):
        Pictures.prepare(picture(64, 48), picture(64, 64), fast)


def outputs(**named: float) -> dict[str, np.ndarray]:
    return {name: np.array(value, np.float32) for name, value in named.items()}


def test_the_graph_gets_all_it_needs() -> None:
    objective = Objective(size=(32, 48), weights=Weights(1, 2, 3), targets=Targets.ones((32, 48)))

    feeds = objective.feeds(np.arange(3 * 32 * 48, dtype=np.float32))

    assert {name: value.shape for name, value in feeds.items()} == {
        "pixels": (1, 3, 32, 48),
        "content_target": (1, 512, 4, 6),
        **{f"gram_target_{number}": (c, c) for number, c in enumerate(GRAM_CHANNELS, 1)},
        "content_weight": (),
        "style_weight": (),
        "tv_weight": (),
    }
    assert {value.dtype for value in feeds.values()} == {np.dtype(np.float32)}
    assert feeds["pixels"][0, 1, 0, 2] == 32 * 48 + 2
    weights = [feeds[f"{cost}_weight"] for cost in ("content", "style", "tv")]
    assert weights == [1, 2, 3]


@pytest.mark.parametrize("shape", [(), (1,)], ids=["bare", "as a batch of one"])
def test_j_is_the_weighted_sum(shape: tuple[int, ...]) -> None:
    objective = Objective(
        size=(32, 32), weights=Weights(1, 10, 0.5), targets=Targets.ones((32, 32))
    )
    said = outputs(content_cost=0.5, style_cost=0.25, tv_cost=4)
    said = {name: value.reshape(shape) for name, value in said.items()}
    said["gradient"] = np.ones((*shape, 1, 3, 32, 32), np.float32)

    sample = objective.sample(said)

    assert sample.cost == 0.5 + 2.5 + 2
    assert sample.gradient.shape == (3 * 32 * 32,)
    assert Costs.of(sample) == Costs(content=0.5, style=0.25, tv=4.0, total=5.0)


@pytest.mark.parametrize("lead", [(), (1,)], ids=["bare", "as a batch of one"])
def test_targets_are_what_the_graph_says_of_content_and_style(lead: tuple[int, ...]) -> None:
    content = {"content_features": np.full((*lead, 1, 512, 4, 6), 3, np.float32)}
    style = {
        f"gram_{number}": np.full((*lead, channels, channels), number, np.float32)
        for number, channels in enumerate(GRAM_CHANNELS, 1)
    }

    targets = Targets.between(content, style)

    assert targets.content.shape == (1, 512, 4, 6)
    assert (targets.content == 3).all()
    assert [gram.shape for gram in targets.grams] == [(c, c) for c in GRAM_CHANNELS]
    assert [gram.max() for gram in targets.grams] == [1, 2, 3, 4, 5]


def test_describing_weighs_nothing() -> None:
    objective = Objective.describing((64, 32))

    assert objective.weights == (0, 0, 0)
    assert (objective.targets.content == 1).all()
    assert objective.targets.content.shape == (1, 512, 8, 4)
