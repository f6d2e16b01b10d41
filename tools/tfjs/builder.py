"""ONNX graphs written node by node, with weights kept as small as their source stores them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from service.arrays import Array
from tools.graph import IR_VERSION, OPSET
from tools.tfjs.weights import Weight

# Below this many elements a Cast node takes more bytes than halved storage saves.
SMALL = 64

Shape = Sequence[int | None]


class GraphBuilder:
    """Nodes, constants and weights of one ONNX graph, collected in the order of execution.

    Tensors are handled by name. Every node and tensor is named after the scope it was made in,
    so that a layer can be found again in its source.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._constants: dict[str, str] = {}
        self._scope = ""
        self._taken: set[str] = set()

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Name what is made inside after `name`, e.g. a layer; scopes do not nest."""
        self._scope = name
        try:
            yield
        finally:
            self._scope = ""

    def input(self, name: str, dtype: int, shape: Shape) -> str:
        """Add an input of the network and return its name.

        Args:
            name: of the tensor.
            dtype: an element type of `onnx.TensorProto`.
            shape: sizes; None is the batch, any number.
        """
        self._taken.add(name)
        self._inputs.append(_value_info(name, dtype, shape))
        return name

    def node(self, op: str, *inputs: str, **attributes: object) -> str:
        """Add a node with one output and return that output's name.

        Args:
            op: an operator of the default ONNX domain.
            inputs: names of tensors; "" leaves an optional input out.
            attributes: of the operator.
        """
        name = self._unique(op)
        self._nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: ArrayLike, dtype: type[np.generic] = np.float32) -> str:
        """Return the name of a tensor with these values; equal constants share one tensor."""
        array = np.asarray(values, dtype)
        key = f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
        if key not in self._constants:
            self._constants[key] = self._initializer(array)
        return self._constants[key]

    def weight(self, weight: Weight) -> str:
        """Return the name of a tensor with the weight's values, stored as its source stores it.

        Halves are brought to float32 by Cast and affine codes by Cast * scale + minimum, which
        onnxruntime computes once, while loading. (DequantizeLinear would say the same in one
        node, but onnxruntime keeps it for run time.)
        """
        if weight.stored.size < SMALL or weight.stored.dtype == np.float32:
            return self.constant(weight.values, weight.values.dtype.type)
        name = self.node("Cast", self._initializer(weight.stored), to=TensorProto.FLOAT)
        if weight.is_affine:
            name = self.node("Mul", name, self.constant(weight.scale))
            name = self.node("Add", name, self.constant(weight.minimum))
        return name

    def model(self, name: str, outputs: Mapping[str, tuple[str, Shape]]) -> onnx.ModelProto:
        """Return the checked model.

        Args:
            name: of the graph.
            outputs: what each output shall be called, the float32 tensor that it is (each
                another one) and its shape, None for the batch.
        """
        for wanted, (tensor, _) in outputs.items():
            self._rename(tensor, wanted)
        graph = helper.make_graph(
            self._nodes,
            name,
            self._inputs,
            [_value_info(out, TensorProto.FLOAT, shape) for out, (_, shape) in outputs.items()],
            list(self._initializers.values()),
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="chiasm",
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _initializer(self, array: Array) -> str:
        name = self._unique("weight" if array.size >= SMALL else "constant")
        self._initializers[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def _unique(self, kind: str) -> str:
        """Return a free name: `scope/kind`, then `scope/kind_1` and so on."""
        stem = f"{self._scope}/{kind}" if self._scope else kind
        name, number = stem, 0
        while name in self._taken:
            number += 1
            name = f"{stem}_{number}"
        self._taken.add(name)
        return name

    def _rename(self, tensor: str, wanted: str) -> None:
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [wanted if name == tensor else name for name in names]


def _value_info(name: str, dtype: int, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(
        name, dtype, ["N" if size is None else size for size in shape]
    )
