"""Windows over maps as TensorFlow lays them, in NumPy and loop by loop."""

from collections.abc import Callable

import numpy as np

from service.arrays import Array

Pair = tuple[int, int]


def padded(x: Array, kernel: Pair, strides: Pair, dilations: Pair, padding: str) -> Array:
    """Pad maps as TensorFlow does: NaN, so that every use of it has to say what it means."""
    if padding == "VALID":
        return x
    pads = []
    for size, taps, stride, dilation in zip(x.shape[1:3], kernel, strides, dilations, strict=True):
        reach = (taps - 1) * dilation + 1
        total = max(reach - stride, 0) if size % stride == 0 else max(reach - size % stride, 0)
        pads.append((total // 2, total - total // 2))
    return np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=np.nan)


def over_windows(
    x: Array,
    kernel: Pair,
    strides: Pair,
    padding: str,
    result: Callable[[Array], Array],
    dilations: Pair = (1, 1),
) -> Array:
    """Return result(window) for every window (N, kh, kw, C) of the maps."""
    x = padded(x, kernel, strides, dilations, padding)
    reach = [(taps - 1) * dilation + 1 for taps, dilation in zip(kernel, dilations, strict=True)]
    rows = range(0, x.shape[1] - reach[0] + 1, strides[0])
    columns = range(0, x.shape[2] - reach[1] + 1, strides[1])
    cells = [
        [
            result(x[:, y : y + reach[0] : dilations[0], z : z + reach[1] : dilations[1]])
            for z in columns
        ]
        for y in rows
    ]
    return np.array(cells).transpose(2, 0, 1, 3)


def convolved(window: Array, kernel: Array) -> Array:
    return np.einsum("nhwi,hwio->no", np.nan_to_num(window), kernel)


def convolved_depthwise(window: Array, kernel: Array) -> Array:
    products = np.einsum("nhwi,hwim->nim", np.nan_to_num(window), kernel)
    return products.reshape(len(window), -1)


# Each row is kernel, strides, dilations, padding and the map's (height, width).
WINDOWS = [
    ((3, 3), (1, 1), (1, 1), "SAME", (6, 5)),  # symmetric
    ((3, 3), (2, 2), (1, 1), "SAME", (6, 6)),  # even side: the odd row goes below and right
    ((3, 3), (2, 2), (1, 1), "SAME", (7, 5)),  # odd side: symmetric again
    ((5, 3), (2, 1), (1, 1), "SAME", (8, 7)),  # sides differ
    ((2, 2), (1, 1), (1, 1), "SAME", (5, 5)),  # even kernel
    ((1, 1), (2, 2), (1, 1), "SAME", (5, 4)),  # stride beyond the kernel: no padding below zero
    ((3, 3), (1, 1), (2, 2), "SAME", (7, 8)),  # dilated
    ((3, 2), (2, 2), (1, 1), "VALID", (8, 7)),  # a row is left over
]
