"""A VGG-16 of a few channels, graphs in double precision, and layers written once more in NumPy."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
import onnxruntime as ort
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from service.arrays import F32, Array
from service.recipes.vgg16 import Convolution, Weights, blocks

F64 = NDArray[np.float64]
CHANNELS = (2, 3, 4, 5, 4)
"""Of the five blocks."""


def small_weights() -> dict[str, Convolution]:
    """Return weights at random, as exact in half precision as they are stored in."""
    weights, fan_in = {}, 3
    for block, layers in blocks():
        channels = CHANNELS[block - 1]
        for layer in layers:
            weights[layer] = convolution(channels, fan_in, 3, seed=len(weights))
            fan_in = channels
        weights[f"side{block}"] = convolution(1, channels, 1, seed=len(weights))
    return weights | {"fuse": convolution(1, len(CHANNELS), 1, seed=len(weights))}


def convolution(channels: int, fan_in: int, side: int, seed: int) -> Convolution:
    rng = np.random.default_rng(seed)
    scale = np.sqrt(2 / (fan_in * side * side))
    kernel = rng.normal(0, scale, (channels, fan_in, side, side))
    bias = rng.normal(0, 0.1, channels)
    return Convolution(kernel.astype(np.float16).astype(np.float32), bias.astype(np.float32))


def pixels(*shape: int, seed: int = 0) -> F32:
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


def run(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Return what onnxruntime makes of a graph, by name."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def in_double(model: onnx.ModelProto) -> ReferenceEvaluator:
    """Return a graph that computes with float64 wherever it did with float32."""
    double = onnx.ModelProto()
    double.CopyFrom(model)
    for tensor in double.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for end in (*double.graph.input, *double.graph.output):
        end.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in double.graph.node:
        if node.op_type == "Cast":
            node.attribute[0].i = TensorProto.DOUBLE
    return ReferenceEvaluator(double)


def convolve(values: Array, weights: Convolution) -> F64:
    """Return (C_out, H, W) of (C_in, H, W), with zeros around."""
    kernel = weights.kernel.astype(np.float64)
    around = kernel.shape[-1] // 2
    padded = np.pad(values, ((0, 0), (around, around), (around, around)))
    windows = sliding_window_view(padded, kernel.shape[2:], axis=(1, 2))
    return np.einsum("ihwyx,oiyx->ohw", windows, kernel) + weights.bias[:, None, None]


def activations(image: Array, weights: Weights, *, pool: str) -> dict[str, F64]:
    """Return every layer's activations (C, h, w) of one picture (3, H, W), RGB 0..255.

    Args:
        image: the picture.
        weights: VGG-16's.
        pool: max or mean; a window at an odd edge takes what is there.
    """
    mean_bgr = (104.00699, 116.66877, 122.67892)
    values: F64 = image.astype(np.float64) - np.array(mean_bgr[::-1])[:, None, None]
    found = {}
    for block, layers in blocks():
        if block > 1:
            values = pooled(values, pool)
        for layer in layers:
            values = np.maximum(convolve(values, weights[layer]), 0)
            found[layer] = values
    return found


def pooled(values: F64, pool: str) -> F64:
    height, width = values.shape[1:]
    rows, columns = range(0, height, 2), range(0, width, 2)
    reduce = {"max": np.max, "mean": np.mean}[pool]
    return np.stack(
        [
            np.stack([reduce(values[:, y : y + 2, x : x + 2], axis=(1, 2)) for x in columns], -1)
            for y in rows
        ],
        1,
    )


def slope(cost: Callable[[F64], float], point: F64, direction: F64, step: float = 1e-5) -> float:
    """Return how fast a cost rises from a point in a direction, by a central difference."""
    ahead, behind = cost(point + step * direction), cost(point - step * direction)
    return (ahead - behind) / (2 * step)
