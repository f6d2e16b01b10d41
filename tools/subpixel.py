"""Convolutions that yield two by two pixels at once, as channels for DepthToSpace to spread."""

import numpy as np
from numpy.typing import NDArray

from service.arrays import F32

F64 = NDArray[np.float64]

# Three neighbours in a row that was doubled lie on two of three neighbours in the row itself.
DOUBLED: F64 = np.array(
    [[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]], np.float64
)


def neighbours(taps: int) -> F64:
    """Return the taps of two neighbouring pixels of one row, (2, taps + 1, taps).

    >>> neighbours(2).astype(int).tolist()
    [[[1, 0], [0, 1], [0, 0]], [[0, 0], [1, 0], [0, 1]]]
    """
    return np.stack([np.eye(taps + 1, taps), np.eye(taps + 1, taps, -1)])


def phases(kernel: F32, taps: F64) -> F32:
    """Return the kernel that yields each output channel once for each of four pixels.

    Args:
        kernel: (O, I, k, k).
        taps: (2, n, k): for the even and the odd pixel of a row, which of n inputs each of the
            k weights falls on.

    Returns:
        (O * 4, I, n, n); the four of a channel follow each other row by row, as DepthToSpace in
        its mode CRD has them.
    """
    spread = np.einsum("ynk,oikl,xml->oyxinm", taps, kernel.astype(np.float64), taps)
    outputs, _, _, inputs, height, width = spread.shape
    return spread.reshape(4 * outputs, inputs, height, width).astype(np.float32)
