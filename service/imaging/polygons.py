"""Masks as polygons: regions traced along the edges of their pixels, then simplified."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.arrays import Array, Index, Mask
from service.imaging.regions import connected, runs

F64 = NDArray[np.float64]

Ring = NDArray[np.int32]
"""(K, 2) corners x, y of pixels, one after another around; the last is not the first again."""

Polygon = list[Ring]
"""The outer ring, clockwise as the picture is seen, then its holes, counter-clockwise."""

_ALLOWED_CHANGE = 0.01  # of an area
# Half the least height of a right-angled triangle with legs of whole pixels: no straight line
# passes all three corners more closely, so below this no corner can be left out.
_SMALLEST_TOLERANCE = math.sqrt(2) / 4
_STEP = 0.8  # halving instead leaves a third more corners to small regions, and is no faster


def polygons(mask: Mask, tolerance: float = 1.0) -> list[Polygon]:
    """Return one polygon for each region whose pixels touch side by side.

    At tolerance 0 the polygons cover the mask's pixels exactly. Above, corners are left out as
    long as both a ring's own area and that of its polygon change by less than 1 %; where they
    would not, the ring's tolerance is lowered until they do. No region and no hole disappears.
    A region whose pixels meet over a corner has a ring that touches itself there, and rings that
    were simplified may cross by less than the tolerance.

    Args:
        mask: (H, W).
        tolerance: how far what is left out may lie from what remains, pixels, 0 or more.

    Returns:
        in the reading order of the regions' first pixels. Coordinates are 0 .. W and 0 .. H: the
        pixel at row y and column x is the square from (x, y) to (x + 1, y + 1).

    >>> [[ring.tolist() for ring in polygon] for polygon in polygons(np.array([[True]]))]
    [[[[0, 0], [1, 0], [1, 1], [0, 1]]]]
    """
    outlines = _trace(mask)
    kept = _simplify(outlines, tolerance)
    found: list[Polygon] = [[] for _ in range(outlines.regions.max(initial=0))]
    ends = np.cumsum(np.bincount(outlines.owner[kept], minlength=outlines.regions.size))
    for region, ring in zip(outlines.regions, np.split(outlines.points[kept], ends), strict=False):
        found[region - 1].append(ring[:-1])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outlines:
    """All rings of a mask, one behind the other, in the reading order of their first points.

    Attributes:
        points: (M, 2) corners x, y; the first of each ring comes again as its last.
        owner: (M,) the ring that each point is of, 0 .. R - 1.
        first, last: (R,) where in `points` each ring begins and ends.
        regions: (R,) the number, from 1 on, of the region that each ring is of.
    """

    points: Ring
    owner: Index
    first: Index
    last: Index
    regions: Index

    def areas(self, kept: Index) -> F64:
        """Return each ring's area in pixels, negative for holes, with only some points kept."""
        x, y = self.points[kept].T.astype(np.float64)
        return self._sums(kept, x[:-1] * y[1:] - x[1:] * y[:-1]) / 2

    def allowed(self) -> F64:
        """Return by how many pixels each ring's area has to change less than.

        A polygon's 1 % is shared out among its rings by their lengths.
        """
        every = np.arange(len(self.points))
        areas = self.areas(every)
        lengths = self._sums(every, np.abs(np.diff(self.points, axis=0)).sum(axis=1))
        net = np.bincount(self.regions, areas)[self.regions]
        shares = lengths / np.bincount(self.regions, lengths)[self.regions]
        allowed: F64 = _ALLOWED_CHANGE * np.minimum(np.abs(areas), net * shares)
        return allowed

    def _sums(self, kept: Index, sides: Array) -> F64:
        """Add up, a ring, what belongs to the sides between the points kept."""
        owner = self.owner[kept]
        within = owner[1:] == owner[:-1]
        sums = np.bincount(owner[1:][within], sides[within], minlength=self.first.size)
        return sums.astype(np.float64, copy=False)  # says to mypy what weighted sums are


def _simplify(outlines: _Outlines, tolerance: float) -> Index:
    """Return which points stay, in order; the first and last of every ring are among them."""
    kept = np.ones(len(outlines.points), np.bool_)
    if not outlines.first.size:
        return np.flatnonzero(kept)
    areas, allowed = outlines.areas(np.flatnonzero(kept)), outlines.allowed()
    pending = np.ones(outlines.first.size, np.bool_)
    while tolerance >= _SMALLEST_TOLERANCE and pending.any():
        first, last = outlines.first[pending], outlines.last[pending]
        trial = _douglas_peucker(outlines.points, first, last, tolerance)
        change = np.abs(outlines.areas(np.flatnonzero(trial)) - areas)
        done = pending & (change < allowed)
        kept = np.where(done[outlines.owner], trial, kept)
        pending &= ~done
        tolerance *= _STEP
    return np.flatnonzero(kept)


