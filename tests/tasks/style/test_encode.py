"""Styles as vectors: what is looked at, and what is said."""

import numpy as np
import pytest

from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, TensorInfo
from service.tasks.inputs import InputSpec
from service.tasks.style.encode import EncodeConfig, EncodeOptions, StyleEncode, StyleVector

PLAIN = EncodeOptions()


def encoder(output: str | None = None) -> StyleEncode:
    network = Network(
        name="encoder",
        input=InputSpec(size=(8, 8), layout="NHWC", resize="crop"),
        inputs=(TensorInfo("image", (None, 8, 8, 3), "uint8"),),
        outputs=(TensorInfo("vector", (None, 12), "float32"),),
    )
    return StyleEncode(network, EncodeConfig(output=output))


def test_the_middle_of_a_picture_is_looked_at() -> None:
    pixels = np.zeros((16, 48, 3), np.uint8)
    pixels[:, 16:32] = 200

    prepared = encoder().preprocess(Picture.from_pixels(pixels), PLAIN)

    assert prepared.rows == 1
    assert (prepared.tensors["image"][0, :, 1:-1] == 200).all()


def test_a_style_is_the_numbers_that_come_out() -> None:
    task = encoder("vector")
    prepared = task.preprocess(Picture.from_pixels(np.zeros((8, 8, 3), np.uint8)), PLAIN)
    numbers = np.linspace(-1, 1.2, 12, dtype=np.float32)

    style = task.postprocess({"vector": numbers.reshape(1, 12)}, prepared, PLAIN)

    np.testing.assert_array_equal(style.vector, numbers)
    assert style.answer() == {"vector": np.linspace(-1, 1.2, 12).round(4).tolist()}


def test_a_style_can_be_read_by_people() -> None:
    text = StyleVector(np.array([0.5] * 11, np.float32)).text()
    assert text == "   0.500" * 10 + "\n   0.500"


def test_an_output_that_the_graph_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"config\.output"):
        encoder("bottleneck")
