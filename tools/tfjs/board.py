"""The drawing board of a conversion: the ONNX graph so far, and tensors in any layout."""

from service.arrays import Array
from tools.tfjs.builder import GraphBuilder
from tools.tfjs.errors import ConversionError
from tools.tfjs.tensors import (
    NCHW_FROM_NHWC,
    NHWC_FROM_NCHW,
    Layout,
    Tensor,
    Value,
)


class Board:
    """Where operations draw their nodes.

    Attributes:
        graph: the ONNX graph that is being built.
    """

    def __init__(self, graph: GraphBuilder) -> None:
        self.graph = graph
        self._relaid: dict[str, str] = {}

    def stored(self, tensor: Tensor, layout: Layout) -> str:
        """Return the name of a tensor in a layout; it is transposed at most once."""
        if len(tensor.shape) != 4 or tensor.layout is layout:
            return tensor.name
        if tensor.name not in self._relaid:
            permutation = NCHW_FROM_NHWC if layout is Layout.NCHW else NHWC_FROM_NCHW
            self._relaid[tensor.name] = self.graph.node("Transpose", tensor.name, perm=permutation)
        return self._relaid[tensor.name]

    def operand(self, value: Value, layout: Layout, rank: int) -> str:
        """Return the name of an operand that broadcasts to a result as in TensorFlow.

        Args:
            value: a tensor or a constant, of at most the result's rank.
            layout: how the result is stored.
            rank: of the result.

        Raises:
            ConversionError: a tensor of a lower rank would have to be stored channels first.
        """
        if isinstance(value, Tensor):
            if layout is Layout.NCHW and len(value.shape) != rank:
                raise ConversionError(f"a tensor of shape {value.shape} beside maps")
            return self.stored(value, layout)
        weight = value.weight
        if layout is Layout.NCHW and weight.stored.ndim > 0:
            weight = weight.rearranged(_channels_first)
        return self.graph.weight(weight)


def _channels_first(array: Array) -> Array:
    """Return a constant of rank 1 to 4 as it broadcasts to NCHW, e.g. (C,) as (1, C, 1, 1)."""
    return array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(NCHW_FROM_NHWC)
