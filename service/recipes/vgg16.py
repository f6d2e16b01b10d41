"""The thirteen convolutions of VGG-16, which every recipe here is built on.

Source: Simonyan and Zisserman, Very Deep Convolutional Networks, arXiv:1409.1556, table 1,
column D; the layers are called as in the authors' Caffe model.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from service.arrays import F32

BLOCKS: Final = (2, 2, 3, 3, 3)
"""Convolutions in each block; a pooling by two stands before every block but the first."""

# Of ImageNet, as the Caffe model was trained; subtracted from RGB of 0..255.
MEAN: Final[F32] = np.array([122.67892, 116.66877, 104.00699], np.float32).reshape(3, 1, 1)

WINDOW: Final = {"kernel_shape": (3, 3), "pads": (1, 1, 1, 1)}
"""Of every convolution: 3x3 with zeros around, so that height and width stay."""


class Convolution(NamedTuple):
    """One layer's weights.

    Attributes:
        kernel: (C_out, C_in, k, k)
        bias: (C_out,)
    """

    kernel: F32
    bias: F32

    @property
    def channels(self) -> int:
        """C_out."""
        return len(self.bias)


Weights = Mapping[str, Convolution]
"""By the layer's name, `conv1_1` to `conv5_3`; `conv1_1` takes RGB."""


def blocks() -> Iterator[tuple[int, list[str]]]:
    """Yield each block's number and the names of its layers.

    >>> next(blocks())
    (1, ['conv1_1', 'conv1_2'])
    """
    for block, count in enumerate(BLOCKS, 1):
        yield block, [f"conv{block}_{place}" for place in range(1, count + 1)]
