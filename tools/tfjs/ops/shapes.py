"""Operations that move values without changing them, and the arithmetic of shapes.

What TensorFlow computes from a shape at run time (Shape, StridedSlice, Pack) is known while
converting, but for the batch, which is written -1.
"""

import math

import numpy as np

from tools.tfjs.board import Board
from tools.tfjs.errors import ConversionError
from tools.tfjs.graph import Node
from tools.tfjs.tensors import (
    Constant,
    Layout,
    Shape,
    Tensor,
    Value,
    as_constant,
    as_tensor,
    common_layout,
)
from tools.tfjs.weights import Weight


def identity(_board: Board, _node: Node, inputs: list[Value]) -> Value:
    """Convert Identity: nothing is drawn."""
    return inputs[0]


def concat(board: Board, _: Node, inputs: list[Value]) -> Tensor:
    """Convert ConcatV2: tensors, then the axis."""
    tensors = [as_tensor(value) for value in inputs[:-1]]
    first = tensors[0]
    axis = int(as_constant(inputs[-1]).values) % len(first.shape)
    layout = common_layout(tensors)
    names = [board.stored(tensor, layout) for tensor in tensors]
    name = board.graph.node("Concat", *names, axis=layout.axis(axis))
    joined = sum(_known(tensor.shape[axis]) for tensor in tensors)
    shape = (*first.shape[:axis], joined, *first.shape[axis + 1 :])
    return Tensor(name=name, shape=shape, layout=layout)


def reshape(board: Board, _: Node, inputs: list[Value]) -> Tensor:
    """Convert Reshape of a batch; a batch that was frozen at 1 becomes symbolic again."""
    source = as_tensor(inputs[0])
    target = [int(size) for size in as_constant(inputs[1]).values]
    shape = batched_shape(source.shape, target)
    sizes = board.graph.constant([-1 if size is None else size for size in shape], np.int64)
    name = board.graph.node("Reshape", board.stored(source, Layout.NHWC), sizes)
    return Tensor(name=name, shape=shape)


def batched_shape(source: Shape, target: list[int]) -> Shape:
    """Return the shape after a reshape that keeps the batch, the first axis, as it is.

    Args:
        source: shape before; the first size is None, the symbolic batch.
        target: sizes asked for; the first is the batch (1 where the graph froze it, or -1),
            and one of the others may be -1: whatever is left.

    Raises:
        ConversionError: the sizes do not fit without mixing the batch with other axes.

    >>> batched_shape((None, 16, 16, 6), [1, -1, 1])
    (None, 1536, 1)
    """
    count = math.prod(_known(size) for size in source[1:])
    batch, *rest = target
    given = math.prod(size for size in rest if size != -1)
    fitted = [count // given if size == -1 else size for size in rest]
    if batch not in (1, -1) or math.prod(fitted) != count:
        raise ConversionError(f"a reshape of {source} to {target} mixes the batch with other axes")
    return (None, *fitted)


def shape_of(_board: Board, _node: Node, inputs: list[Value]) -> Constant:
    """Convert Shape: a constant."""
    return _constant([-1 if size is None else size for size in as_tensor(inputs[0]).shape])


def strided_slice(_board: Board, node: Node, inputs: list[Value]) -> Constant:
    """Convert StridedSlice of a constant: values, begin, end, steps.

    Raises:
        ConversionError: it adds axes or uses an ellipsis.
    """
    values, begins, ends, steps = (as_constant(value).values for value in inputs)
    if node.attributes.get("ellipsis_mask") or node.attributes.get("new_axis_mask"):
        raise ConversionError("a slice with an ellipsis or a new axis is not supported")
    begin_mask, end_mask, single_mask = (
        node.attributes.get(f"{mask}_mask", 0) for mask in ("begin", "end", "shrink_axis")
    )
    index: list[int | slice] = []
    for axis, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        bit = 1 << axis
        if single_mask & bit:
            index.append(int(begin))
        else:
            first = None if begin_mask & bit else int(begin)
            last = None if end_mask & bit else int(end)
            index.append(slice(first, last, int(step)))
    return _constant(values[tuple(index)])


def pack(_board: Board, node: Node, inputs: list[Value]) -> Constant:
    """Convert Pack of constants: a new axis over them."""
    values = [as_constant(value).values for value in inputs]
    return _constant(np.stack(values, axis=node.attributes.get("axis", 0)))


def _constant(values: object) -> Constant:
    return Constant(weight=Weight(stored=np.asarray(values, np.int32)))


def _known(size: int | None) -> int:
    if size is None:
        raise ConversionError("works across the batch")
    return size
