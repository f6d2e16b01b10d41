"""Graphs with declared inputs and outputs, and nothing that could run between them."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from service.engine.graph.metadata import GraphFile
from service.engine.templates import draft_detector

Axes = Sequence[int | str]
SQUARE = (1, 3, 64, 64)
CELLS = 8 * 8 + 4 * 4 + 2 * 2
"""Of strides 8, 16 and 32 on `SQUARE`."""


def declared(
    path: Path,
    outputs: Mapping[str, Axes],
    *,
    input: Axes = SQUARE,
    dtype: int = TensorProto.FLOAT,
    integers: Sequence[str] = (),
    notes: Mapping[str, str] | None = None,
    operators: Mapping[str, str] | None = None,
) -> GraphFile:
    """Save a graph and read it back.

    Args:
        path: a directory.
        outputs: axes by name.
        input: axes.
        dtype: of the input.
        integers: outputs that are int64; the others are float.
        notes: metadata.
        operators: what makes an output; nothing that ONNX knows where not told.
    """
    types = {name: TensorProto.INT64 if name in integers else TensorProto.FLOAT for name in outputs}
    made = operators or {}
    graph = helper.make_graph(
        [helper.make_node(made.get(name, "Opaque"), ["images"], [name]) for name in outputs],
        "declared",
        [helper.make_tensor_value_info("images", dtype, input)],
        [helper.make_tensor_value_info(name, types[name], axes) for name, axes in outputs.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(notes or {}))
    onnx.save(model, path / "graph.onnx")
    return GraphFile(path / "graph.onnx")


def names(*classes: str) -> dict[str, str]:
    return {"names": repr(dict(enumerate(classes)))}


def drafted(path: Path, decoder: str | None = None, **graph: Any) -> dict[str, Any]:
    """Return the manifest of a graph, as read back from its text."""
    draft = draft_detector(declared(path, **graph), name="mine", decoder=decoder, names=None)
    return tomllib.loads(draft.manifest)
