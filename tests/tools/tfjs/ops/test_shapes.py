"""Reshapes, and shapes that the graph computes, against NumPy."""

from pathlib import Path

import numpy as np
import pytest

from tests.tools.tfjs.models import TfjsModel, noise, one_to_one


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concat(tmp_path: Path, axis: int) -> None:
    x = noise(3, 2, 3, 4)
    model = TfjsModel(1, 2, 3, 4)
    model.constant("axis", np.array(axis, np.int32))
    model.node("y", "ConcatV2", "x", one_to_one(model), "x", "axis")

    y = model.run(tmp_path, "y", x)

    np.testing.assert_array_equal(y, np.concatenate([x, x, x], axis=axis))


@pytest.mark.parametrize(
    "target",
    [
        (1, 12, 2),  # a batch frozen at 1
        (-1, 12, 2),  # a batch that was symbolic
        (1, -1, 2),  # frozen, and the rest left to count
        (1, 2, 3, 4),
    ],
)
@pytest.mark.parametrize("convolved_first", [False, True], ids=["NHWC", "NCHW"])
def test_reshape_keeps_the_batch(
    tmp_path: Path, target: tuple[int, ...], convolved_first: bool
) -> None:
    x = noise(3, 2, 3, 4)
    model = TfjsModel(1, 2, 3, 4)
    model.constant("shape", np.array(target, np.int32))
    model.node("y", "Reshape", one_to_one(model) if convolved_first else "x", "shape")

    y = model.run(tmp_path, "y", x)

    np.testing.assert_array_equal(y, x.reshape(3, *target[1:]))


def test_reshape_to_a_shape_that_the_graph_computes(tmp_path: Path) -> None:
    """Shape, StridedSlice and Pack, as Keras writes a reshape that keeps the batch."""
    x = noise(3, 2, 3, 4)
    model = TfjsModel(-1, 2, 3, 4)
    model.node("shape", "Shape", "x")
    for name, values in (("zero", [0]), ("one", [1]), ("six", 6), ("four", 4)):
        model.constant(name, np.array(values, np.int32))
    model.node("batch", "StridedSlice", "shape", "zero", "one", "one", shrink_axis_mask=1)
    model.node("target", "Pack", "batch", "six", "four", axis=0)
    model.node("y", "Reshape", "x", "target")

    y = model.run(tmp_path, "y", x)

    np.testing.assert_array_equal(y, x.reshape(3, 6, 4))


@pytest.mark.parametrize(
    ("values", "begin", "end", "step", "masks"),
    [
        ([1, 6, 4, 9], [0], [3], [1], {}),
        ([9, 1, 6, 4], [1], [2], [1], {"end_mask": 1}),  # the end is the end
        ([1, 6, 4, 9], [2], [3], [1], {"begin_mask": 1}),  # the beginning is the beginning
        ([1, 0, 6, 0, 4], [0], [5], [2], {}),  # every other one
        ([[9, 9, 9], [1, 6, 4]], [1, 0], [2, 3], [1, 1], {"shrink_axis_mask": 1}),  # one row
    ],
)
def test_strided_slice(
    tmp_path: Path,
    values: list[int],
    begin: list[int],
    end: list[int],
    step: list[int],
    masks: dict[str, int],
) -> None:
    x = noise(3, 2, 3, 4)
    model = TfjsModel(1, 2, 3, 4)
    for name, numbers in (("values", values), ("begin", begin), ("end", end), ("step", step)):
        model.constant(name, np.array(numbers, np.int32))
    model.node("target", "StridedSlice", "values", "begin", "end", "step", **masks)
    model.node("y", "Reshape", "x", "target")

    assert model.run(tmp_path, "y", x).shape == (3, 6, 4)
