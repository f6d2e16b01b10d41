"""What can be said of a graph's tensors before it runs: type, shape, small values, what is stored.

The graph is followed node by node from its inputs. Sliding filters are worked out by `windows`,
every other operator by ONNX's own rule for one node. Small tensors made of constants and of known
shapes are evaluated, so that a Reshape or a Resize whose target is computed inside the graph is
followed too. Weights are never copied: of a stored tensor only the header is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import InferenceError, infer_node_outputs

from service.arrays import Array
from service.engine.graph.tensors import (
    Layout,
    Stored,
    Tensor,
    constant_tensor,
    declared_shape,
    input_tensor,
    is_small,
    product,
    sparse_tensor,
)
from service.engine.graph.windows import Axis, Shape, sliding_axes, spreading_axes

CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "ConvTranspose": 1, "QLinearConv": 3}
"""Which input holds the weights: (C_out, C_in / groups, filter...), in ConvTranspose (C_in,
C_out / groups, filter...)."""
POOLS = frozenset({"AveragePool", "LpPool", "MaxPool"})

# Their result depends on the shape of what they are given and not on its contents.
_MEASURES = frozenset({"Shape", "Size"})
# What the reference implementation of an operator may raise on a node it cannot evaluate.
_UNEVALUABLE = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def operator(node: onnx.NodeProto) -> str:
    """Return the operator's name, with its domain in front when it is not one of ONNX's own."""
    return f"{node.domain}.{node.op_type}" if node.domain else str(node.op_type)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the node's attributes by name; strings are bytes, as in the file."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def has_branches(node: onnx.NodeProto) -> bool:
    """Say whether the node holds graphs of its own (If, Loop, Scan)."""
    kinds = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    return any(attribute.type in kinds for attribute in node.attribute)


class Trace:
    """The tensors of one graph by name, known up to the node that was followed last.

    Args:
        model: the graph, its weights loaded or not.
        input_size: (height, width) for the axes of four-axis inputs whose size the graph leaves
            open. A size the graph gives itself stays.
        layout: of four-axis inputs.
    """

    def __init__(
        self, model: onnx.ModelProto, *, input_size: tuple[int, int] | None, layout: Layout
    ) -> None:
        graph = model.graph
        self._versions = {opset.domain: opset.version for opset in model.opset_import}
        self._declared = {
            info.name: info.type.tensor_type for info in (*graph.value_info, *graph.output)
        }
        self._tensors = {
            proto.name: constant_tensor(proto, proto.name) for proto in graph.initializer
        }
        for sparse in graph.sparse_initializer:
            self._tensors[sparse.values.name] = sparse_tensor(sparse)
        # Graphs of IR version 3 list their initializers among the inputs.
        self.inputs = tuple(info.name for info in graph.input if info.name not in self._tensors)
        for info in graph.input:
            if info.name in self.inputs:
                self._tensors[info.name] = input_tensor(
                    info.type.tensor_type, input_size=input_size, layout=layout
                )

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors.get(name, Tensor())

    def follow(self, node: onnx.NodeProto) -> tuple[Axis, ...]:
        """Add the node's outputs; return the axes of its sliding filter, none if it has none."""
        values = [a.t for a in node.attribute if a.name == "value"]
        if operator(node) == "Constant" and values:
            self._tensors[node.output[0]] = constant_tensor(values[0], node.output[0])
            return ()
        outputs = self._infer(node)
        axes: tuple[Axis, ...] = ()
        if operator(node) in CONVOLUTIONS or operator(node) in POOLS:
            axes, shape = self._slide(node)
            if axes:
                outputs = {name: replace(out, shape=shape) for name, out in outputs.items()}
        for name, value in self._evaluate(node, outputs).items():
            outputs[name] = replace(outputs[name], value=value)
        self._tensors |= outputs
        return axes

    def _infer(self, node: onnx.NodeProto) -> dict[str, Tensor]:
        """Return what ONNX's rule for the operator, or else the graph itself, says of each output.

        An operator without a rule, or a node that breaks it, leaves its outputs unknown.
        """
        inputs = [self[name] for name in node.input if name]
        fed = operator(node) not in _MEASURES and (
            has_branches(node) or any(tensor.fed for tensor in inputs)
        )
        types = self._types(node)
        outputs = {}
        for name in filter(None, node.output):
            declared = self._declared.get(name, onnx.TypeProto.Tensor())
            inferred = types[name].tensor_type if name in types else declared
            shape = declared_shape(inferred if inferred.HasField("shape") else declared)
            tensor = Tensor(dtype=inferred.elem_type, shape=shape, fed=fed)
            outputs[name] = replace(
                tensor,
                stored=None if fed else _stored(node, inputs, name, tensor.elements),
                channels_last=_channels_last(node, inputs, shape),
            )
        return outputs

    def _types(self, node: onnx.NodeProto) -> Mapping[str, onnx.TypeProto]:
        known = {name: self[name] for name in node.input if name}
        if has_branches(node) or not all(tensor.dtype for tensor in known.values()):
            return {}
        try:
            result: Mapping[str, onnx.TypeProto] = infer_node_outputs(
                onnx.defs.get_schema(node.op_type, self._versions.get(node.domain, 1), node.domain),
                node,
                {
                    name: onnx.helper.make_tensor_type_proto(tensor.dtype, tensor.shape)
                    for name, tensor in known.items()
                },
                {
                    name: numpy_helper.from_array(tensor.value)
                    for name, tensor in known.items()
                    if tensor.value is not None
                },
                opset_imports=[onnx.helper.make_opsetid(*item) for item in self._versions.items()],
            )
        except (onnx.defs.SchemaError, InferenceError):
            return {}
        return result

    def _slide(self, node: onnx.NodeProto) -> tuple[tuple[Axis, ...], Shape]:
        """Return the filter's axes and the output's shape; no axes when the filter is not known."""
        name, given = operator(node), attributes(node)
        source = self[node.input[0]].shape or ()
        taps: Shape = tuple(given.get("kernel_shape", ()))
        channels = source[1] if len(source) > 1 else None
        if name in CONVOLUTIONS:
            weights = self[node.input[CONVOLUTIONS[name]]].shape or (None, None)
            taps = taps or weights[2:]
            channels = weights[0]
        if name == "ConvTranspose":
            channels = product((weights[1], given.get("group", 1)))
        known = [tap for tap in taps if tap is not None]
        if not known or len(known) != len(taps) or len(source) not in (0, len(taps) + 2):
            return (), ()
        arrange = spreading_axes if name == "ConvTranspose" else sliding_axes
        axes = arrange(given, filter=known, sizes=source[2:] or (None,) * len(known))
        return axes, (source[0] if source else None, channels, *(axis.size for axis in axes))

    def _evaluate(self, node: onnx.NodeProto, outputs: Mapping[str, Tensor]) -> Mapping[str, Array]:
        """Return the contents of the outputs, where those are few and every input is known."""
        if has_branches(node) or not all(map(is_small, outputs.values())):
            return {}
        feeds: dict[str, Array] = {}
        for name in filter(None, node.input):
            tensor = self[name]
            value = tensor.value
            if operator(node) in _MEASURES and tensor.elements is not None:
                # An array of that shape which takes no memory.
                value = np.broadcast_to(np.float32(0), [size or 0 for size in tensor.shape or ()])
            if value is None:
                return {}
            feeds[name] = value
        graph = onnx.helper.make_graph(
            [node],
            "node",
            [onnx.helper.make_empty_tensor_value_info(name) for name in feeds],
            [onnx.helper.make_empty_tensor_value_info(name) for name in outputs],
        )
        try:
            with np.errstate(all="raise"):
                values = ReferenceEvaluator(graph, opsets=self._versions).run(None, feeds)
        except _UNEVALUABLE:
            return {}
        return dict(zip(outputs, values, strict=True))


def _stored(
    node: onnx.NodeProto, inputs: Sequence[Tensor], name: str, elements: int | None
) -> Stored | None:
    """Return the constant that a tensor computed without the graph's inputs comes from.

    Of Cast(weights) * scale + minimum and its like it is the weights, the largest of them. A
    number that fills a shape is a constant of its own, unless the shape is itself computed.
    """
    if operator(node) in _MEASURES or operator(node) == "Range":
        return None
    sources = [tensor.stored for tensor in inputs if tensor.stored is not None]
    if not inputs or (operator(node) == "ConstantOfShape" and sources):
        return Stored(name=name, elements=elements)
    return max(sources, key=lambda stored: stored.elements or 0, default=None)


def _channels_last(node: onnx.NodeProto, inputs: Sequence[Tensor], shape: Shape | None) -> bool:
    name = operator(node)
    if shape is None or len(shape) != 4 or name in CONVOLUTIONS or name in POOLS:
        return False
    if name == "Transpose":
        order = list(attributes(node).get("perm", ()))
        if order in (_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST):
            return order == _TO_CHANNELS_LAST
    return any(tensor.channels_last for tensor in inputs)
