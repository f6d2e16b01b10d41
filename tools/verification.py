"""Pairs of faces, and the error rates that a threshold on their distances has: pure functions.

A pair matches when its distance is at most the threshold. A false match is a match of two
people, a false non-match a miss of one person's two photographs (ISO/IEC 19795-1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from service.arrays import F32, Index, Mask

F64 = NDArray[np.float64]

CONFIDENCE = 0.95  # of the upper bounds, one-sided
DRAWS = 2_000
STEP = 0.001  # thresholds are told to this many units of distance


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """P pairs of photographs.

    Attributes:
        distances: (P,) between the encodings.
        first, second: (P,) whose photograph each of the two is, as numbers from 0.
    """

    distances: F64
    first: Index
    second: Index

    @property
    def same(self) -> Mask:
        """(P,) whether both photographs are of one person."""
        return self.first == self.second

    @property
    def people(self) -> int:
        """How many people there are."""
        return int(max(self.first.max(), self.second.max())) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Error rates at T thresholds, all (T,), 0..1.

    Attributes:
        thresholds: rising.
        false_match, false_non_match: as counted.
        false_match_high, false_non_match_high: upper confidence bounds.
    """

    thresholds: F64
    false_match: F64
    false_match_high: F64
    false_non_match: F64
    false_non_match_high: F64


def all_pairs(encodings: F32, people: Sequence[str]) -> Pairs:
    """Return every pair of N photographs, each once.

    Args:
        encodings: (N, D).
        people: (N,) whose photograph each is.

    >>> pairs = all_pairs(np.array([[0, 0], [3, 4], [0, 1]], np.float32), ["ann", "ann", "bob"])
    >>> pairs.distances.tolist(), pairs.same.tolist()
    ([5.0, 1.0, 4.242640687119285], [True, False, False])
    """
    vectors = encodings.astype(np.float64)
    names = np.unique(np.asarray(people), return_inverse=True)[1]
    one, other = np.triu_indices(len(vectors), 1)
    distances = np.linalg.norm(vectors[one] - vectors[other], axis=1)
    return Pairs(distances=distances, first=names[one], second=names[other])


def area_under_roc(pairs: Pairs) -> float:
    """Return how likely a pair of one person is closer than a pair of two, ties counting half.

    Raises:
        ValueError: there are no pairs of one of the two kinds.
    """
    same, different = pairs.distances[pairs.same], np.sort(pairs.distances[~pairs.same])
    if not len(same) or not len(different):
        raise ValueError("pairs of one person and pairs of two are needed")
    closer = len(different) - np.searchsorted(different, same, "right")
    ties = np.searchsorted(different, same, "right") - np.searchsorted(different, same, "left")
    return float((closer + ties / 2).mean() / len(different))


def accuracy(pairs: Pairs, threshold: float) -> float:
    """Return the share of pairs that are told right at a threshold."""
    return float(((pairs.distances <= threshold) == pairs.same).mean())


def strictest(pairs: Pairs, rate: float) -> float:
    """Return the largest threshold, in steps of 0.001, whose false match rate is at most `rate`.

    Args:
        pairs: with some of different people.
        rate: 0..1, less than 1; 0 asks for no false match at all.
    """
    different = np.sort(pairs.distances[~pairs.same])
    allowed = int(rate * len(different) + 1e-9)  # 0.001 of 1,000 is 1, in binary too
    return round((np.ceil(different[allowed] / STEP) - 1) * STEP, 3)


def error_rates(pairs: Pairs, thresholds: Sequence[float], *, seed: int = 0) -> Rates:
    """Return the error rates at some thresholds, with upper bounds of 95 % confidence.

    Photographs of one person are alike, so pairs are far from independent: the bounds are those
    of a bootstrap that draws people, with replacement, and takes all their pairs (Bolle et al.,
    Error analysis of pattern recognition systems: the subsets bootstrap, CVIU 2004). Where hardly
    an error was seen a bootstrap sees none either; so a bound is never below the exact one for
    independent pairs (Clopper and Pearson, Biometrika 1934).

    Args:
        pairs: with pairs of one person and of two.
        thresholds: any order.
        seed: of the bootstrap.
    """
    ordered = np.unique(np.asarray(thresholds, np.float64))
    matches = pairs.distances[:, None] <= ordered
    chances = np.full(pairs.people, 1 / pairs.people)
    draws = np.random.default_rng(seed).multinomial(pairs.people, chances, DRAWS)
    false_match, false_match_high = _rate(pairs, ~pairs.same, matches, draws)
    false_non_match, false_non_match_high = _rate(pairs, pairs.same, ~matches, draws)
    return Rates(
        thresholds=ordered,
        false_match=false_match,
        false_match_high=false_match_high,
        false_non_match=false_non_match,
        false_non_match_high=false_non_match_high,
    )


def _rate(pairs: Pairs, chosen: Mask, wrong: Mask, draws: Index) -> tuple[F64, F64]:
    """Return the share of wrong ones among the chosen pairs, (T,), and its upper bound.

    Args:
        pairs: all of them.
        chosen: (P,) those of one kind.
        wrong: (P, T) which are told wrong at each threshold.
        draws: (B, people) how often each was drawn; a draw may have no pair of the kind.
    """
    first, second, errors = pairs.first[chosen], pairs.second[chosen], wrong[chosen]
    alone = first == second
    # A pair is there as often as both its people were drawn; its one person, as often as that.
    weights = np.where(alone, draws[:, first], draws[:, first] * draws[:, second])
    totals = weights.sum(axis=1, keepdims=True)
    drawn = (weights @ errors)[totals[:, 0] > 0] / totals[totals[:, 0] > 0]
    counted = errors.sum(axis=0)
    bootstrap = np.quantile(drawn, CONFIDENCE, axis=0)
    return errors.mean(axis=0), np.maximum(bootstrap, _exact_bound(counted, len(errors)))


def _exact_bound(errors: Index, trials: int) -> F64:
    """Return the largest rate at which so few errors in independent trials are still likely."""
    bound = beta.ppf(CONFIDENCE, errors + 1, np.maximum(trials - errors, 1))
    return np.where(errors == trials, 1.0, bound).astype(np.float64)
