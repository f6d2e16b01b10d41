"""TensorFlow.js graph models as read from `model.json`: nodes, attributes, wiring.

Source: tfjs-converter 4.22, `src/data/compiled_api.ts` (GraphDef as JSON) and
`src/operations/operation_mapper.ts` (how attributes are read).
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.tfjs.errors import ConversionError
from tools.tfjs.weights import Weight, read_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operation of the graph.

    Attributes:
        name: unique in the graph; it also names the node's only output.
        op: TensorFlow's name of the operation, e.g. `_FusedConv2D`.
        inputs: names of the nodes whose first output it reads, in order ("name:1" would be a
            second output, which no operation here has).
        attributes: decoded: int, float, bool, str, or a tuple of these.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph model: its nodes by name, and its weights by the name of their `Const` node."""

    nodes: Mapping[str, Node]
    weights: Mapping[str, Weight]

    def upstream(self, outputs: Iterable[str]) -> list[Node]:
        """Return the nodes that `outputs` depend on, each after everything it reads.

        Args:
            outputs: node names.

        Raises:
            ConversionError: a name is not that of a node.
        """
        ordered: dict[str, Node] = {}
        waiting = list(reversed(list(outputs)))
        while waiting:
            name = waiting[-1]
            if name not in self.nodes:
                raise ConversionError(f"the graph has no node {name}")
            missing = [source for source in self.nodes[name].inputs if source not in ordered]
            if missing:
                waiting.extend(reversed(missing))
            else:
                ordered[name] = self.nodes[waiting.pop()]
        return list(ordered.values())


def read_graph(path: Path) -> Graph:
    """Return the graph model of a `model.json` and of the weight shards beside it.

    Raises:
        ConversionError: the weights do not fit the manifest.
    """
    model = json.loads(path.read_text(encoding="utf-8"))
    nodes = [_node(entry) for entry in model["modelTopology"]["node"]]
    return Graph(
        nodes={node.name: node for node in nodes},
        weights=read_weights(model["weightsManifest"], path.parent),
    )


def _node(entry: Mapping[str, Any]) -> Node:
    # "^name" is a control edge: it orders side effects, of which these graphs have none.
    sources = (source for source in entry.get("input", ()) if not source.startswith("^"))
    attributes = entry.get("attr", {})
    return Node(
        name=entry["name"],
        op=entry["op"],
        inputs=tuple(source.removesuffix(":0") for source in sources),
        attributes={key: _attribute(value) for key, value in attributes.items()},
    )


def _attribute(tagged: Mapping[str, Any]) -> Any:
    """Return the value of a one-key mapping such as {"i": "3"}, {"s": base64}, {"list": …}."""
    ((tag, value),) = tagged.items()
    match tag:
        case "i":
            return int(value)
        case "s":
            return base64.b64decode(value).decode()
        case "shape":
            return tuple(int(dimension["size"]) for dimension in value.get("dim", ()))
        case "list":
            return tuple(
                _attribute({kind: item}) for kind, items in value.items() for item in items
            )
        case _:  # "f", "b" and "type" are plain; a "tensor" repeats what the manifest says
            return value
