"""What can be said of a graph's tensor before anything runs, and the tensors a file starts with."""

from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import onnx
from onnx import numpy_helper

from service.arrays import Array
from service.engine.graph.windows import Shape

Layout = Literal["NCHW", "NHWC"]

# Shapes, axes, sizes and scales have a few elements each; what is longer is weights.
_VALUE_LIMIT = 64
_VALUE_TYPES = frozenset(
    onnx.TensorProto.DataType.Value(name) for name in ("BOOL", "FLOAT", "INT32", "INT64")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A constant kept in the graph's file; others may be casts, slices or reshapes of it."""

    name: str
    elements: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """What is known of one tensor.

    Attributes:
        dtype: ONNX's number of the element type, 0 where not known.
        shape: None where not even the number of axes is known.
        fed: its contents depend on what the graph is given.
        value: its contents, where they are few and known.
        stored: the constant its contents come from; None when fed, or computed from shapes.
        channels_last: its four axes are N, H, W, C and not N, C, H, W.
    """

    dtype: int = 0
    shape: Shape | None = None
    fed: bool = True
    value: Array | None = None
    stored: Stored | None = None
    channels_last: bool = False

    @property
    def elements(self) -> int | None:
        """Number of elements, None where it is not known."""
        return None if self.shape is None else product(self.shape)


def product(sizes: Shape) -> int | None:
    """Return the product of the sizes, None when one of them is not known."""
    known = [size for size in sizes if size is not None]
    return prod(known) if len(known) == len(sizes) else None


def is_small(tensor: Tensor) -> bool:
    """Say whether the contents are few enough, and of a type, to be worth following."""
    elements = tensor.elements
    return elements is not None and elements <= _VALUE_LIMIT and tensor.dtype in _VALUE_TYPES


def declared_shape(proto: onnx.TypeProto.Tensor) -> Shape | None:
    """Return the sizes that are given as numbers; some exporters write 0 or -1 for an open one."""
    if not proto.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.dim_value > 0 else None for dim in proto.shape.dim)


def input_tensor(
    proto: onnx.TypeProto.Tensor, *, input_size: tuple[int, int] | None, layout: Layout
) -> Tensor:
    """Return an input of the graph for one image: an open batch is 1, open sizes `input_size`."""
    shape = declared_shape(proto)
    if shape is None or len(shape) < 2:
        return Tensor(dtype=proto.elem_type, shape=shape)
    one_image: Shape = (1, *shape[1:])
    if len(shape) == 4:
        height, width = input_size or (None, None)
        one_image = (1, height, width, None) if layout == "NHWC" else (1, None, height, width)
    return Tensor(
        dtype=proto.elem_type,
        shape=tuple(size or one for size, one in zip(shape, one_image, strict=True)),
        channels_last=layout == "NHWC" and len(shape) == 4,
    )


def constant_tensor(proto: onnx.TensorProto, name: str) -> Tensor:
    """Return a constant of the file, with its contents only if those are few and in the file."""
    shape = tuple(proto.dims)
    tensor = Tensor(
        dtype=proto.data_type,
        shape=shape,
        fed=False,
        stored=Stored(name=name, elements=prod(shape)),
    )
    if not is_small(tensor) or proto.data_location == onnx.TensorProto.EXTERNAL:
        return tensor
    return replace(tensor, value=numpy_helper.to_array(proto))


def sparse_tensor(proto: onnx.SparseTensorProto) -> Tensor:
    """Return a constant of the file of which only the elements that are not zero are stored."""
    return Tensor(
        dtype=proto.values.data_type,
        shape=tuple(proto.dims),
        fed=False,
        stored=Stored(name=proto.values.name, elements=prod(proto.values.dims)),
    )
