"""An ONNX graph written node by node."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from service.arrays import F32

# Opset 17 and IR 8 are read by every onnxruntime since 1.13, and by TensorRT since 8.5.
OPSET = 17
IR_VERSION = 8


class Graph:
    """A graph under construction; values are named like paths, `conv1_1/kernel`.

    The same calls always give the same bytes: that is how a converted file can be pinned.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, *shape: int | str) -> str:
        """Declare a float32 input; a named axis varies, no axes at all make a scalar."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, value: str, *shape: int | str) -> None:
        """Declare a value as a float32 output; a named axis varies."""
        self._outputs.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, shape))

    def node(self, op: str, inputs: Sequence[str], value: str, **attributes: object) -> str:
        """Append a node that has one output; the node and its output are both named `value`."""
        self._nodes.append(helper.make_node(op, inputs, [value], name=value, **attributes))
        return value

    def constant(self, name: str, value: NDArray[np.generic] | np.generic) -> str:
        """Store an array or a scalar in its own precision."""
        self._initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def half(self, name: str, weight: F32) -> str:
        """Store a weight as float16, so that the file is half as big; `widen` before use."""
        return self.constant(name, weight.astype(np.float16))

    def widen(self, value: str, name: str) -> str:
        """Append a Cast to float32; of a constant, onnxruntime folds it when it loads the graph."""
        return self.node("Cast", [value], name, to=TensorProto.FLOAT)

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
