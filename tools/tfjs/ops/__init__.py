"""TensorFlow's operations in ONNX: one function each, found through the table `OPS`.

Every function takes the drawing board, the node and its converted inputs, and returns what the
node yields.
"""

from collections.abc import Callable

from tools.tfjs.board import Board
from tools.tfjs.graph import Node
from tools.tfjs.ops.convolution import conv2d, conv2d_transposed, depthwise_conv2d
from tools.tfjs.ops.pointwise import ACTIVATIONS, BINARY, add_n, binary, cast, hard_sigmoid, unary
from tools.tfjs.ops.shapes import concat, identity, pack, reshape, shape_of, strided_slice
from tools.tfjs.ops.spatial import (
    average_pool,
    depth_to_space,
    max_pool,
    mean,
    pad,
    resize_bilinear,
)
from tools.tfjs.tensors import Value

Operation = Callable[[Board, Node, list[Value]], Value]

OPS: dict[str, Operation] = {
    **dict.fromkeys(BINARY, binary),
    **dict.fromkeys(ACTIVATIONS, unary),
    "AddN": add_n,
    "AvgPool": average_pool,
    "Cast": cast,
    "ConcatV2": concat,
    "Conv2D": conv2d,
    "Conv2DBackpropInput": conv2d_transposed,
    "DepthToSpace": depth_to_space,
    "DepthwiseConv2dNative": depthwise_conv2d,
    "FusedDepthwiseConv2dNative": depthwise_conv2d,
    "HardSigmoid": hard_sigmoid,
    "Identity": identity,
    "MaxPool": max_pool,
    "Mean": mean,
    "Pack": pack,
    "Pad": pad,
    "Reshape": reshape,
    "ResizeBilinear": resize_bilinear,
    "Shape": shape_of,
    "StridedSlice": strided_slice,
    "_FusedConv2D": conv2d,
}