def _douglas_peucker(points: Ring, first: Index, last: Index, tolerance: float) -> Mask:
    """Return which points of polylines stay, all polylines and all their parts at once.

    Where the two ends of a polyline are one point, it is split at the point farthest from it.

    Args:
        points: (M, 2) x, y.
        first: (L,) where in `points` each polyline begins.
        last: (L,) where it ends; points that are on no polyline do not stay.
        tolerance: pixels.

    Source: Douglas, Peucker, Algorithms for the reduction of the number of points required to
        represent a digitized line or its caricature, Cartographica 10(2), 1973.
    """
    kept = np.zeros(len(points), np.bool_)
    kept[first] = kept[last] = True
    while (inner := last - first - 1).any():
        first, last, inner = first[inner > 0], last[inner > 0], inner[inner > 0]
        begins = np.cumsum(inner) - inner
        line = np.repeat(np.arange(first.size), inner)
        places = np.arange(line.size) + np.repeat(first + 1 - begins, inner)
        away = _distances(points[places], points[first[line]], points[last[line]])
        largest = np.maximum.reduceat(away, begins)
        # Of several as far the one in the middle, or a comb would be split tooth by tooth.
        ties = np.flatnonzero(away == largest[line])
        count = np.bincount(line[ties])
        split = places[ties[np.cumsum(count) - count + count // 2]]
        far = largest > tolerance
        first, last, split = first[far], last[far], split[far]
        kept[split] = True
        first, last = np.concatenate([first, split]), np.concatenate([split, last])
    return kept


def _distances(points: Ring, one: Ring, other: Ring) -> F64:
    """Return how far each point is from the straight line between two others; all (M, 2)."""
    line, offset = other - one, points - one
    along = (offset * line).sum(axis=1) / np.maximum(1, (line * line).sum(axis=1))
    beside = offset - along.clip(0, 1)[:, None] * line
    distances: F64 = np.hypot(beside[:, 0], beside[:, 1])
    return distances


def _trace(mask: Mask) -> _Outlines:
    """Return the rings around all regions, every corner of them, with the region on the right."""
    sides = _sides(mask)
    order, begins = _cycles(sides.following)
    left, right = np.stack([sides.x1, sides.y], 1), np.stack([sides.x2, sides.y], 1)
    rightward = sides.rightward[:, None]
    ends = np.where(rightward, left, right), np.where(rightward, right, left)
    corners = np.stack(ends, axis=1)[order].reshape(-1, 2)
    lengths = 2 * np.diff(begins, append=order.size) + 1
    last = np.cumsum(lengths) - 1
    first = last + 1 - lengths
    closing = last - np.arange(last.size)  # where the copies go, counted without them
    points = np.insert(corners, closing, corners[2 * begins], axis=0)
    top = order[begins]
    labels, _ = connected(mask)
    return _Outlines(
        points=points.astype(np.int32),
        owner=np.repeat(np.arange(begins.size), lengths),
        first=first,
        last=last,
        regions=labels[sides.y[top] - ~sides.rightward[top], sides.x1[top]].astype(np.intp),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The horizontal sides of all rings, in reading order.

    Attributes:
        y: (S,) between which rows of pixels a side runs: below row y - 1, above row y.
        x1, x2: (S,) from the left end of pixel x1 to the left end of pixel x2; x1 < x2.
        rightward: (S,) whether the way around leads right, with the region below; else left,
            with the region above.
        following: (S,) the next horizontal side on the way.
    """

    y: Index
    x1: Index
    x2: Index
    rightward: Mask
    following: Index


def _sides(mask: Mask) -> _Sides:
    """Find the horizontal sides, and what follows what, by sorting the corners into columns."""
    padded = np.pad(mask, 1)
    change = np.diff(padded.view(np.int8), axis=0)[:, 1:-1]
    starts, ends = runs(change)
    y, x1 = np.divmod(starts, mask.shape[1])
    x2 = x1 + ends - starts
    rightward = change[y, x1] > 0

    # At each end the vertical side leads to where the region's row of pixels goes on beyond it:
    # around the outside of that pixel; else back along the region.
    row = y + rightward  # the region's, in the padded mask
    upward = np.stack([padded[row, x1], padded[row, x2 + 1]], axis=1) == rightward[:, None]
    x = np.stack([x1, x2], axis=1)
    # Down a column, corners from which a side leads down and those from which it leads up take
    # turns. Where two share a point, over which two pixels meet, the upward one belongs above.
    key = (x * (mask.shape[0] + 1) + y[:, None]) * 2 + ~upward
    pairs = np.argsort(key.ravel()).reshape(-1, 2)
    partner = np.empty(2 * y.size, np.intp)
    partner[pairs[:, 0]], partner[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    following = partner[2 * np.arange(y.size) + rightward] // 2
    return _Sides(y=y, x1=x1, x2=x2, rightward=rightward, following=following)


def _cycles(following: Index) -> tuple[Index, Index]:
    """Return the cycles of a permutation one behind the other, and where each begins."""
    successors = following.tolist()
    seen = bytearray(len(successors))
    order: list[int] = []
    begins: list[int] = []
    for start in range(len(successors)):
        if seen[start]:
            continue
        begins.append(len(order))
        place = start
        while not seen[place]:
            seen[place] = True
            order.append(place)
            place = successors[place]
    return np.array(order, np.intp), np.array(begins, np.intp)
