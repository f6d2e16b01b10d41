"""L-BFGS between bounds: Newton's method with second derivatives guessed from the last few steps.

A run is a chain of values: `start` makes the first `State`, `advance` each next one, and nothing
else is remembered. A state that was saved as plain arrays and read back goes on exactly as the
one that stayed in memory.

Source: Nocedal and Wright, Numerical Optimization, 2nd edition: algorithms 7.4 (two-loop
recursion) and 7.5, with backtracking (3.1) in place of a Wolfe search: an evaluation is what
costs time, and nearly every first trial is good. The bounds are kept by projection as in
Bertsekas, Projected Newton Methods for Optimization Problems with Simple Constraints, SIAM J.
Control and Optimization 20(2), 1982.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from service.arrays import F32, Array

# The part of the decrease promised by the slope that a step must bring: c1 of Nocedal and
# Wright's (3.4), with their value.
_SUFFICIENT = 1e-4
# A trial that failed is shortened to the lowest point of a parabola, within these limits.
_SHORTEST, _LONGEST = 0.1, 0.5
# Then the step is a millionth of what it was or less: float32 costs show no decrease any more.
_MAX_TRIALS = 12
# A pair whose cosine is smaller has no curvature beyond the rounding of float32.
_MIN_COSINE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The function at one position.

    Attributes:
        cost: what is minimised.
        gradient: (n,) its derivatives.
        terms: what the cost is made of; kept for those who ask, never looked at.
    """

    cost: float
    gradient: F32
    terms: tuple[float, ...] = ()


