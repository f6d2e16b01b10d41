"""The graph of style transfer bound as a task, and what it says of one picture."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.arrays import Array
from service.errors import InvalidOption
from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, TensorInfo
from service.tasks.inputs import InputSpec
from service.tasks.style.optimize import GRAM_CHANNELS, OptimizeConfig, OptimizeOptions
from service.tasks.style.optimize_task import StyleOptimize

GRAMS = {f"gram_target_{number}": (c, c) for number, c in enumerate(GRAM_CHANNELS, 1)}
SHAPES: dict[str, tuple[int | None, ...]] = {
    "pixels": (1, 3, None, None),
    "content_target": (1, 512, None, None),
    **GRAMS,
    "content_weight": (),
    "style_weight": (),
    "tv_weight": (),
}
INPUTS = tuple(TensorInfo(name, shape, "float32") for name, shape in SHAPES.items())
OUTPUTS = tuple(
    TensorInfo(name, (None,), "float32")
    for name in (
        *("content_cost", "style_cost", "tv_cost", "gradient", "content_features"),
        *(f"gram_{number}" for number in range(1, 6)),
    )
)


def network(
    inputs: tuple[TensorInfo, ...] = INPUTS,
    outputs: tuple[TensorInfo, ...] = OUTPUTS,
    **spec: Any,
) -> Network:
    wanted = {"name": "pixels", "size": (64, 32), **spec}
    return Network(
        name="gatys", input=InputSpec.model_validate(wanted), inputs=inputs, outputs=outputs
    )


def bound(**spec: Any) -> StyleOptimize:
    return StyleOptimize(network(**spec), OptimizeConfig())


def picture() -> Picture:
    pixels = np.full((128, 64, 3), (10, 20, 30), np.uint8)
    return Picture.from_pixels(pixels)


def said() -> Mapping[str, Array]:
    """Return outputs as the pipeline hands them out, with a batch axis before everything."""
    grams = {f"gram_{number}": np.full((1, 2, 2), number, np.float32) for number in range(1, 6)}
    return {
        "content_cost": np.array([2], np.float32),
        "style_cost": np.array([3], np.float32),
        "tv_cost": np.array([0.5], np.float32),
        "gradient": np.full((1, 1, 3, 64, 32), -0.25, np.float32),
        **grams,
    }


def test_a_picture_is_compared_with_ones() -> None:
    prepared = bound().preprocess(picture(), OptimizeOptions(style_weight=7))

    assert prepared.rows == 1
    assert next(iter(prepared.tensors)) == "pixels"
    assert {name: value.shape for name, value in prepared.tensors.items()} == {
        **SHAPES,
        "pixels": (1, 3, 64, 32),
        "content_target": (1, 512, 8, 4),
    }
    assert prepared.tensors["pixels"][0, :, 0, 0].tolist() == [10, 20, 30]
    assert prepared.tensors["style_weight"] == 7
    targets = [prepared.tensors[name] for name in ("content_target", *GRAMS)]
    assert all((target == 1).all() for target in targets)


def test_the_answer_is_costs_gradient_and_grams() -> None:
    task, options = bound(), OptimizeOptions(content_weight=1, style_weight=10, tv_weight=4)

    appraisal = task.postprocess(said(), task.preprocess(picture(), options), options)

    assert appraisal.answer() == {
        "costs": {"content": 2.0, "style": 3.0, "tv": 0.5, "total": 34.0},
        "gradient": 0.25,
        "grams": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
    lines = appraisal.text().splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [
        ["2", "content"],
        ["3", "style"],
        ["0.5", "tv"],
        ["34", "total"],
        ["0.25", "gradient"],
        *([str(number), f"gram {number}"] for number in range(1, 6)),
    ]


def test_weights_that_leave_nothing_to_do_are_refused() -> None:
    bound().check_options(OptimizeOptions(content_weight=0))
    with pytest.raises(InvalidOption, match="style_weight"):
        bound().check_options(OptimizeOptions(content_weight=0, style_weight=0))


def test_a_graph_of_one_size_is_taken() -> None:
    fixed = {"pixels": (1, 3, 64, 32), "content_target": (1, 512, 8, 4)}
    inputs = tuple(replace(info, shape=fixed.get(info.name, info.shape)) for info in INPUTS)

    assert StyleOptimize(network(inputs), OptimizeConfig()).name == "style-optimize"


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ({"name": None}, "input.name"),
        ({"name": "content_target"}, "input.size"),
        ({"color": "BGR"}, "input"),
        ({"scale": 0.5}, "input"),
        ({"size": (64, 40)}, "input.size"),
    ],
)
def test_a_manifest_that_feeds_the_graph_wrongly_is_refused(spec: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bound(**spec)

    assert caught.value.key == key


@pytest.mark.parametrize("missing", [info.name for info in INPUTS[1:]])
def test_a_graph_without_an_input_is_refused(missing: str) -> None:
    inputs = tuple(info for info in INPUTS if info.name != missing)

    with pytest.raises(ConfigError, match=f"inputs must be .*{missing}"):
        StyleOptimize(network(inputs), OptimizeConfig())


@pytest.mark.parametrize("missing", [info.name for info in OUTPUTS])
def test_a_graph_without_an_output_is_refused(missing: str) -> None:
    outputs = tuple(info for info in OUTPUTS if info.name != missing)

    with pytest.raises(ConfigError, match="outputs are"):
        StyleOptimize(network(outputs=outputs), OptimizeConfig())


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("content_target", {"shape": (1, 256, None, None)}),
        ("gram_target_3", {"shape": (128, 128)}),
        ("style_weight", {"shape": (1,)}),
        ("tv_weight", {"dtype": "float64"}),
        ("pixels", {"dtype": "uint8"}),
    ],
)
def test_an_input_of_another_kind_is_refused(name: str, changes: dict[str, Any]) -> None:
    inputs = tuple(replace(info, **changes) if info.name == name else info for info in INPUTS)

    with pytest.raises(ConfigError, match=f"the graph's {name} must be float32"):
        StyleOptimize(network(inputs), OptimizeConfig())
