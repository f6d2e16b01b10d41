"""Small graphs written by hand, and where those of well-known networks are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from service.engine.graph import Summary

Sizes = Sequence[int | str | None]
Summaries = Callable[..., Summary]
"""What the fixture `summary_of` is."""
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
"""Every layer of the networks, their weights replaced by ConstantOfShape."""
NETWORKS = Path(__file__).parents[4] / "shared" / "models"
"""Trained networks beside the checkout, where they are."""

node = helper.make_node


def ones(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.ones(shape, dtype)


def constant(name: str, value: np.ndarray) -> NodeProto:
    return node("Constant", [], [name], value=numpy_helper.from_array(value))


def model(
    nodes: Iterable[NodeProto],
    *,
    inputs: Mapping[str, Sizes],
    outputs: Iterable[str] = ("y",),
    constants: Mapping[str, np.ndarray] | None = None,
    dtype: int = TensorProto.FLOAT,
    opset: int = 17,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
