"""The arithmetic of a sliding filter: what convolution, pooling and transposed convolution leave.

Along one axis with n cells, filter f, stride s, dilation d and p cells of padding at its two ends,
the filter spans k = d * (f - 1) + 1 cells and the output has

    slide    floor((n + p_begin + p_end - k) / s) + 1      Conv, MaxPool, AveragePool
    spread   (n - 1) * s + k + extra - p_begin - p_end     ConvTranspose

Source: the ONNX operators' specification; Dumoulin & Visin, A guide to convolution arithmetic for
deep learning, arXiv:1603.07285.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Shape = tuple[int | None, ...]
"""Sizes of a tensor's axes; None is a size not known before the network runs."""

_SAME = (b"SAME_UPPER", b"SAME_LOWER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A filter along one axis of its input.

    Attributes:
        filter: its taps.
        stride: cells it moves by.
        dilation: cells from one tap to the next; 1 is a dense filter.
        padding: cells added at the beginning and at the end; None where that follows from an
            input size that is not known.
        size: cells of the output, None where not known.
    """

    filter: int
    stride: int = 1
    dilation: int = 1
    padding: tuple[int, int] | None = (0, 0)
    size: int | None = None

    @property
    def span(self) -> int:
        """Cells of the input from the first tap to the last."""
        return self.dilation * (self.filter - 1) + 1


def slide(n: int, axis: Axis, *, ceil: bool = False) -> int:
    """Return the positions a filter finds on `n` cells with `axis.padding`.

    With `ceil` a last window may hang over the end, unless all it would see is padding: the rule
    of onnxruntime, PyTorch and the operators from opset 22 on.

    >>> slide(224, Axis(filter=11, stride=4, padding=(2, 2)))
    55
    """
    begin, end = axis.padding or (0, 0)
    room = n + begin + end - axis.span
    positions = (-(-room // axis.stride) if ceil else room // axis.stride) + 1
    if ceil and (positions - 1) * axis.stride >= n + begin:
        positions -= 1
    return max(positions, 0)


def spread(n: int, axis: Axis, *, extra: int = 0) -> int:
    """Return the cells that `n` cells are spread over, `axis.padding` cut off, `extra` added.

    >>> spread(16, Axis(filter=4, stride=2, padding=(1, 1)))
    32
    """
    begin, end = axis.padding or (0, 0)
    return max((n - 1) * axis.stride + axis.span + extra - begin - end, 0)


def same_padding(n: int, axis: Axis, *, upper: bool) -> tuple[int, int]:
    """Return the padding that leaves ceil(n / stride) positions on `n` cells.

    Args:
        n: cells of the input.
        axis: the filter; its own padding is not read.
        upper: the odd cell goes to the end (SAME_UPPER, TensorFlow's rule), else to the beginning.

    >>> same_padding(224, Axis(filter=3, stride=2), upper=True)
    (0, 1)
    """
    positions = -(-n // axis.stride)
    return _split((positions - 1) * axis.stride + axis.span - n, upper=upper)


def sliding_axes(
    attributes: Mapping[str, Any], *, filter: Sequence[int], sizes: Shape
) -> tuple[Axis, ...]:
    """Return the axes of a Conv or pooling node, output sizes filled in where they can be known.

    Args:
        attributes: of the node; strides, dilations, pads, auto_pad and ceil_mode are read.
        filter: taps by axis, (height, width) for pictures.
        sizes: cells of the input by axis.
    """
    auto_pad = attributes.get("auto_pad", b"NOTSET")
    ceil = bool(attributes.get("ceil_mode", 0))
    return tuple(
        _slide_axis(axis, n, auto_pad=auto_pad, ceil=ceil)
        for axis, n in zip(_axes(attributes, filter), sizes, strict=True)
    )


def spreading_axes(
    attributes: Mapping[str, Any], *, filter: Sequence[int], sizes: Shape
) -> tuple[Axis, ...]:
    """Return the axes of a ConvTranspose node, output sizes filled in where they can be known.

    Args:
        attributes: of the node; strides, dilations, pads, auto_pad, output_padding and
            output_shape are read.
        filter: taps by axis, (height, width) for pictures.
        sizes: cells of the input by axis.
    """
    rank = len(filter)
    auto_pad = attributes.get("auto_pad", b"NOTSET")
    extras = attributes.get("output_padding", (0,) * rank)
    wanted: Shape = tuple(attributes.get("output_shape", ()))[-rank:] or (None,) * rank
    return tuple(
        _spread_axis(axis, n, auto_pad=auto_pad, extra=extra, wanted=size)
        for axis, n, extra, size in zip(
            _axes(attributes, filter), sizes, extras, wanted, strict=True
        )
    )


def _axes(attributes: Mapping[str, Any], filter: Sequence[int]) -> list[Axis]:
    """Return the axes as the attributes give them, explicit padding included."""
    rank = len(filter)
    ones = (1,) * rank
    # auto_pad VALID wins over pads, and means none.
    valid = attributes.get("auto_pad") == b"VALID"
    pads = (0,) * (2 * rank) if valid else attributes.get("pads", (0,) * (2 * rank))
    return [
        Axis(filter=taps, stride=stride, dilation=dilation, padding=padding)
        for taps, stride, dilation, padding in zip(
            filter,
            attributes.get("strides", ones),
            attributes.get("dilations", ones),
            zip(pads[:rank], pads[rank:], strict=True),
            strict=True,
        )
    ]


def _slide_axis(axis: Axis, n: int | None, *, auto_pad: bytes, ceil: bool) -> Axis:
    if n is None:
        return replace(axis, padding=None) if auto_pad in _SAME else axis
    if auto_pad in _SAME:
        axis = replace(axis, padding=same_padding(n, axis, upper=auto_pad == b"SAME_UPPER"))
    return replace(axis, size=slide(n, axis, ceil=ceil))


def _spread_axis(
    axis: Axis, n: int | None, *, auto_pad: bytes, extra: int, wanted: int | None
) -> Axis:
    if wanted is None and auto_pad not in _SAME:
        return replace(axis, size=None if n is None else spread(n, axis, extra=extra))
    # The padding follows from the size; with auto_pad a filter too short to fill it fills less.
    if n is None:
        return replace(axis, padding=None, size=wanted)
    uncut = spread(n, replace(axis, padding=(0, 0)), extra=extra)
    size = min(uncut, n * axis.stride) if wanted is None else wanted
    return replace(axis, padding=_split(uncut - size, upper=auto_pad == b"SAME_UPPER"), size=size)


def _split(total: int, *, upper: bool) -> tuple[int, int]:
    """Return `total` cells of padding as (begin, end); an odd cell goes to the end if `upper`."""
    less, more = max(total, 0) // 2, -(-max(total, 0) // 2)
    return (less, more) if upper else (more, less)
