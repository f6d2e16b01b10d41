"""What one node of a graph learns and multiplies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import onnx

from service.engine.graph.tensors import Stored, Tensor, product
from service.engine.graph.trace import CONVOLUTIONS, Trace, attributes, has_branches, operator

PRODUCTS = {"Gemm": 1, "MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}
"""Matrix products, and which input is the right-hand matrix."""
# Where layers hold their parameters. Elsewhere constants are parameters wherever they arrive.
_PARAMETER_INPUTS = {
    "BatchNormalization": (1, 2),
    "Conv": (1, 2),
    "ConvInteger": (1,),
    "ConvTranspose": (1, 2),
    "Gemm": (0, 1, 2),
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "PRelu": (1,),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
    "Resize": (),
    "Upsample": (),
}
_STATISTICS_INPUTS = {"BatchNormalization": (3, 4)}
# Indices, shapes, axes and conditions.
_NEVER_LEARNED = frozenset(
    onnx.TensorProto.DataType.Value(name) for name in ("BOOL", "INT32", "INT64", "STRING")
)
# Operators that multiply matrices in a way not worked out here.
_UNCOUNTED = frozenset(
    {
        "Attention",
        "CausalConvWithState",
        "DFT",
        "DeformConv",
        "Einsum",
        "GRU",
        "LSTM",
        "LinearAttention",
        "RNN",
        "STFT",
    }
)


def parameter_tensors(node: onnx.NodeProto, trace: Trace) -> Mapping[str, Tensor]:
    """Return the inputs that hold parameters of the layer if they are constants, by name."""
    positions = _PARAMETER_INPUTS.get(operator(node))
    if positions is not None:
        return _inputs_at(node, trace, positions)
    anywhere = _inputs_at(node, trace, range(len(node.input)))
    return {name: tensor for name, tensor in anywhere.items() if _may_be_learned(tensor)}


def statistics_tensors(node: onnx.NodeProto, trace: Trace) -> Mapping[str, Tensor]:
    """Return the inputs that hold means and variances gathered in training, by name."""
    return _inputs_at(node, trace, _STATISTICS_INPUTS.get(operator(node), ()))


def stored_elements(tensors: Iterable[Tensor]) -> int | None:
    """Return how many elements of the file the tensors hold; None when that is not known.

    What several of them share is counted once, be they casts of all of it or slices.
    """
    parts: defaultdict[Stored, list[int | None]] = defaultdict(list)
    for tensor in tensors:
        if tensor.stored is not None:
            parts[tensor.stored].append(tensor.elements)
    shares = ((stored.elements, total(sizes)) for stored, sizes in parts.items())
    return total(None if a is None or b is None else min(a, b) for a, b in shares)


def multiply_adds(node: onnx.NodeProto, trace: Trace) -> int | None:
    """Return the multiply-adds of the node, for all images of its batch; None when not known."""
    name = operator(node)
    if name in CONVOLUTIONS:
        weights = trace[node.input[CONVOLUTIONS[name]]].shape
        # A filter is laid on every output cell; a transposed one on every input cell.
        laid = trace[node.input[0] if name == "ConvTranspose" else node.output[0]]
        return None if weights is None else product((laid.elements, *weights[1:]))
    if name in PRODUCTS:
        right = trace[node.input[PRODUCTS[name]]].shape
        if not right:
            return None
        inner = right[-1] if attributes(node).get("transB") else right[-2:][0]
        return product((trace[node.output[0]].elements, inner))
    return None if node.domain or name in _UNCOUNTED or has_branches(node) else 0


def total(numbers: Iterable[int | None]) -> int | None:
    """Return the sum of the numbers, None when one of them is not known."""
    known = 0
    for number in numbers:
        if number is None:
            return None
        known += number
    return known


def _inputs_at(
    node: onnx.NodeProto, trace: Trace, positions: Iterable[int]
) -> Mapping[str, Tensor]:
    names = [node.input[position] for position in positions if position < len(node.input)]
    return {name: trace[name] for name in names if name}


def _may_be_learned(tensor: Tensor) -> bool:
    """Tell weights and biases from arithmetic with a number, which has at most one axis."""
    axes = len(tensor.shape or ())
    return tensor.dtype not in _NEVER_LEARNED and (axes > 1 or tensor.elements != 1)
