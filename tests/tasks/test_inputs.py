"""The `[input]` section: what it refuses, and the tensor that it describes."""

from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from service.imaging.geometry import ResizeRule
from service.tasks.inputs import InputSpec

PIXELS = np.random.default_rng(2).integers(0, 256, (3, 4, 6, 3), np.uint8)


def spec(**keys: Any) -> InputSpec:
    return InputSpec.model_validate({"size": [4, 6]} | keys)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"size": [0, 6]}, "size"),
        ({"size": [4]}, "size"),
        ({"resize": "squeeze"}, "resize"),
        ({"short_side": 5}, "short_side"),  # could not fill a crop of 4 x 6
        ({"short_side": -1}, "short_side"),
        ({"color": "CMYK"}, "color"),
        ({"mean": [1.0, 2.0]}, "mean"),
        ({"mean": [1.0, 2.0, 3.0], "color": "GRAY"}, "mean"),
        ({"std": [1.0, 0.0, 1.0]}, "std"),
        ({"std": [1.0] * 4}, "std"),
        ({"scale": 0}, "scale"),
        ({"pad": 256}, "pad"),
        ({"colour": "RGB"}, "colour"),  # unknown keys are mistakes
    ],
)
def test_a_wrong_key_is_named(keys: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as error:
        spec(**keys)

    first = error.value.errors()[0]
    assert named in (*first["loc"], first["msg"].partition(", ")[2].partition(":")[0])


@pytest.mark.parametrize(
    ("keys", "shape"),
    [
        ({}, (3, 4, 6)),
        ({"layout": "NHWC"}, (4, 6, 3)),
        ({"color": "GRAY"}, (1, 4, 6)),
        ({"color": "GRAY", "layout": "NHWC"}, (4, 6, 1)),
    ],
)
def test_the_shape_of_a_row_follows_from_layout_and_colour(
    keys: dict[str, Any], shape: tuple[int, ...]
) -> None:
    assert spec(**keys).shape == shape
    assert spec(**keys).arrange(PIXELS).shape == (3, *shape)


@pytest.mark.parametrize("keys", [{}, {"short_side": 9}])
def test_the_short_side_is_at_least_the_longer_side_of_the_input(keys: dict[str, Any]) -> None:
    resize = spec(resize="crop", **keys).resizer()

    assert resize.rule is ResizeRule.CROP
    assert resize.size == (4, 6)
    assert resize.short_side == keys.get("short_side", 6)


def test_the_resize_is_told_all_that_the_section_says() -> None:
    resize = spec(resize="letterbox", pad=7, align="top-left", interpolation="nearest").resizer()

    assert (resize.rule, resize.pad, resize.align, resize.interpolation) == (
        "letterbox",
        7,
        "top-left",
        "nearest",
    )


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("color", "order"), [("RGB", [0, 1, 2]), ("BGR", [2, 1, 0])])
def test_channels_and_axes_are_put_in_order(layout: str, color: str, order: list[int]) -> None:
    arranged = spec(layout=layout, color=color).arrange(PIXELS)

    channels = arranged if layout == "NHWC" else np.moveaxis(arranged, 1, -1)
    np.testing.assert_array_equal(channels, PIXELS[..., order])
    assert arranged.dtype == np.uint8
    assert arranged.flags.c_contiguous


def test_grey_is_pillows_grey() -> None:
    every = np.stack(np.meshgrid(*[np.arange(0, 256, 5, np.uint8)] * 3), axis=-1).reshape(
        1, 52, -1, 3
    )

    grey = spec(color="GRAY", layout="NHWC").arrange(every)

    np.testing.assert_array_equal(
        grey[0, ..., 0], np.asarray(Image.fromarray(every[0]).convert("L"))
    )


@pytest.mark.parametrize(
    ("keys", "normalizes"),
    [
        ({}, False),
        ({"mean": [0.0, 0.0, 0.0], "std": [1.0]}, False),
        ({"scale": 2.0}, True),
        ({"mean": [0.0, 0.0, 1.0]}, True),
        ({"std": [1.0, 1.0, 2.0]}, True),
    ],
)
def test_only_what_changes_a_pixel_is_a_normalisation(
    keys: dict[str, Any], normalizes: bool
) -> None:
    assert spec(**keys).normalizes is normalizes


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"scale": 1 / 255},
        {"mean": [127.0], "std": [128.0]},
        # of ImageNet, as the networks of torchvision want it
        {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        {"color": "GRAY", "mean": [33.3], "std": [78.6]},
        {"color": "BGR", "mean": [103.53, 116.28, 123.675], "std": [57.375, 57.12, 58.395]},
    ],
)
def test_a_tensor_is_what_the_formula_says(layout: str, keys: dict[str, Any]) -> None:
    section = spec(layout=layout, **keys)
    arranged = section.arrange(PIXELS)

    tensor = section.normalize(arranged)

    axis = {"NCHW": (-1, 1, 1), "NHWC": (-1,)}[layout]
    mean, std = (np.reshape(values, axis) for values in (section.mean, section.std))
    expected = (arranged.astype(np.float64) * section.scale - mean) / std
    np.testing.assert_allclose(tensor, expected, rtol=1e-5, atol=1e-5)
    assert tensor.dtype == np.float32
