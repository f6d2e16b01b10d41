"""The tensors a file starts with: its inputs and its constants."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.engine.graph.tensors import (
    Layout,
    Stored,
    Tensor,
    constant_tensor,
    input_tensor,
    product,
    sparse_tensor,
)
from service.engine.graph.windows import Shape


def declared(*sizes: int | str | None) -> object:
    return helper.make_tensor_type_proto(TensorProto.UINT8, sizes).tensor_type


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), 1),  # a number has one element
        ((2, 3, 4), 24),
        ((2, None, 4), None),
        ((None, 0), None),
    ],
)
def test_product(sizes: Shape, expected: int | None) -> None:
    assert product(sizes) == expected


@pytest.mark.parametrize(
    ("sizes", "layout", "input_size", "expected"),
    [
        (("n", 3, "h", 5), "NCHW", None, (1, 3, None, 5)),  # an open batch is one image
        (("n", 3, "h", 5), "NCHW", (7, 9), (1, 3, 7, 5)),  # a size that the graph gives stays
        (("n", "h", "w", 3), "NHWC", (7, 9), (1, 7, 9, 3)),  # here height and width come first
        (("n", 3, "size", "size"), "NCHW", (7, 9), (1, 3, 7, 9)),
        ((4, 3, 8, 8), "NCHW", (7, 9), (4, 3, 8, 8)),  # four images at once
        ((0, 3, -1, 8), "NCHW", None, (1, 3, None, 8)),  # open sizes as some exporters write them
        (("n", 26), "NCHW", (7, 9), (1, 26)),  # no picture
        ((None, "t", 8), "NHWC", (7, 9), (1, None, 8)),
        (("weights",), "NCHW", (7, 9), (None,)),  # one axis is not a batch
        (None, "NCHW", (7, 9), None),
    ],
)
def test_inputs(
    sizes: tuple[int | str | None, ...] | None,
    layout: Layout,
    input_size: tuple[int, int] | None,
    expected: Shape | None,
) -> None:
    proto = helper.make_tensor_type_proto(TensorProto.UINT8, sizes).tensor_type

    tensor = input_tensor(proto, input_size=input_size, layout=layout)

    picture = expected is not None and len(expected) == 4
    assert tensor == Tensor(
        dtype=TensorProto.UINT8, shape=expected, channels_last=picture and layout == "NHWC"
    )


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.ones(64, np.float32), True),
        (np.ones(65, np.float32), False),  # long enough to be weights
        (np.array([1, -1]), True),
        (np.array(True), True),
        (np.ones(2, np.float16), False),  # a type no shape is computed in
    ],
)
def test_values_are_kept_of_small_constants_only(value: np.ndarray, kept: bool) -> None:
    tensor = constant_tensor(numpy_helper.from_array(value), "c")

    assert (tensor.value is not None) == kept
    assert (tensor.shape, tensor.fed) == (value.shape, False)
    assert tensor.stored == Stored(name="c", elements=value.size)


def test_values_in_another_file_are_not_read() -> None:
    proto = TensorProto(data_type=TensorProto.INT64, dims=[2])
    proto.data_location = TensorProto.EXTERNAL

    assert constant_tensor(proto, "c").value is None


def test_a_sparse_constant_stores_less_than_its_shape() -> None:
    values = numpy_helper.from_array(np.ones(4, np.float32), "w")
    places = numpy_helper.from_array(np.array([0, 9, 17, 29]))

    tensor = sparse_tensor(helper.make_sparse_tensor(values, places, [6, 5]))

    assert (tensor.elements, tensor.stored) == (30, Stored(name="w", elements=4))
