"""Costs and gradient of style transfer, on a VGG-16 of a few channels."""

import numpy as np
import onnx
import pytest

from service.arrays import Array
from service.recipes.gatys import CONTENT, STYLE, build
from tests.recipes.networks import (
    F64,
    activations,
    in_double,
    pixels,
    run,
    slope,
    small_weights,
)

WEIGHTS = small_weights()
SIZE = (16, 32)
SHARES = {"content": 0.7, "style": 3.0, "tv": 0.4}


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return build(WEIGHTS)


def features(image: Array) -> dict[str, F64]:
    return activations(image, WEIGHTS, pool="mean")


def gram(values: F64) -> F64:
    rows = values.reshape(len(values), -1)
    return rows @ rows.T / rows.size


@pytest.fixture(scope="module")
def feeds() -> dict[str, Array]:
    """A picture at random, and targets made of two other ones."""
    content = features(pixels(3, *SIZE, seed=1))[CONTENT]
    style = features(pixels(3, *SIZE, seed=2))
    targets = {f"gram_target_{n}": gram(style[layer]) for n, layer in enumerate(STYLE, 1)}
    targets["content_target"] = content[None]
    weights = {f"{kind}_weight": np.array(share) for kind, share in SHARES.items()}
    return {
        name: value.astype(np.float32)
        for name, value in {"pixels": pixels(1, 3, *SIZE), **targets, **weights}.items()
    }


def relative(error: F64, target: F64) -> float:
    return float(np.mean(error**2) / np.mean(target**2))


def test_costs_and_features_are_those_of_the_formulas(
    model: onnx.ModelProto, feeds: dict[str, Array]
) -> None:
    outputs = run(model, feeds)

    own = features(feeds["pixels"][0])
    np.testing.assert_allclose(outputs["content_features"][0], own[CONTENT], rtol=1e-4, atol=1e-4)
    errors = []
    for number, layer in enumerate(STYLE, 1):
        np.testing.assert_allclose(outputs[f"gram_{number}"], gram(own[layer]), rtol=1e-4)
        target = feeds[f"gram_target_{number}"].astype(np.float64)
        errors.append(relative(gram(own[layer]) - target, target))
    assert outputs["style_cost"] == pytest.approx(np.mean(errors), rel=1e-4)
    target = feeds["content_target"][0].astype(np.float64)
    assert outputs["content_cost"] == pytest.approx(relative(own[CONTENT] - target, target), 1e-4)
    unit = feeds["pixels"][0].astype(np.float64) / 255
    energies = [np.mean(np.diff(unit, axis=axis) ** 2) for axis in (1, 2)]
    assert outputs["tv_cost"] == pytest.approx(np.mean(energies), rel=1e-5)


@pytest.mark.parametrize("only", [*SHARES, None])
def test_the_gradient_is_the_slope_of_the_weighted_costs(
    model: onnx.ModelProto, feeds: dict[str, Array], only: str | None
) -> None:
    evaluator = in_double(model)
    shares = {kind: share if only in {kind, None} else 0.0 for kind, share in SHARES.items()}
    weights = {f"{kind}_weight": np.array(share) for kind, share in shares.items()}
    double = {name: value.astype(np.float64) for name, value in feeds.items()} | weights

    def cost(point: F64) -> float:
        costs = evaluator.run([f"{kind}_cost" for kind in shares], {**double, "pixels": point})
        return sum(map(float.__mul__, shares.values(), map(float, costs)))

    [gradient] = evaluator.run(["gradient"], double)

    assert gradient.shape == (1, 3, *SIZE)
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(0, 1, gradient.shape)
        expected = slope(cost, double["pixels"], direction)
        assert np.vdot(gradient, direction) == pytest.approx(expected, rel=1e-5)


def test_single_precision_is_enough(model: onnx.ModelProto, feeds: dict[str, Array]) -> None:
    double = {name: value.astype(np.float64) for name, value in feeds.items()}
    [expected] = in_double(model).run(["gradient"], double)

    gradient = run(model, feeds)["gradient"]

    assert np.linalg.norm(gradient - expected) < 1e-4 * np.linalg.norm(expected)


def test_a_picture_that_is_its_own_target_costs_nothing(
    model: onnx.ModelProto, feeds: dict[str, Array]
) -> None:
    ones = {name: np.ones_like(value) for name, value in feeds.items() if "target" in name}
    nothing = {f"{kind}_weight": np.array(0, np.float32) for kind in SHARES}

    first = run(model, {**feeds, **ones, **nothing})
    own = {f"gram_target_{number}": first[f"gram_{number}"] for number in range(1, 6)}
    again = run(model, {**feeds, **own, "content_target": first["content_features"]})

    assert not first["gradient"].any()
    assert (again["content_cost"], again["style_cost"]) == (0, 0)
    assert again["tv_cost"] == first["tv_cost"] > 0
