"""Element-wise operations against NumPy, in either layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.arrays import Array
from tests.tools.tfjs.models import TfjsModel, noise, one_to_one
from tests.tools.tfjs.reference import (
    over_windows,
)


@pytest.mark.parametrize(
    ("op", "function"),
    [("Add", np.add), ("AddV2", np.add), ("Mul", np.multiply)],
)
@pytest.mark.parametrize("shape", [(), (4,), (3, 1), (2, 1, 4), (1, 2, 3, 4)], ids=str)
@pytest.mark.parametrize("convolved_first", [False, True], ids=["NHWC", "NCHW"])
@pytest.mark.parametrize("constant_first", [False, True])
def test_binary_with_a_constant(
    tmp_path: Path,
    op: str,
    function: Callable[[Array, Array], Array],
    shape: tuple[int, ...],
    convolved_first: bool,
    constant_first: bool,
) -> None:
    x, c = noise(3, 2, 3, 4), np.asarray(noise(*shape, seed=1))
    model = TfjsModel(1, 2, 3, 4)
    model.constant("k", c)
    source = one_to_one(model) if convolved_first else "x"
    model.node("y", op, *(("k", source) if constant_first else (source, "k")))

    y = model.run(tmp_path, "y", x)

    np.testing.assert_allclose(y, function(x, c), atol=1e-6)


def test_tensors_of_both_layouts_are_combined(tmp_path: Path) -> None:
    x = noise(3, 2, 3, 4)
    model = TfjsModel(1, 2, 3, 4)
    model.node("sum", "Add", "x", one_to_one(model))
    model.node("total", "AddN", "sum", "x", "c")
    model.node("product", "Mul", "x", "total")
    model.constant("axis", np.array(-1, np.int32))
    model.node("y", "ConcatV2", "product", "x", "axis")

    y = model.run(tmp_path, "y", x)

    np.testing.assert_allclose(y, np.concatenate([x * (4 * x), x], axis=-1), atol=1e-5)


def test_peaks_of_a_heatmap(tmp_path: Path) -> None:
    """MaxPool, Equal, Cast and Mul, as CenterNet picks its peaks."""
    x = noise(3, 6, 5, 4)
    model = TfjsModel(1, 6, 5, 4)
    model.node("max", "MaxPool", "x", ksize=(1, 3, 3, 1), strides=(1, 1, 1, 1), padding="SAME")
    model.node("equal", "Equal", "x", "max")
    model.node("one", "Cast", "equal", DstT="DT_FLOAT", SrcT="DT_BOOL")
    model.node("y", "Mul", "x", "one")

    y = model.run(tmp_path, "y", x)

    highest = over_windows(x, (3, 3), (1, 1), "SAME", lambda window: np.nanmax(window, (1, 2)))
    np.testing.assert_array_equal(y, np.where(x == highest, x, 0))
