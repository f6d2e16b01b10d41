"""Small networks in NumPy, and a segmentation task that is run through them run by run."""

from collections.abc import Callable
from typing import Any

import numpy as np

from service.arrays import F32, U8, Array
from service.imaging.picture import Picture
from service.tasks.base import Network, TensorInfo
from service.tasks.inputs import InputSpec
from service.tasks.segment import Segment, SegmentConfig, SegmentOptions

Function = Callable[[F32], F32]
"""(N, C, h, w) pixels to (N, K, h', w') maps."""

TILE = {"size": 64, "multiple": 16, "overlap": 16, "batch": 3}
COLORS = ["black", "red", "green", "blue"]


def segmenter(
    *,
    size: tuple[int, int] = (16, 16),
    graph: tuple[int | None, int | None] | None = None,
    channels: int | None = None,
    answers: tuple[int | None, ...] | None = None,
    spec: dict[str, Any] | None = None,
    **config: Any,
) -> Segment:
    """Return a task for a graph that says of itself what is given here.

    Args:
        size: of the manifest's `[input]`.
        spec: what else that section says.
        graph: (H, W) of the input; `size` if not given, or (None, None) where there are tiles.
        channels: of the output, which is else of any size.
        answers: the output's whole shape, if it is not that of a map.
        config: the manifest's `[config]`.
    """
    given = {"size": size, **(spec or {})}
    config = {"labels": COLORS, "activation": "none", **config}
    if "filters" in config:
        del config["labels"]
    height, width = graph or ((None, None) if "tile" in config else size)
    image: tuple[int | None, ...] = (None, 3, height, width)
    maps: tuple[int | None, ...] = (None, channels, None, None)
    if given.get("layout") == "NHWC":
        image, maps = (None, height, width, 3), (None, None, None, channels)
    network = Network(
        name="painter",
        input=InputSpec.model_validate(given),
        inputs=(TensorInfo("pixels", image, "float32"),),
        outputs=(TensorInfo("maps", answers or maps, "float32"),),
    )
    return Segment(network, SegmentConfig.model_validate(config))


def run(
    task: Segment, pixels: U8, function: Function, options: SegmentOptions | None = None
) -> tuple[Any, list[tuple[int, ...]]]:
    """Return the task's result about a picture, and the shape of the tensor of every run."""
    options = options or SegmentOptions()
    prepared = task.preprocess(Picture.from_pixels(pixels), options)
    shapes: list[tuple[int, ...]] = []
    while True:
        tensor = prepared.tensors["pixels"]
        shapes.append(tensor.shape)
        outputs: dict[str, Array] = {"maps": function(tensor.astype(np.float32))}
        after = prepared.following(outputs) if prepared.following else None
        if after is None:
            return task.postprocess(outputs, prepared, options), shapes
        prepared = after


def colors(pixels: F32) -> F32:
    """Return the probabilities of black, red, green and blue, from each pixel by itself."""
    parts = pixels / (3 * 255)
    return np.concatenate([1 - parts.sum(axis=1, keepdims=True), parts], axis=1)


def blurred_colors(pixels: F32) -> F32:
    """Return the same of the mean of 3 x 3 pixels, which are black outside of what it is given."""
    padded = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = pixels.shape[2:]
    parts = [padded[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return colors(np.mean(parts, axis=0, dtype=np.float32))


def noise(height: int, width: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
