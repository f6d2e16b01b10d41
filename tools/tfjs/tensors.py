"""What flows between converted operations: tensors with a storage layout, and constants.

TensorFlow.js keeps pictures as NHWC, onnxruntime's convolutions want NCHW. Each tensor says how
ONNX stores it while its shape stays in TensorFlow's order: convolutions, pools and resizes
leave NCHW behind them, element-wise operations pass on what they get, and a Transpose appears
only where somebody asks for the other layout.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from service.arrays import Array
from tools.tfjs.errors import ConversionError
from tools.tfjs.weights import Weight

NCHW_FROM_NHWC = (0, 3, 1, 2)
NHWC_FROM_NCHW = (0, 2, 3, 1)

Shape = tuple[int | None, ...]


class Layout(Enum):
    """How ONNX stores a tensor, relative to TensorFlow's order of axes."""

    NHWC = "as TensorFlow; also every tensor that is not of rank 4"
    NCHW = "channels first; rank 4 only"

    def axis(self, axis: int) -> int:
        """Return where TensorFlow's axis (0 and up) is stored.

        >>> Layout.NCHW.axis(3), Layout.NHWC.axis(3)
        (1, 3)
        """
        return NCHW_FROM_NHWC.index(axis) if self is Layout.NCHW else axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """The result of an ONNX node or an input of the network.

    Attributes:
        name: in the ONNX graph.
        shape: sizes in TensorFlow's order (NHWC for maps); None is the batch.
        layout: how it is stored.
    """

    name: str
    shape: Shape
    layout: Layout = Layout.NHWC

    @property
    def size(self) -> tuple[int, int]:
        """The (height, width) of a map."""
        _, height, width, _ = self.shape
        assert height is not None
        assert width is not None
        return height, width

    @property
    def channels(self) -> int:
        """The size of the last axis in TensorFlow's order."""
        channels = self.shape[-1]
        assert channels is not None
        return channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """Values known while converting: a weight, or sizes that the graph computes from shapes.

    Where sizes are computed from a symbolic batch, the batch is -1, as in a Reshape.
    """

    weight: Weight

    @property
    def values(self) -> Array:
        """The numbers, in TensorFlow's order of axes."""
        return self.weight.values

    @property
    def shape(self) -> Shape:
        """The sizes of the axes."""
        return self.weight.stored.shape


Value = Tensor | Constant


def as_tensor(value: Value) -> Tensor:
    """Return an input that the network computes.

    Raises:
        ConversionError: it is a constant.
    """
    if isinstance(value, Tensor):
        return value
    raise ConversionError("a constant where a computed tensor is expected")


def as_constant(value: Value) -> Constant:
    """Return an input that is known while converting.

    Raises:
        ConversionError: the network computes it.
    """
    if isinstance(value, Constant):
        return value
    raise ConversionError("a computed tensor where a constant is expected")


def common_layout(values: Iterable[Value]) -> Layout:
    """Return the layout in which to combine values: NCHW as soon as one tensor has it."""
    found = (value.layout for value in values if isinstance(value, Tensor))
    return Layout.NCHW if Layout.NCHW in found else Layout.NHWC


def broadcast(first: Shape, second: Shape) -> Shape:
    """Return the shape of an element-wise operation on both, the batch staying symbolic.

    Raises:
        ConversionError: two sizes differ and neither is 1.

    >>> broadcast((None, 8, 8, 3), (3,))
    (None, 8, 8, 3)
    """
    rank = max(len(first), len(second))
    pairs = zip(
        (1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True
    )
    sizes: list[int | None] = []
    for one, other in pairs:
        if one != other and 1 not in (one, other):
            raise ConversionError(f"shapes {first} and {second} do not broadcast")
        sizes.append(other if one == 1 else one)
    return tuple(sizes)
