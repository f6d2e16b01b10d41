"""Edge filters as one network of fixed kernels → `models/edges/`.

    python -m tools.export_edges

Nothing is trained. Every filter is the root of a weighted sum of squares: of the responses of
its kernels to the brightness, scaled so that the largest response that a picture can cause is 1.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from service.arrays import F32
from tools.graph import MODELS, Graph, save

FOLDER = MODELS / "edges"

# ITU-R BT.601, section 2.5.1: the share of red, green and blue in the brightness.
LUMA = (0.299, 0.587, 0.114)

DERIVATIVE = (1, 0, -1)
# Across the derivative. Prewitt, in Lipkin and Rosenfeld, Picture Processing and Psychopictorics,
# 1970; Sobel, An isotropic 3 x 3 image gradient operator, 1990; Scharr, Optimale Operatoren in der
# digitalen Bildverarbeitung, Heidelberg 2000: the weights that depend least on an edge's direction.
SMOOTHING = {"prewitt": (1, 1, 1), "sobel": (1, 2, 1), "scharr": (3, 10, 3)}

# Of the brightness: /x sees what changes from left to right, /y from top to bottom.
KERNELS = {
    **{f"{name}/x": np.outer(across, DERIVATIVE) for name, across in SMOOTHING.items()},
    **{f"{name}/y": np.outer(DERIVATIVE, across) for name, across in SMOOTHING.items()},
    "laplacian": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
}

# Filter: its kernels. prewitt/x alone, rows of 1, 0, -1, is the textbook's vertical-edge filter.
FILTERS = {
    "sobel": ("sobel/x", "sobel/y"),
    "scharr": ("scharr/x", "scharr/y"),
    "prewitt": ("prewitt/x", "prewitt/y"),
    "laplacian": ("laplacian",),
    "vertical": ("prewitt/x",),
    "horizontal": ("prewitt/y",),
}


def largest(*names: str) -> int:
    """Return the largest sum of the kernels' squared responses to a patch of 0..1.

    The sum is convex in the nine pixels, so it is largest on a corner of their cube: on one of
    the 512 patches in black and white. For one kernel that is 1 where it is positive: 3 for
    rows of 1, 0, -1, and 4 for the Laplacian, with its sign turned. For a gradient with the
    weights a, b, a it is a step with a corner of the middle on its side, the left column and the
    pixel above the middle being 1: (2a + b)^2 + b^2, for an edge along the diagonal has
    2 (a + b)^2 only, which is 2a^2 less.

    >>> largest("sobel/x", "sobel/y") == 4**2 + 2**2, largest("laplacian") == 4**2
    (True, True)
    """
    patches = np.arange(512)[:, None] >> np.arange(9) & 1
    responses = [patches @ KERNELS[name].ravel() for name in names]
    return int(np.square(responses).sum(axis=0).max())


def weights() -> NDArray[np.float64]:
    """Return the weight of every kernel's square in every filter, (filters, kernels)."""
    table = np.zeros((len(FILTERS), len(KERNELS)))
    places = {name: place for place, name in enumerate(KERNELS)}
    for row, names in zip(table, FILTERS.values(), strict=True):
        row[[places[name] for name in names]] = 1 / largest(*names)
    return table


def build() -> onnx.ModelProto:
    """Return the network: `image` uint8 (N, 3, H, W) RGB → `edges` (N, filters, H, W), 0..1.

    A pixel at the border is its own neighbour beyond it.
    """
    graph = Graph("edges", half=False)
    image = graph.pictures("image", 3, "H", "W")
    pixels = graph.node("Cast", [image], "pixels", to=TensorProto.FLOAT)
    luma = _conv(graph, pixels, "luma", np.reshape(LUMA, (1, 3, 1, 1)) / 255)
    border = graph.constant("border/pads", np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    framed = graph.node("Pad", [luma, border], "border", mode="edge")
    responses = _conv(graph, framed, "responses", np.stack(list(KERNELS.values()))[:, None])
    squares = graph.node("Mul", [responses, responses], "squares")
    sums = _conv(graph, squares, "sums", weights()[:, :, None, None])
    # Rounding may carry the largest response past 1.
    limits = [graph.constant(f"limits/{end}", np.float32(end)) for end in (0, 1)]
    limited = graph.node("Clip", [sums, *limits], "limited")
    graph.output(graph.node("Sqrt", [limited], "edges"), len(FILTERS), "H", "W")
    return graph.model()


def _conv(graph: Graph, value: str, name: str, kernel: NDArray[np.generic]) -> str:
    """Append a convolution without padding; `kernel` is (out, in, h, w)."""
    stored: F32 = kernel.astype(np.float32)
    return graph.node("Conv", [value, graph.weight(f"{name}/weight", stored)], name)


def main() -> None:
    """Write `model.onnx` and its SHA-256 into the model folder."""
    digest = save(build(), FOLDER)
    print(f"{FOLDER / 'model.onnx'}: sha256 {digest}")


if __name__ == "__main__":
    main()