Evaluate = Callable[[F32], Sample]
"""The function to be minimised, of a position (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One step: how far the position moved and how the gradient changed with it, both (n,)."""

    move: F32
    change: F32

    @property
    def curvature(self) -> float:
        """The pair's scalar product; positive where the function bends upwards."""
        return dot(self.move, self.change)

    @property
    def usable(self) -> bool:
        """Whether a guess from this pair is one of a function with a lowest point."""
        length = math.sqrt(dot(self.move, self.move) * dot(self.change, self.change))
        return self.curvature > _MIN_COSINE * length


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All there is to know between two steps.

    Attributes:
        position: (n,), within the bounds.
        sample: the function there.
        pairs: of the last steps, oldest first.
    """

    position: F32
    sample: Sample
    pairs: tuple[Pair, ...] = ()

    def to_arrays(self) -> dict[str, Array]:
        """Return the state as arrays, from which `from_arrays` makes the same one, bit by bit."""
        shape = (len(self.pairs), len(self.position))
        moves, changes = np.empty(shape, np.float32), np.empty(shape, np.float32)
        for row, pair in enumerate(self.pairs):
            moves[row], changes[row] = pair.move, pair.change
        return {
            "position": self.position,
            "cost": np.array(self.sample.cost, np.float64),
            "gradient": self.sample.gradient,
            "terms": np.array(self.sample.terms, np.float64),
            "moves": moves,
            "changes": changes,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Self:
        """Return the state that `to_arrays` was called on.

        Raises:
            KeyError: an array is missing.
        """
        moves = np.asarray(arrays["moves"], np.float32)
        changes = np.asarray(arrays["changes"], np.float32)
        sample = Sample(
            cost=float(np.asarray(arrays["cost"], np.float64)),
            gradient=np.asarray(arrays["gradient"], np.float32),
            terms=tuple(np.asarray(arrays["terms"], np.float64).tolist()),
        )
        return cls(
            position=np.asarray(arrays["position"], np.float32),
            sample=sample,
            pairs=tuple(
                Pair(move=move, change=change) for move, change in zip(moves, changes, strict=True)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lbfgs:
    """How to minimise; the state is the caller's.

    Attributes:
        first_move: how far the first trial moves the coordinate that moves most: before there
            is a pair, the gradient has a direction but no length that means anything.
        bounds: the lowest and the highest value of every coordinate.
        memory: pairs to keep.
    """

    first_move: float
    bounds: tuple[float, float] = (-math.inf, math.inf)
    memory: int = 10

    def start(self, position: F32, evaluate: Evaluate) -> State:
        """Return the state before the first step, at the place within the bounds nearest to (n,).

        Raises:
            ValueError: the function has no finite value there.
        """
        inside = self._project(position)
        sample = evaluate(inside)
        if not math.isfinite(sample.cost):
            raise ValueError(f"the cost at the start is {sample.cost}")
        return State(position=inside, sample=sample)

    def advance(self, state: State, evaluate: Evaluate) -> State | None:
        """Return the state after one more step, at a lower cost, for one evaluation in most cases.

        Returns:
            None if no way down is found: neither with the pairs nor along the gradient alone.
        """
        slope = self._slope(state)
        for pairs in (state.pairs, ()) if state.pairs else ((),):
            direction = self._direction(slope, pairs)
            found = self._search(state, direction, evaluate)
            if found is not None:
                position, sample = found
                pair = Pair(
                    move=position - state.position,
                    change=sample.gradient - state.sample.gradient,
                )
                kept = (*pairs, pair)[-self.memory :] if pair.usable else pairs
                return State(position=position, sample=sample, pairs=kept)
        return None

    def _project(self, position: F32) -> F32:
        inside: F32 = np.clip(position, *self.bounds)
        return inside

    def _slope(self, state: State) -> F32:
        """Return the gradient, 0 where the cost only falls beyond a bound already reached."""
        low, high = self.bounds
        position, gradient = state.position, state.sample.gradient
        shut = ((position <= low) & (gradient > 0)) | ((position >= high) & (gradient < 0))
        return np.where(shut, np.float32(0), gradient)

    def _direction(self, slope: F32, pairs: tuple[Pair, ...]) -> F32:
        """Return the way to go, (n,): that of Newton's method as far as the pairs tell."""
        if not pairs:
            steepest = np.abs(slope).max(initial=0)
            return slope / -steepest * np.float32(self.first_move) if steepest else slope
        direction = newton(slope, pairs)
        direction[slope == 0] = 0
        return direction

    def _search(
        self, state: State, direction: F32, evaluate: Evaluate
    ) -> tuple[F32, Sample] | None:
        """Return a place on the way that is low enough and the function there, or None."""
        length = 1.0
        for _ in range(_MAX_TRIALS):
            position = self._project(state.position + np.float32(length) * direction)
            promised = -dot(state.sample.gradient, position - state.position)
            if promised <= 0:
                return None
            sample = evaluate(position)
            rise = sample.cost - state.sample.cost
            if rise <= -_SUFFICIENT * promised:
                return position, sample
            # Of the parabola through both costs with the slope at the first (their (3.57)).
            lowest = promised / (2 * (rise + promised)) if math.isfinite(rise) else 0.0
            length *= min(max(lowest, _SHORTEST), _LONGEST)
        return None


def newton(slope: F32, pairs: tuple[Pair, ...]) -> F32:
    """Return minus the guessed inverse of the second derivatives, times the slope.

    Args:
        slope: (n,)
        pairs: at least one, oldest first, all of positive curvature.

    Source: Nocedal and Wright, algorithm 7.4, from the scaled identity of their (7.20).
    """
    result = -slope
    curvatures = [pair.curvature for pair in pairs]
    shares: list[float] = []
    for pair, curvature in zip(reversed(pairs), reversed(curvatures), strict=True):
        shares.append(dot(pair.move, result) / curvature)
        result -= np.float32(shares[-1]) * pair.change
    result *= np.float32(curvatures[-1] / dot(pairs[-1].change, pairs[-1].change))
    for pair, curvature, share in zip(pairs, curvatures, reversed(shares), strict=True):
        result += np.float32(share - dot(pair.change, result) / curvature) * pair.move
    return result


def dot(one: F32, other: F32) -> float:
    """Return the scalar product of two vectors, added up in double precision.

    Not by BLAS, which shares long vectors out among its threads: the sum, and with it every step
    that follows, would depend on how many there are.

    >>> dot(np.array([1, 2], np.float32), np.array([3, 4], np.float32))
    11.0
    """
    return float(np.sum(one * other, dtype=np.float64))
