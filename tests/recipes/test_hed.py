"""The edge network, on a VGG-16 of a few channels, against the layers written in NumPy."""

import numpy as np
import onnx
import pytest

from service.arrays import Array
from service.recipes.hed import FEATURES, build
from tests.recipes.networks import F64, activations, convolve, pixels, run, small_weights

WEIGHTS = small_weights()


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return build(WEIGHTS)


def enlarged(values: F64, size: tuple[int, int]) -> F64:
    """Scale (H, W) up bilinearly, pixel centres at half and edges repeated, as TensorFlow does."""
    for axis, wanted in enumerate(size):
        given = values.shape[axis]
        centres = (np.arange(wanted) + 0.5) * given / wanted - 0.5
        below = np.floor(centres).astype(int)
        share = np.expand_dims(centres - below, 1 - axis)
        before, after = (np.take(values, below + step, axis, mode="clip") for step in (0, 1))
        values = before * (1 - share) + after * share
    return values


def edges(image: Array, found: dict[str, F64]) -> F64:
    """Return the probabilities (H, W) that follow from the activations."""
    last = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
    sides = [convolve(found[layer], WEIGHTS[f"side{n}"])[0] for n, layer in enumerate(last, 1)]
    stack = np.stack([enlarged(side, image.shape[1:]) for side in sides])
    return 1 / (1 + np.exp(-convolve(stack, WEIGHTS["fuse"])[0]))


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (5, 18), (1, 1)], ids=str)
def test_any_size_is_answered_as_the_formulas_say(
    model: onnx.ModelProto, size: tuple[int, int]
) -> None:
    image = pixels(3, *size)

    outputs = run(model, {"pixels": image[None]})

    found = activations(image, WEIGHTS, pool="max")
    assert outputs["edges"].shape == (1, 1, *size)
    np.testing.assert_allclose(outputs["edges"][0, 0], edges(image, found), atol=1e-4)
    for layer in FEATURES:
        np.testing.assert_allclose(outputs[layer][0], found[layer], rtol=1e-4, atol=1e-4)


def test_a_picture_has_the_same_answer_alone_and_in_a_batch(model: onnx.ModelProto) -> None:
    images = pixels(2, 3, 24, 17)

    both = run(model, {"pixels": images})["edges"]

    for row in range(2):
        alone = run(model, {"pixels": images[row : row + 1]})["edges"][0]
        np.testing.assert_allclose(both[row], alone, atol=1e-6)
    assert np.ptp(both) > 0.1
