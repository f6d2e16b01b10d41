"""Pools, means, resizes and padding against NumPy."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.arrays import Array
from tests.tools.tfjs.models import TfjsModel, noise, one_to_one
from tests.tools.tfjs.reference import (
    WINDOWS,
    Pair,
    over_windows,
)


@pytest.mark.parametrize(
    ("kernel", "strides", "padding", "size"),
    [
        (kernel, strides, padding, size)
        for kernel, strides, dilations, padding, size in WINDOWS
        if dilations == (1, 1)
    ],
)
@pytest.mark.parametrize(("op", "result"), [("MaxPool", np.nanmax), ("AvgPool", np.nanmean)])
def test_pool(
    tmp_path: Path,
    op: str,
    result: Callable[..., Array],
    kernel: Pair,
    strides: Pair,
    padding: str,
    size: Pair,
) -> None:
    x = noise(3, *size, 4)
    model = TfjsModel(1, *size, 4)
    model.node("y", op, "x", ksize=(1, *kernel, 1), strides=(1, *strides, 1), padding=padding)

    y = model.run(tmp_path, "y", x)

    expected = over_windows(x, kernel, strides, padding, lambda window: result(window, axis=(1, 2)))
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize("op", ["Mean", "AvgPool"])
def test_mean_over_the_whole_map(tmp_path: Path, op: str) -> None:
    x = noise(3, 4, 6, 5)
    model = TfjsModel(1, 4, 6, 5)
    if op == "Mean":
        model.constant("axes", np.array([1, 2], np.int32))
        model.node("y", op, "x", "axes", keep_dims=True)
    else:
        model.node("y", op, "x", ksize=(1, 4, 6, 1), strides=(1, 4, 6, 1), padding="VALID")

    y = model.run(tmp_path, "y", x)

    np.testing.assert_allclose(y, x.mean(axis=(1, 2), keepdims=True), atol=1e-6)


def resized(x: Array, size: Pair, place: Callable[[Array, int, int], Array]) -> Array:
    """Bilinear, with `place` mapping rows of the result to rows of the source."""
    for axis, length in zip((1, 2), size, strict=True):
        source = x.shape[axis]
        at = np.clip(place(np.arange(length), source, length), 0, source - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, source - 1)
        shape = [1] * 4
        shape[axis] = length
        part = (at - low).reshape(shape)
        x = x.take(low, axis) * (1 - part) + x.take(high, axis) * part
    return x


@pytest.mark.parametrize(
    ("attributes", "place"),
    [
        ({}, lambda row, source, length: row * source / length),
        ({"half_pixel_centers": True}, lambda r, source, length: (r + 0.5) * source / length - 0.5),
        ({"align_corners": True}, lambda row, source, length: row * (source - 1) / (length - 1)),
    ],
)
def test_resize(
    tmp_path: Path, attributes: dict[str, bool], place: Callable[[Array, int, int], Array]
) -> None:
    x = noise(3, 4, 3, 2)
    model = TfjsModel(1, 4, 3, 2)
    model.constant("size", np.array([8, 9], np.int32))
    model.node("y", "ResizeBilinear", "x", "size", **attributes)

    y = model.run(tmp_path, "y", x)

    np.testing.assert_allclose(y, resized(x, (8, 9), place), atol=1e-5)


def test_depth_to_space(tmp_path: Path) -> None:
    x = noise(3, 2, 3, 8)
    model = TfjsModel(1, 2, 3, 8)
    model.node("y", "DepthToSpace", "x", block_size=2)

    y = model.run(tmp_path, "y", x)

    blocks = x.reshape(3, 2, 3, 2, 2, 2).transpose(0, 1, 3, 2, 4, 5)
    np.testing.assert_array_equal(y, blocks.reshape(3, 4, 6, 2))


@pytest.mark.parametrize("convolved_first", [False, True], ids=["NHWC", "NCHW"])
def test_pad(tmp_path: Path, convolved_first: bool) -> None:
    x = noise(3, 2, 3, 4)
    amounts = np.array([[0, 0], [1, 2], [0, 1], [0, 3]], np.int32)
    model = TfjsModel(1, 2, 3, 4)
    model.constant("p", amounts)
    source = one_to_one(model) if convolved_first else "x"
    model.node("y", "Pad", source, "p")

    y = model.run(tmp_path, "y", x)

    np.testing.assert_array_equal(y, np.pad(x, amounts))
