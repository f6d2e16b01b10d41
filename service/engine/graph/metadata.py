"""What an ONNX file says of itself: inputs, outputs, and the notes that exporters leave in it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from service.engine.graph.summary import read_graph
from service.engine.graph.tensors import Layout, declared_shape
from service.engine.graph.trace import Trace
from service.errors import ManifestError
from service.tasks.base import TensorInfo

# They move values, or shift and scale them; their first input has the values.
_MOVES = frozenset(
    {"Cast", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose"}
    | {"Unsqueeze"}
)
# As above, but any of their inputs may have the values.
_JOINS = frozenset({"Add", "Concat", "Mul"})
# What `ast.literal_eval` raises on a text that is no literal, or one that is meant to do harm.
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What the exporter wrote beside the graph; None where it wrote nothing that can be read.

    Attributes:
        class_names: in class-id order.
        input_size: (H, W) that the network was exported for.
        stride: the largest one of the network, pixels.
        task: the exporter's word for what the network does.
        author, version, license: of the exporter, or of the network.
    """

    class_names: tuple[str, ...] | None = None
    input_size: tuple[int, int] | None = None
    stride: int | None = None
    task: str | None = None
    author: str | None = None
    version: str | None = None
    license: str | None = None

    @classmethod
    def parse(cls, properties: Mapping[str, str]) -> "Notes":
        """Read a model's metadata properties, as Ultralytics' exporters and their like write them.

        >>> Notes.parse({"names": "{0: 'cat', 1: 'dog'}", "imgsz": "[480, 640]"}).class_names
        ('cat', 'dog')
        """
        texts = {
            key: " ".join(properties[key].split()) or None
            for key in ("task", "author", "version", "license")
            if key in properties
        }
        return cls(
            class_names=_names(_literal(properties.get("names", ""))),
            input_size=_size(_literal(properties.get("imgsz", ""))),
            stride=_positive(_literal(properties.get("stride", ""))),
            **texts,
        )


class GraphFile:
    """An ONNX file, its weights in it; nothing is run.

    Attributes:
        path: of the file.
        inputs, outputs: as declared; a dimension that varies is None, an unknown shape ().
        notes: the exporter's.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ManifestError: it is not an ONNX graph, or keeps its weights in other files.
            OSError: it cannot be read.
        """
        self.path = path
        self._model = _read(path)
        graph = self._model.graph
        stored = {tensor.name for tensor in graph.initializer}
        # Graphs of IR version 3 list their initializers among the inputs.
        self.inputs = tuple(_info(one) for one in graph.input if one.name not in stored)
        self.outputs = tuple(map(_info, graph.output))
        properties = {entry.key: entry.value for entry in self._model.metadata_props}
        self.notes = Notes.parse(properties)
        self._producers = {name: node for node in graph.node for name in node.output if name}
        self._traced: dict[tuple[tuple[int, int], Layout], tuple[TensorInfo, ...]] = {}

    def describe(self) -> str:
        """Return the inputs and outputs in a line, as error messages quote them."""
        return f"{_listed(self.inputs)} -> {_listed(self.outputs)}"

    def outputs_at(self, size: tuple[int, int], layout: Layout) -> tuple[TensorInfo, ...]:
        """Return the outputs for one picture of (H, W); what a shape leaves open is worked out.

        An axis that stays open, and the first one where it is declared open, are None.
        """
        if all(info.shape and None not in info.shape[1:] for info in self.outputs):
            return self.outputs
        if (size, layout) not in self._traced:
            trace = Trace(self._model, input_size=size, layout=layout)
            for node in self._model.graph.node:
                trace.follow(node)
            self._traced[size, layout] = tuple(
                _completed(info, trace[info.name].shape) for info in self.outputs
            )
        return self._traced[size, layout]

    def origins(self, output: str) -> frozenset[str]:
        """Return the operators that an output's values come from.

        Those that only move, shift, scale or join values are looked through, so that of a head
        which joins raw boxes with sigmoided scores it is `{"Conv", "Sigmoid"}`. Constants and
        the graph's inputs come from no operator.
        """
        found: set[str] = set()
        seen: set[str] = set()
        ahead = [output]
        while ahead:
            name = ahead.pop()
            node = self._producers.get(name)
            if node is None or name in seen:
                continue
            seen.add(name)
            if node.op_type in _JOINS:
                ahead += node.input
            elif node.op_type in _MOVES:
                ahead.append(node.input[0])
            elif node.op_type != "Constant":
                found.add(node.op_type)
        return frozenset(found)

    def first_steps(self, name: str) -> frozenset[str]:
        """Return the operators that an input goes into."""
        return frozenset(node.op_type for node in self._model.graph.node if name in node.input)


def _read(path: Path) -> onnx.ModelProto:
    model = read_graph(path)
    external = onnx.TensorProto.EXTERNAL
    if any(tensor.data_location == external for tensor in model.graph.initializer):
        reason = "keeps its weights in other files; export it as one (external_data=False)"
        raise ManifestError(path, "", reason)
    return model


def _info(value: onnx.ValueInfoProto) -> TensorInfo:
    proto = value.type.tensor_type
    dtype = "unknown"
    if proto.elem_type:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(proto.elem_type).name
    return TensorInfo(value.name, declared_shape(proto) or (), dtype)


def _completed(info: TensorInfo, traced: tuple[int | None, ...] | None) -> TensorInfo:
    """Fill in what a declared shape leaves open, but for its first axis."""
    if not traced or (info.shape and len(info.shape) != len(traced)):
        return info
    declared = info.shape or (None,) * len(traced)
    rest = [one or other for one, other in zip(declared[1:], traced[1:], strict=True)]
    return TensorInfo(info.name, (declared[0], *rest), info.dtype)


def _listed(tensors: tuple[TensorInfo, ...]) -> str:
    return ", ".join(
        f"{one.name} ({', '.join('?' if size is None else str(size) for size in one.shape)}) "
        f"{one.dtype}"
        for one in tensors
    )


def _literal(text: str) -> Any:
    """Return the Python literal that a text is, or None."""
    try:
        return ast.literal_eval(text)
    except _NO_LITERAL:
        return None


def _names(value: Any) -> tuple[str, ...] | None:
    """Return the names in a list, or in a dictionary that is numbered from 0 without a gap."""
    if isinstance(value, dict):
        numbered = {int(key): name for key, name in value.items() if str(key).isdecimal()}
        if sorted(numbered) != list(range(len(value))):
            return None
        value = [numbered[number] for number in range(len(numbered))]
    if not isinstance(value, list | tuple) or not value:
        return None
    lines = (" ".join(str(name).split()) for name in value)  # one a line in labels.txt
    return tuple(line or f"class {number}" for number, line in enumerate(lines))


def _size(value: Any) -> tuple[int, int] | None:
    pair = value if isinstance(value, list | tuple) else [value] * 2
    sides = [side for side in map(_positive, pair) if side is not None]
    return (sides[0], sides[1]) if len(pair) == len(sides) == 2 else None


def _positive(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
