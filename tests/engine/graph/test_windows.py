from itertools import product
from typing import Any

import onnx
import pytest
from onnx import helper
from onnx.shape_inference import infer_node_outputs

from service.engine.graph.windows import (
    Axis,
    same_padding,
    slide,
    sliding_axes,
    spread,
    spreading_axes,
)

# What ceil_mode means was settled in opset 22: no window may see padding only.
OPSET = 22


def by_onnx(operator: str, n: int, filter: int, attributes: dict[str, Any]) -> int:
    """Return the output size that ONNX's own rule gives on one axis."""
    weights = {"w": helper.make_tensor_type_proto(1, [1, 1, filter])}
    pool = operator in ("MaxPool", "AveragePool")
    node = helper.make_node(
        operator, ["x"] if pool else ["x", "w"], ["y"], kernel_shape=[filter], **attributes
    )
    types = infer_node_outputs(
        onnx.defs.get_schema(operator, OPSET),
        node,
        {"x": helper.make_tensor_type_proto(1, [1, 1, n])} | ({} if pool else weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    return types["y"].tensor_type.shape.dim[2].dim_value


def as_read(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes as they come out of a file, where strings are bytes."""
    return {k: v.encode() if isinstance(v, str) else v for k, v in attributes.items()}


@pytest.mark.parametrize(
    ("n", "axis", "ceil", "expected"),
    [
        (1, Axis(filter=1), False, 1),  # the smallest there is
        (28, Axis(filter=5), False, 24),  # valid: no padding
        (28, Axis(filter=5, padding=(2, 2)), False, 28),  # same
        (227, Axis(filter=11, stride=4), False, 55),  # AlexNet's first layer
        (224, Axis(filter=7, stride=2, padding=(3, 3)), False, 112),  # ResNet's
        (224, Axis(filter=3, stride=2, padding=(0, 1)), False, 112),  # padding at the end only
        (10, Axis(filter=3, dilation=2), False, 6),  # three taps span five cells
        (112, Axis(filter=3, stride=2), False, 55),  # what is left over is not seen,
        (112, Axis(filter=3, stride=2), True, 56),  # or by a window that hangs over
        (5, Axis(filter=2, stride=2, padding=(1, 1)), True, 3),  # but never padding alone
        (2, Axis(filter=5), False, 0),  # the filter does not fit
    ],
)
def test_slide(n: int, axis: Axis, ceil: bool, expected: int) -> None:
    assert slide(n, axis, ceil=ceil) == expected


def test_slide_counts_the_windows_there_are() -> None:
    for n, taps, stride, dilation, begin, end in product(
        range(1, 8), range(1, 4), range(1, 4), range(1, 3), range(3), range(3)
    ):
        axis = Axis(filter=taps, stride=stride, dilation=dilation, padding=(begin, end))
        if axis.span > n + begin + end or max(begin, end) >= axis.span:
            continue  # no window fits, or one sees padding only: runtimes refuse both
        starts = range(-begin, n + end, stride)
        fitting = [start for start in starts if start + axis.span <= n + end]
        last = fitting[-1]
        left_over = last + axis.span < n + end and last + stride < n

        assert slide(n, axis) == len(fitting)
        assert slide(n, axis, ceil=True) == len(fitting) + left_over


@pytest.mark.parametrize(
    ("n", "axis", "extra", "expected"),
    [
        (1, Axis(filter=1), 0, 1),  # the smallest there is
        (16, Axis(filter=2, stride=2), 0, 32),  # each cell its own
        (16, Axis(filter=4, stride=2, padding=(1, 1)), 0, 32),  # overlapping by half
        (16, Axis(filter=3, stride=2, padding=(1, 1)), 1, 32),  # the cell that rounding lost
        (16, Axis(filter=3, stride=2, padding=(0, 1)), 0, 32),  # cut at one end only
        (4, Axis(filter=3, dilation=2), 0, 8),  # a filter with gaps
        (1, Axis(filter=1, padding=(1, 1)), 0, 0),  # all of it cut off
    ],
)
def test_spread(n: int, axis: Axis, extra: int, expected: int) -> None:
    assert spread(n, axis, extra=extra) == expected


@pytest.mark.parametrize(
    ("n", "axis", "upper", "expected"),
    [
        (224, Axis(filter=3, stride=2), True, (0, 1)),  # an even size, TensorFlow's rule
        (224, Axis(filter=3, stride=2), False, (1, 0)),  # the odd cell at the beginning
        (225, Axis(filter=3, stride=2), True, (1, 1)),  # an odd size
        (7, Axis(filter=3, dilation=2), True, (2, 2)),  # a filter with gaps
        (8, Axis(filter=1, stride=2), True, (0, 0)),  # nothing to add
    ],
)
def test_same_padding(n: int, axis: Axis, upper: bool, expected: tuple[int, int]) -> None:
    assert same_padding(n, axis, upper=upper) == expected


@pytest.mark.parametrize("auto_pad", ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize("operator", ["Conv", "MaxPool", "AveragePool"])
def test_sliding_axes_agree_with_onnx(operator: str, auto_pad: str) -> None:
    ceils = (0,) if operator == "Conv" else (0, 1)
    for n, taps, stride, dilation, pads, ceil in product(
        (5, 8), (1, 2, 3), (1, 2, 3), (1, 2), ([0, 0], [1, 1], [0, 1]), ceils
    ):
        attributes: dict[str, Any] = {"strides": [stride], "dilations": [dilation]}
        attributes |= {"pads": pads} if auto_pad == "NOTSET" else {"auto_pad": auto_pad}
        if operator != "Conv":
            attributes["ceil_mode"] = ceil

        (axis,) = sliding_axes(as_read(attributes), filter=(taps,), sizes=(n,))

        assert axis.size == by_onnx(operator, n, taps, attributes), (n, taps, attributes)


@pytest.mark.parametrize(
    "target",
    [
        {"pads": [0, 0]},
        {"pads": [1, 0]},
        {"pads": [1, 1]},
        {"output_shape": [11]},
        {"auto_pad": "VALID"},
        {"auto_pad": "SAME_UPPER"},
        {"auto_pad": "SAME_LOWER"},
        {"auto_pad": "SAME_LOWER", "output_shape": [11]},
    ],
    ids=str,
)
def test_spreading_axes_agree_with_onnx(target: dict[str, Any]) -> None:
    for n, taps, stride, dilation, extra in product((4, 5), (2, 3), (1, 2, 3), (1, 2), (0, 1)):
        attributes = {"strides": [stride], "dilations": [dilation]} | target
        if "SAME" not in target.get("auto_pad", ""):  # ONNX's rule adds it, its runtimes do not
            attributes["output_padding"] = [extra]

        (axis,) = spreading_axes(as_read(attributes), filter=(taps,), sizes=(n,))

        assert axis.size == by_onnx("ConvTranspose", n, taps, attributes), (n, taps, attributes)


def test_each_axis_has_its_own_filter_and_padding() -> None:
    attributes = {"strides": [2, 1], "dilations": [1, 3], "pads": [0, 1, 2, 3]}

    height, width = sliding_axes(attributes, filter=(3, 2), sizes=(9, 10))

    assert height == Axis(filter=3, stride=2, padding=(0, 2), size=5)
    assert width == Axis(filter=2, dilation=3, padding=(1, 3), size=11)


@pytest.mark.parametrize(
    ("auto_pad", "padding"), [(b"SAME_UPPER", (1, 2)), (b"SAME_LOWER", (2, 1))]
)
def test_the_padding_of_a_wanted_size(auto_pad: bytes, padding: tuple[int, int]) -> None:
    # 4 cells spread by 3, with 4 taps: 13; three are too many for the 10 that are wanted.
    attributes = {"strides": [3], "output_shape": [10], "auto_pad": auto_pad}

    (axis,) = spreading_axes(attributes, filter=(4,), sizes=(4,))

    assert axis == Axis(filter=4, stride=3, padding=padding, size=10)


@pytest.mark.parametrize(
    ("auto_pad", "padding"),
    [
        (b"NOTSET", (0, 0)),  # given, whatever the input
        (b"VALID", (0, 0)),
        (b"SAME_UPPER", None),  # follows from the input
    ],
)
def test_an_unknown_input_leaves_the_output_unknown(
    auto_pad: bytes, padding: tuple[int, int] | None
) -> None:
    expected = Axis(filter=3, stride=2, padding=padding, size=None)
    attributes = {"strides": [2], "auto_pad": auto_pad}

    assert sliding_axes(attributes, filter=(3,), sizes=(None,)) == (expected,)
    assert spreading_axes(attributes, filter=(3,), sizes=(None,)) == (expected,)


def test_a_wanted_size_is_known_whatever_the_input() -> None:
    attributes = {"output_shape": [1, 8, 10]}  # some exporters write all axes

    (axis,) = spreading_axes(attributes, filter=(3,), sizes=(None,))

    assert axis == Axis(filter=3, padding=None, size=10)
