"""Sliding windows: how many fit, and the padding that TensorFlow gives them.

Source: TensorFlow's guide to padding, https://www.tensorflow.org/api_docs/python/tf/nn
("Notes on padding").
"""

from dataclasses import dataclass

from tools.tfjs.errors import ConversionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of a convolution or a pool over a map.

    Attributes:
        size: (height, width) of the result.
        pads: rows and columns of padding in ONNX's order: top, left, bottom, right.
    """

    size: tuple[int, int]
    pads: tuple[int, int, int, int]


def windows(
    size: tuple[int, int],
    *,
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int] = (1, 1),
    padding: str,
) -> Windows:
    """Return the windows over a map of `size`.

    Args:
        size: (height, width) of the map.
        kernel: (height, width) of the window.
        strides: steps down and right.
        dilations: distance between the window's taps, down and right.
        padding: SAME (ceil(size / stride) windows; an odd row or column of padding goes to the
            bottom or right) or VALID (none).

    Raises:
        ConversionError: another kind of padding.

    >>> windows((112, 112), kernel=(3, 3), strides=(2, 2), padding="SAME")
    Windows(size=(56, 56), pads=(0, 0, 1, 1))
    """
    rows, top, bottom = _along(size[0], kernel[0], strides[0], dilations[0], padding)
    columns, left, right = _along(size[1], kernel[1], strides[1], dilations[1], padding)
    return Windows(size=(rows, columns), pads=(top, left, bottom, right))


def _along(
    length: int, kernel: int, stride: int, dilation: int, padding: str
) -> tuple[int, int, int]:
    """Return the number of windows along one axis, and the padding before and after."""
    reach = (kernel - 1) * dilation + 1
    match padding:
        case "VALID":
            return (length - reach) // stride + 1, 0, 0
        case "SAME":
            count = -(-length // stride)
            total = max((count - 1) * stride + reach - length, 0)
            return count, total // 2, total - total // 2
    raise ConversionError(f"padding {padding} is not supported")
