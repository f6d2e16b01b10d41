"""The trained weights as ONNX: batch norm folded away, and stored in half precision."""

import math
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile

import numpy as np
import onnx
import torch
from onnx import TensorProto

from service.arrays import F32, Array
from tools.graph import MODELS, Graph, save
from tools.train_unet.network import CLASSES, WIDTHS, UNet
from tools.train_unet.targets import BORDER
from tools.train_unet.train import CHECKPOINT, LOG

FOLDER = MODELS / "unet-nuclei"
CONV, NORM, CONV_2, NORM_2 = "0", "1", "3", "4"  # places in a block of `UNet`
EPSILON = 1e-5  # torch.nn.BatchNorm2d's
# A border missed makes one nucleus of two; one too many takes a few pixels, which grow back.
# Chosen on a sixth of the training pictures, between 1 and 5.
BORDER_ODDS = 1.5


def export(work: Path) -> str:
    """Write the last checkpoint's network into the model folder; return its SHA-256."""
    weights = {name: tensor.numpy() for name, tensor in trained(work).state_dict().items()}
    copyfile(work / LOG, FOLDER / LOG)
    return save(build(weights), FOLDER)


def trained(work: Path) -> UNet:
    """Return the last checkpoint's network, ready to predict, with its odds for borders."""
    network = UNet()
    state = torch.load(work / CHECKPOINT, weights_only=True)
    network.load_state_dict(state["network"])
    with torch.no_grad():
        network.head.bias[BORDER] += math.log(BORDER_ODDS)
    return network.eval()


def build(weights: Mapping[str, Array]) -> onnx.ModelProto:
    """Return the network: `image` uint8 (N, 3, H, W) RGB → `probabilities` (N, 3, H, W).

    Args:
        weights: of a `UNet`, name → array.
    """
    graph = Graph("unet-nuclei", half=True)
    image = graph.pictures("image", 3, "H", "W")
    value = graph.node("Cast", [image], "pixels", to=TensorProto.FLOAT)
    scale = graph.constant("scale", np.float32(255))
    value = graph.node("Div", [value, scale], "scaled")
    value = graph.node("Sqrt", [value], "stabilized")
    copied = []
    bottom = len(WIDTHS) - 1
    for depth in range(len(WIDTHS)):
        if depth:
            window = {"kernel_shape": (2, 2), "strides": (2, 2)}
            value = graph.node("MaxPool", [value], f"contracting.{depth}/pool", **window)
        value = _block(graph, f"contracting.{depth}", value, weights)
        copied.append(value)
    for depth in reversed(range(bottom)):
        up = f"up.{depth}"
        parts = [
            graph.weight(f"{up}/weight", weights[f"{up}.weight"]),
            graph.constant(f"{up}/bias", weights[f"{up}.bias"]),
        ]
        value = graph.node("ConvTranspose", [value, *parts], up, strides=(2, 2))
        value = graph.node("Concat", [copied[depth], value], f"expanding.{depth}/both", axis=1)
        value = _block(graph, f"expanding.{depth}", value, weights)
    parts = [
        graph.weight("head/weight", weights["head.weight"]),
        graph.constant("head/bias", weights["head.bias"]),
    ]
    value = graph.node("Conv", [value, *parts], "logits")
    graph.output(graph.node("Softmax", [value], "probabilities", axis=1), CLASSES, "H", "W")
    return graph.model()


def _block(graph: Graph, name: str, value: str, weights: Mapping[str, Array]) -> str:
    for conv, norm in ((CONV, NORM), (CONV_2, NORM_2)):
        kernel, bias = _folded(weights, f"{name}.{conv}", f"{name}.{norm}")
        parts = [
            graph.weight(f"{name}.{conv}/weight", kernel),
            graph.constant(f"{name}.{conv}/bias", bias),
        ]
        value = graph.node("Conv", [value, *parts], f"{name}.{conv}", pads=(1, 1, 1, 1))
        value = graph.node("Relu", [value], f"{name}.{conv}/relu")
    return value


def _folded(weights: Mapping[str, Array], conv: str, norm: str) -> tuple[F32, F32]:
    """Return the kernel and bias of a convolution that does its batch norm's work too."""
    deviation = np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    gain = weights[f"{norm}.weight"] / deviation
    kernel = weights[f"{conv}.weight"] * gain[:, None, None, None]
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
    return kernel.astype(np.float32), bias.astype(np.float32)
