"""Masks as COCO's compressed run lengths: short text that every COCO tool reads.

The runs go down the columns, begin with a run of zeros, and from the fourth on are stored as the
difference to the run before the last. Each number is written in groups of five bits, lowest
first, in two's complement; a sixth bit says that another group follows, and 48 makes it ASCII.

Source: Lin et al., COCO API, `rleEncode` and `rleToString` of maskApi.c.
"""

from itertools import pairwise

import numpy as np

from service.arrays import U8, Array, Index, Mask
from service.imaging.picture import Size

_OFFSET = 48  # the character "0"
_GROUP_BITS, _GROUP_MASK, _MORE = 5, 0x1F, 0x20
_MAX_GROUPS = 7  # 35 bits, more than the pixels of any picture
# The numbers from which on one group, two groups, ... are too few, as one bit is the sign.
_LIMITS = 1 << (_GROUP_BITS * np.arange(1, _MAX_GROUPS) - 1)


def encode(mask: Mask) -> str:
    """Return the `counts` of a mask, letter for letter what pycocotools returns.

    Args:
        mask: (H, W).

    >>> encode(np.array([[False, True], [True, True]]))
    '13'
    """
    changes = _changes(mask)
    first = [0, 0] if mask.size and mask[0, 0] else [0]
    runs = np.diff(np.concatenate([first, changes, [mask.size]]))
    numbers = runs.copy()
    numbers[3:] -= runs[1:-2]
    return _text(numbers)[0]


def encode_each(ids: Array, count: int) -> list[str]:
    """Return what `encode` returns for each of the masks `ids == 0` .. `ids == count - 1`.

    All are made in one pass, so that the cost grows with the runs and not with their number.

    Args:
        ids: (H, W), 0 .. count - 1.
        count: of masks.

    >>> encode_each(np.array([[0, 2], [2, 2]]), 3)
    ['013', '4', '13']
    """
    height = ids.shape[0]
    starts = np.concatenate([[0], _changes(ids)])
    x, y = np.divmod(starts, height)
    owners = ids[y, x].astype(np.intp)
    by_owner = np.argsort(owners, kind="stable")
    ends = np.append(starts[1:], ids.size)[by_owner]
    starts, owners = starts[by_owner], owners[by_owner]
    per_owner = np.bincount(owners, minlength=count)
    last = np.cumsum(per_owner)  # just past an owner's last run
    has_runs = per_owner > 0
    rest = np.full(count, ids.size)  # the zeros after the last run
    rest[has_runs] -= ends[last[has_runs] - 1]

    # An owner's runs: zeros and ones for each, then the rest if there is any.
    sizes = 2 * per_owner + (rest > 0)
    first = np.cumsum(sizes) - sizes
    nth = np.arange(owners.size) - (last - per_owner)[owners]
    zeros = starts - np.where(nth > 0, np.roll(ends, 1), 0)
    at = first[owners] + 2 * nth
    runs = np.empty(sizes.sum(), np.intp)
    runs[at], runs[at + 1] = zeros, ends - starts
    runs[(first + sizes - 1)[rest > 0]] = rest[rest > 0]

    numbers = runs.copy()
    later = np.flatnonzero(np.arange(runs.size) - np.repeat(first, sizes) > 2)
    numbers[later] -= runs[later - 2]
    text, stops = _text(numbers)
    cuts = [0, *stops[np.cumsum(sizes) - 1].tolist()]
    return [text[begin:end] for begin, end in pairwise(cuts)]


def decode(counts: str, size: Size) -> Mask:
    """Return the (H, W) mask that `encode` made `counts` of.

    Args:
        counts: from anywhere.
        size: (H, W).

    Raises:
        ValueError: `counts` is not a run-length text, or not of a mask of this size.

    >>> decode("13", (2, 2)).astype(int)
    array([[0, 1],
           [1, 1]])
    """
    codes = np.frombuffer(counts.encode(), np.uint8) - np.uint8(_OFFSET)  # below 48 wraps around
    if not codes.size or codes.max() >= 2 * _MORE or codes[-1] & _MORE:
        raise ValueError("the counts are not compressed run lengths")
    runs = _numbers(codes)
    # Undo the differences: each number but the first three adds to the run before the last.
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    height, width = size
    if runs.min() < 0 or runs.max() > height * width or runs.sum() != height * width:
        raise ValueError(f"the counts are not of a mask of {width} x {height} pixels")
    columns = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return np.ascontiguousarray(columns.reshape(width, height).T)


def _changes(ids: Array) -> Index:
    """Return, in order, where the picture read down its columns differs from the pixel before.

    Only the changes are brought into the order of columns, which is cheaper than all pixels.
    """
    height, width = ids.shape
    y, x = np.divmod(np.flatnonzero(ids[1:] != ids[:-1]), width)
    column = np.flatnonzero(ids[:1, 1:] != ids[-1:, :-1])  # a top unlike the bottom before it
    return np.sort(np.concatenate([x * height + y + 1, (column + 1) * height]))


def _text(numbers: Index) -> tuple[str, Index]:
    """Return signed numbers in groups of five bits, and where each number's characters end."""
    # How many groups hold the bits and the sign.
    groups = np.searchsorted(_LIMITS, numbers ^ (numbers >> 63), side="right") + 1
    ends = np.cumsum(groups)
    place = np.arange(ends[-1]) - np.repeat(ends - groups, groups)
    codes = (np.repeat(numbers, groups) >> (_GROUP_BITS * place)) & _GROUP_MASK | _MORE
    codes[ends - 1] ^= _MORE
    return str((codes + _OFFSET).astype(np.uint8).tobytes(), "ascii"), ends


def _numbers(codes: U8) -> Index:
    """Return the signed numbers that groups of five bits hold; the last group is complete."""
    ends = np.flatnonzero(codes < _MORE) + 1
    groups = np.diff(ends, prepend=0)
    if groups.max() > _MAX_GROUPS:
        raise ValueError("the counts hold a number too large for any mask")
    starts = ends - groups
    place = np.arange(codes.size) - np.repeat(starts, groups)
    bits = (codes & _GROUP_MASK).astype(np.intp) << (_GROUP_BITS * place)
    numbers: Index = np.add.reduceat(bits, starts)
    negative = codes[ends - 1] & (_MORE >> 1) > 0
    numbers[negative] -= 1 << (_GROUP_BITS * groups[negative])
    return numbers
