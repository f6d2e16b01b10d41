"""Operations on the height and width of maps: pools, means, resizes, padding."""

import numpy as np

from tools.tfjs.board import Board
from tools.tfjs.errors import ConversionError
from tools.tfjs.graph import Node
from tools.tfjs.ops.convolution import spatial
from tools.tfjs.tensors import Layout, Tensor, Value, as_constant, as_tensor
from tools.tfjs.windows import windows


def max_pool(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert MaxPool; padding never wins."""
    return _pool(board, node, as_tensor(inputs[0]), "MaxPool")


def average_pool(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert AvgPool; padding is not counted, in both frameworks."""
    source = as_tensor(inputs[0])
    if spatial(node, "ksize") == source.size and node.attributes["padding"] == "VALID":
        return _global_average(board, source)
    return _pool(board, node, source, "AveragePool")


def mean(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert Mean over height and width.

    Raises:
        ConversionError: it is taken over other axes, or drops those it is taken over.
    """
    source, axes = as_tensor(inputs[0]), as_constant(inputs[1]).values
    if sorted(axes.ravel().tolist()) != [1, 2] or not node.attributes.get("keep_dims"):
        raise ConversionError("only means over height and width that keep their axes")
    return _global_average(board, source)


def resize_bilinear(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert ResizeBilinear by a whole factor.

    Raises:
        ConversionError: the factor is not whole; ONNX would round the size down and lose a row,
            and cannot be given the size without the batch.
    """
    source = as_tensor(inputs[0])
    height, width = (int(size) for size in as_constant(inputs[1]).values)
    if height % source.size[0] or width % source.size[1]:
        raise ConversionError(f"only by whole factors, not {source.size} to {(height, width)}")
    factors = (1, 1, height // source.size[0], width // source.size[1])
    if node.attributes.get("align_corners"):
        coordinates = "align_corners"
    elif node.attributes.get("half_pixel_centers"):
        coordinates = "half_pixel"
    else:
        coordinates = "asymmetric"
    name = board.graph.node(
        "Resize",
        board.stored(source, Layout.NCHW),
        "",
        board.graph.constant(factors),
        mode="linear",
        coordinate_transformation_mode=coordinates,
    )
    shape = (source.shape[0], height, width, source.channels)
    return Tensor(name=name, shape=shape, layout=Layout.NCHW)


def depth_to_space(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert DepthToSpace; TensorFlow's order (block row, block column, channel) is DCR."""
    source, block = as_tensor(inputs[0]), node.attributes["block_size"]
    name = board.graph.node(
        "DepthToSpace", board.stored(source, Layout.NCHW), blocksize=block, mode="DCR"
    )
    height, width = source.size
    shape = (source.shape[0], height * block, width * block, source.channels // block**2)
    return Tensor(name=name, shape=shape, layout=Layout.NCHW)


def pad(board: Board, _: Node, inputs: list[Value]) -> Tensor:
    """Convert Pad with zeros: (rank, 2) rows, columns, channels before and after each axis."""
    source = as_tensor(inputs[0])
    amounts = as_constant(inputs[1]).values.astype(int)
    stored = np.zeros_like(amounts)
    for axis, amount in enumerate(amounts):
        stored[source.layout.axis(axis)] = amount
    name = board.graph.node(
        "Pad", source.name, board.graph.constant(stored.T.ravel(), np.int64), mode="constant"
    )
    shape = tuple(
        size if size is None else size + int(before + after)
        for size, (before, after) in zip(source.shape, amounts, strict=True)
    )
    return Tensor(name=name, shape=shape, layout=source.layout)


def _pool(board: Board, node: Node, source: Tensor, op: str) -> Tensor:
    kernel, strides = spatial(node, "ksize"), spatial(node, "strides")
    fit = windows(source.size, kernel=kernel, strides=strides, padding=node.attributes["padding"])
    name = board.graph.node(
        op,
        board.stored(source, Layout.NCHW),
        kernel_shape=kernel,
        strides=strides,
        pads=fit.pads,
    )
    shape = (source.shape[0], *fit.size, source.channels)
    return Tensor(name=name, shape=shape, layout=Layout.NCHW)


def _global_average(board: Board, source: Tensor) -> Tensor:
    name = board.graph.node("GlobalAveragePool", board.stored(source, Layout.NCHW))
    return Tensor(name=name, shape=(source.shape[0], 1, 1, source.channels), layout=Layout.NCHW)
