"""The layers of an ONNX graph: filter, stride, padding, output, parameters and multiply-adds.

What is counted, as papers and torchvision count it: `parameters` are the stored elements that a
layer learns, whatever number format or Cast, scale and DequantizeLinear they are stored behind;
of batch normalization gamma and beta, while its running mean and variance are `statistics`.
`multiply_adds` are those of convolutions and matrix products for one image; additions of a bias,
normalization, activations and pooling count as none.

A graph does not say what was learned. A mean that is subtracted inside it, or a grid of anchors,
counts as parameters too; single numbers, such as the 3 and 6 of hard-swish, do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from service.engine.graph.counts import (
    PRODUCTS,
    multiply_adds,
    parameter_tensors,
    statistics_tensors,
    stored_elements,
    total,
)
from service.engine.graph.tensors import Layout, Tensor
from service.engine.graph.trace import CONVOLUTIONS, Trace, attributes, has_branches, operator
from service.engine.graph.windows import Axis, Shape
from service.errors import ManifestError

# They move or relabel numbers, or do nothing once a network is trained.
_PLUMBING = frozenset(
    {
        "Cast",
        "CastLike",
        "DequantizeLinear",
        "Dropout",
        "DynamicQuantizeLinear",
        "Expand",
        "Flatten",
        "Identity",
        "QuantizeLinear",
        "Reshape",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An input or output of the graph, for one image.

    Attributes:
        name: as in the graph.
        shape: in the graph's own order; an open batch is 1, other sizes None where not known.
        dtype: NumPy's name of the element type.
    """

    name: str
    shape: Shape | None
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One row of the table. None is a number that is not known, or that a layer does not have.

    Attributes:
        name: of the node, or of its first output when it has none.
        type: ONNX's name of the operator, its domain in front when it is not one of ONNX's own;
            but DepthwiseConv (one input channel a group), GroupedConv, and FullyConnected (a
            matrix product with constants).
        filter: (height, width).
        stride: (vertical, horizontal).
        padding: (top, left, bottom, right).
        dilation: (vertical, horizontal), 1 where the filter is dense.
        output: (height, width, channels) of a picture; else the shape without the batch. Of a
            layer with several outputs, the first's.
        parameters: stored elements the layer learns; shared ones count in every layer.
        statistics: stored running means and variances.
        multiply_adds: for one image.
    """

    name: str
    type: str
    filter: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    padding: Shape | None
    dilation: tuple[int, ...] | None
    output: Shape | None
    parameters: int | None
    statistics: int | None
    multiply_adds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The layer table and its totals; a total is None when a layer's share of it is not known.

    Attributes:
        layers: in the graph's order.
        parameters: stored elements the network learns, shared ones counted once.
        statistics: stored running means and variances, shared ones counted once.
        multiply_adds: for one image.
        inputs: what the graph is given.
        outputs: what it answers.
    """

    layers: tuple[Layer, ...]
    parameters: int | None
    statistics: int | None
    multiply_adds: int | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def summarize(
    path: Path, *, input_size: tuple[int, int] | None = None, layout: Layout = "NCHW"
) -> Summary:
    """Return the layer table of the graph in a file; weights kept in other files are not opened.

    Args:
        path: of the ONNX file.
        input_size: (height, width) where the graph leaves the size of its picture open; without
            it what depends on that size is None.
        layout: of the picture.

    Raises:
        ManifestError: the file is not an ONNX graph.
        OSError: the file cannot be read.
    """
    model = read_graph(path)
    trace = Trace(model, input_size=input_size, layout=layout)
    layers: list[Layer] = []
    learned: dict[str, Tensor] = {}
    gathered: dict[str, Tensor] = {}
    for node in model.graph.node:
        axes = trace.follow(node)
        if _is_layer(node, trace):
            layers.append(_layer(node, trace, axes))
            learned |= parameter_tensors(node, trace)
            gathered |= statistics_tensors(node, trace)
    complete = all(layer.parameters is not None for layer in layers)
    return Summary(
        layers=tuple(layers),
        parameters=stored_elements(learned.values()) if complete else None,
        statistics=stored_elements(gathered.values()) if complete else None,
        multiply_adds=total(layer.multiply_adds for layer in layers),
        inputs=tuple(_port(name, trace) for name in trace.inputs),
        outputs=tuple(_port(output.name, trace) for output in model.graph.output),
    )


def read_graph(path: Path) -> onnx.ModelProto:
    """Return a graph; weights kept in other files are not opened.

    Raises:
        ManifestError: the file is not an ONNX graph.
    """
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError as error:
        raise ManifestError(path, "", "is not an ONNX graph") from error
    if not model.graph.node:  # as of a file without a byte
        raise ManifestError(path, "", "is not an ONNX graph: it has no nodes")
    return model


def _batch_size(trace: Trace) -> int:
    """Return how many images the graph takes at once: the first axis of its first picture.

    Without an input of four axes, of its first input that has more than one.
    """
    shapes: list[Shape] = [trace[name].shape or () for name in trace.inputs]
    batched = sorted((s for s in shapes if len(s) > 1), key=lambda s: len(s) != 4)
    return (batched[0][0] or 1) if batched else 1


def _is_layer(node: onnx.NodeProto, trace: Trace) -> bool:
    """Say whether the node works on what the graph is given, and not on weights or shapes."""
    fed = any(trace[name].fed for name in node.output if name)
    return fed and operator(node) not in _PLUMBING


def _layer(node: onnx.NodeProto, trace: Trace, axes: Sequence[Axis]) -> Layer:
    begins = tuple(axis.padding[0] if axis.padding else None for axis in axes)
    ends = tuple(axis.padding[1] if axis.padding else None for axis in axes)
    products = multiply_adds(node, trace)
    outputs = [name for name in node.output if name]
    nested = has_branches(node)  # what its own graphs hold is not looked at
    return Layer(
        name=node.name or outputs[0],
        type=_type(node, trace),
        filter=tuple(axis.filter for axis in axes) or None,
        stride=tuple(axis.stride for axis in axes) or None,
        padding=begins + ends or None,
        dilation=tuple(axis.dilation for axis in axes) or None,
        output=_output(trace[outputs[0]]),
        parameters=None if nested else stored_elements(parameter_tensors(node, trace).values()),
        statistics=None if nested else stored_elements(statistics_tensors(node, trace).values()),
        multiply_adds=None if products is None else products // _batch_size(trace),
    )


def _type(node: onnx.NodeProto, trace: Trace) -> str:
    name = operator(node)
    if name in PRODUCTS:
        factors = (node.input[0], node.input[PRODUCTS[name]])
        return name if all(trace[factor].fed for factor in factors) else "FullyConnected"
    if name not in CONVOLUTIONS:
        return name
    base = "ConvTranspose" if name == "ConvTranspose" else "Conv"
    groups = attributes(node).get("group", 1)
    weights = trace[node.input[CONVOLUTIONS[name]]].shape
    if groups == 1 or weights is None:
        return base
    inputs_a_group = weights[0] == groups if base == "ConvTranspose" else weights[1] == 1
    return f"Depthwise{base}" if inputs_a_group else f"Grouped{base}"


def _output(tensor: Tensor) -> Shape | None:
    if tensor.shape is None or len(tensor.shape) != 4:
        return None if tensor.shape is None else tensor.shape[1:]
    _, *axes = tensor.shape
    return tuple(axes) if tensor.channels_last else (axes[1], axes[2], axes[0])


def _port(name: str, trace: Trace) -> Port:
    tensor = trace[name]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.dtype).name if tensor.dtype else "unknown"
    return Port(name=name, shape=tensor.shape, dtype=dtype)
