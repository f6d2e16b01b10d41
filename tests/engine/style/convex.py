"""A graph whose costs are quadratic in the pixels, so that there is one lowest point."""

from collections.abc import Mapping

import numpy as np

from service.arrays import F32, Array
from service.tasks.style.optimize import CONTENT_CHANNELS, CONTENT_STRIDE, GRAM_CHANNELS

_COPIES = np.arange(CONTENT_CHANNELS) % 3


class ConvexGraph:
    """In place of VGG-16's features: content is the blocks' mean colours, style the mean grey."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        self.runs += 1
        pixels = np.asarray(feeds["pixels"], np.float64)
        content, content_slope, features = _content(pixels, feeds["content_target"])
        grey = pixels.mean()
        # A target is the same number everywhere, and so is a Gram matrix: one of its cells tells.
        wanted = float(np.asarray(feeds["gram_target_1"]).reshape(-1)[0])
        style = ((grey - wanted) / wanted) ** 2
        style_slope = np.full_like(pixels, 2 * (grey - wanted) / wanted**2 / pixels.size)
        smooth, smooth_slope = _variation(pixels / 255)
        terms = {"content": content, "style": style, "tv": smooth}
        slopes = {"content": content_slope, "style": style_slope, "tv": smooth_slope / 255}
        gradient = sum(float(feeds[f"{name}_weight"].item()) * slopes[name] for name in slopes)
        outputs = {f"{name}_cost": np.float32(cost) for name, cost in terms.items()}
        grams = {
            f"gram_{number}": np.full((channels, channels), grey, np.float32)
            for number, channels in enumerate(GRAM_CHANNELS, 1)
        }
        return {
            **{name: np.asarray(cost) for name, cost in outputs.items()},
            "gradient": np.asarray(gradient, np.float32),
            "content_features": features,
            **grams,
        }


def _content(pixels: np.ndarray, target: Array) -> tuple[float, np.ndarray, F32]:
    """Return mean((F - C)^2) / mean(C^2), its gradient, and F."""
    height, width = (side // CONTENT_STRIDE for side in pixels.shape[2:])
    blocks = pixels.reshape(3, height, CONTENT_STRIDE, width, CONTENT_STRIDE).mean(axis=(2, 4))
    features = blocks[_COPIES][None]
    off = features - target
    energy = float(np.square(target, dtype=np.float64).sum())
    of_block = np.zeros_like(blocks)
    np.add.at(of_block, _COPIES, 2 * off[0] / energy / CONTENT_STRIDE**2)
    slope = of_block.repeat(CONTENT_STRIDE, axis=1).repeat(CONTENT_STRIDE, axis=2)[None]
    return float(np.square(off).sum()) / energy, slope, features.astype(np.float32)


def _variation(unit: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean square of the steps along both axes, and its gradient."""
    cost, slope = 0.0, np.zeros_like(unit)
    for axis in (2, 3):
        steps = np.diff(unit, axis=axis)
        cost += np.square(steps).mean() / 2
        widths = [(0, 0)] * 4
        widths[axis] = (1, 1)
        slope -= np.diff(np.pad(steps, widths), axis=axis) / steps.size
    return float(cost), slope
