"""Convolutions: plain, depthwise, transposed, with the bias and activation fused into them."""

from tools.tfjs.board import Board
from tools.tfjs.errors import ConversionError
from tools.tfjs.graph import Node
from tools.tfjs.ops.pointwise import activation
from tools.tfjs.tensors import Layout, Tensor, Value, as_constant, as_tensor
from tools.tfjs.weights import Weight
from tools.tfjs.windows import windows


def conv2d(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert Conv2D and _FusedConv2D: kernel (h, w, in, out)."""
    kernel = as_constant(inputs[1]).weight
    groups = as_tensor(inputs[0]).channels // kernel.stored.shape[2]
    return _convolution(board, node, inputs, plain_kernel(kernel), groups)


def depthwise_conv2d(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert DepthwiseConv2dNative, plain or fused: kernel (h, w, in, multiplier)."""
    kernel = as_constant(inputs[1]).weight
    return _convolution(
        board, node, inputs, depthwise_kernel(kernel), groups=kernel.stored.shape[2]
    )


def plain_kernel(kernel: Weight) -> Weight:
    """Return a kernel (h, w, in, out) as ONNX's (out, in, h, w)."""
    return kernel.rearranged(lambda stored: stored.transpose(3, 2, 0, 1))


def depthwise_kernel(kernel: Weight) -> Weight:
    """Return a depthwise kernel (h, w, in, multiplier) as ONNX's (in * multiplier, 1, h, w)."""
    height, width, _, _ = kernel.stored.shape
    return kernel.rearranged(
        lambda stored: stored.transpose(2, 3, 0, 1).reshape(-1, 1, height, width)
    )


def conv2d_transposed(board: Board, node: Node, inputs: list[Value]) -> Tensor:
    """Convert Conv2DBackpropInput: result shape, kernel (h, w, out, in), map.

    The padding is that of the forward convolution, which maps the result back to the input.
    """
    _, height, width, channels = (int(size) for size in as_constant(inputs[0]).values)
    kernel = as_constant(inputs[1]).weight
    small = as_tensor(inputs[2])
    strides = spatial(node, "strides")
    taps = (kernel.stored.shape[0], kernel.stored.shape[1])
    forward = windows(
        (height, width), kernel=taps, strides=strides, padding=node.attributes["padding"]
    )
    if forward.size != small.size:
        raise ConversionError(f"{small.size} cannot be the source of {(height, width)}")
    top, left, bottom, right = forward.pads
    name = board.graph.node(
        "ConvTranspose",
        board.stored(small, Layout.NCHW),
        board.graph.weight(plain_kernel(kernel)),  # forward order: (in, out, h, w) here
        kernel_shape=taps,
        strides=strides,
        pads=forward.pads,
        output_padding=(
            height - ((small.size[0] - 1) * strides[0] + taps[0] - top - bottom),
            width - ((small.size[1] - 1) * strides[1] + taps[1] - left - right),
        ),
    )
    return Tensor(name=name, shape=(small.shape[0], height, width, channels), layout=Layout.NCHW)


def spatial(node: Node, attribute: str) -> tuple[int, int]:
    """Return the (height, width) part of an attribute with one value per axis.

    Raises:
        ConversionError: the node's maps are not NHWC, or it acts across batch or channels.
    """
    if node.attributes.get("data_format", "NHWC") != "NHWC":
        raise ConversionError(f"maps in {node.attributes['data_format']} are not supported")
    batch, height, width, channels = node.attributes.get(attribute, (1, 1, 1, 1))
    if (batch, channels) != (1, 1):
        raise ConversionError(f"{attribute} across batch or channels is not supported")
    return height, width


def _convolution(
    board: Board, node: Node, inputs: list[Value], kernel: Weight, groups: int
) -> Tensor:
    """Draw a convolution; `kernel` is ONNX's (out, in / groups, h, w)."""
    source = as_tensor(inputs[0])
    channels, _, *taps = kernel.stored.shape
    strides, dilations = spatial(node, "strides"), spatial(node, "dilations")
    fit = windows(
        source.size,
        kernel=(taps[0], taps[1]),
        strides=strides,
        dilations=dilations,
        padding=node.attributes["padding"],
    )
    fused = list(node.attributes.get("fused_ops", ()))
    bias = []
    if fused and fused[0] == "BiasAdd":
        bias = [board.graph.weight(as_constant(inputs[2]).weight)]
        del fused[0]
    name = board.graph.node(
        "Conv",
        board.stored(source, Layout.NCHW),
        board.graph.weight(kernel),
        *bias,
        kernel_shape=taps,
        strides=strides,
        dilations=dilations,
        pads=fit.pads,
        group=groups,
    )
    for kind in fused:
        name = activation(board, kind, name)
    return Tensor(name=name, shape=(source.shape[0], *fit.size, channels), layout=Layout.NCHW)
