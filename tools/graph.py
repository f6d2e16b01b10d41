"""Small ONNX graphs written node by node, and the model folders they go to."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

MODELS = Path(__file__).resolve().parents[1] / "models"

# Opset 17 and IR 8 are read by every onnxruntime since 1.13, and by TensorRT since 8.5.
OPSET = 17
IR_VERSION = 8


class Graph:
    """A graph under construction; values are named like paths, `block3/expand/relu6`.

    Args:
        name: the graph's name.
        half: store weights as float16 behind a Cast. onnxruntime folds the Cast at load, so the
            file is half as big and the arithmetic is float32 all the same.
    """

    def __init__(self, name: str, *, half: bool) -> None:
        self._name = name
        self._half = half
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def pictures(self, name: str, *shape: int | str) -> str:
        """Declare the input: uint8 pixels (N, *shape) of a dynamic batch; a named axis varies."""
        info = helper.make_tensor_value_info(name, TensorProto.UINT8, ("N", *shape))
        self._inputs.append(info)
        return name

    def output(self, value: str, *shape: int | str) -> None:
        """Declare a value as an output: float32 (N, *shape); a named axis varies."""
        info = helper.make_tensor_value_info(value, TensorProto.FLOAT, ("N", *shape))
        self._outputs.append(info)

    def node(self, op: str, inputs: Sequence[str], value: str, **attributes: object) -> str:
        """Append a node that has one output; the node and its output are both named `value`."""
        self._nodes.append(helper.make_node(op, inputs, [value], name=value, **attributes))
        return value

    def constant(self, name: str, value: NDArray[np.generic] | np.generic) -> str:
        """Store an array or a scalar in its own precision."""
        self._initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, name: str, array: NDArray[np.floating]) -> str:
        """Store a weight in the graph's storage precision; return its float32 value."""
        if not self._half:
            return self.constant(name, array.astype(np.float32))
        stored = self.constant(f"{name}/half", array.astype(np.float16))
        return self.node("Cast", [stored], name, to=TensorProto.FLOAT)

    def model(self) -> onnx.ModelProto:
        """Return the finished model.

        Raises:
            onnx.checker.ValidationError, onnx.shape_inference.InferenceError: the recipe's
                mistake: the graph is not valid ONNX.
        """
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, self._initializers
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(
            graph, ir_version=IR_VERSION, opset_imports=[opset], producer_name="chiasm"
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def stored(array: NDArray[np.floating], *, half: bool) -> NDArray[np.float64]:
    """Return the values that `Graph.weight` keeps of an array, as float64.

    >>> stored(np.array([1 / 3]), half=True)
    array([0.33325195])
    """
    return array.astype(np.float16 if half else np.float32).astype(np.float64)


def save(model: onnx.ModelProto, folder: Path) -> str:
    """Write `model.onnx` into a model folder, pin its SHA-256 in the `model.toml` there, return it.

    Raises:
        FileNotFoundError: the folder has no `model.toml`; it is written by hand, first.
        ValueError: `model.toml` has no line `sha256 = "…"`.
    """
    manifest = folder / "model.toml"
    text = manifest.read_text("utf-8")
    content = model.SerializeToString(deterministic=True)
    digest = hashlib.sha256(content).hexdigest()
    text, replaced = re.subn(r'(?m)^sha256 = ".*"$', f'sha256 = "{digest}"', text)
    if replaced != 1:
        raise ValueError(f'{manifest}: has no line sha256 = "…" of its own')
    (folder / "model.onnx").write_bytes(content)
    manifest.write_text(text, "utf-8")
    return digest
