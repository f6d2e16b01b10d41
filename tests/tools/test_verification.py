"""Error rates of face pairs, against counting by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tools.verification import (
    Pairs,
    accuracy,
    all_pairs,
    area_under_roc,
    error_rates,
    strictest,
)


def pairs_of(same: list[float], different: list[float]) -> Pairs:
    """Distances of pairs of one person, 0, and of two, 0 and 1."""
    return Pairs(
        distances=np.array([*same, *different]),
        first=np.zeros(len(same) + len(different), np.intp),
        second=np.array([0] * len(same) + [1] * len(different)),
    )


def crowd(people: int, photographs: int, spread: float = 0.5) -> Pairs:
    """People at random places of a plane, their photographs around them."""
    rng = np.random.default_rng(3)
    centres = rng.normal(0, 1, (people, 8)).repeat(photographs, axis=0)
    encodings = centres + rng.normal(0, spread, centres.shape)
    names = [f"person {index}" for index in range(people) for _ in range(photographs)]
    return all_pairs(encodings.astype(np.float32), names)


def test_every_pair_is_there_once() -> None:
    pairs = crowd(people=4, photographs=3)

    assert len(pairs.distances) == 12 * 11 // 2
    assert pairs.same.sum() == 4 * 3
    assert pairs.people == 4


@pytest.mark.parametrize(
    ("same", "different", "expected"),
    [
        ([1, 2], [3, 4], 1.0),  # told apart
        ([3, 4], [1, 2], 0.0),  # the wrong way round
        ([2], [2], 0.5),  # a tie is half a success
        ([1, 3], [2, 4], 0.75),
    ],
)
def test_area_under_roc(same: list[float], different: list[float], expected: float) -> None:
    assert area_under_roc(pairs_of(same, different)) == expected


def test_the_area_is_that_of_scikit_learn() -> None:
    pairs = crowd(people=6, photographs=4, spread=1.0)
    assert area_under_roc(pairs) == pytest.approx(roc_auc_score(pairs.same, -pairs.distances))


def test_without_pairs_of_two_people_there_is_no_area() -> None:
    with pytest.raises(ValueError, match="pairs of two"):
        area_under_roc(pairs_of([1, 2], []))


def test_a_pair_at_the_threshold_matches() -> None:
    pairs = pairs_of([0.5], [0.5])
    assert accuracy(pairs, 0.5) == 0.5
    rates = error_rates(pairs, [0.499, 0.5])
    assert rates.false_match.tolist() == [0, 1]
    assert rates.false_non_match.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0.0, 0.399),  # just below the first
        (0.2, 0.399),  # one of four is more than that
        (0.25, 0.4),  # 0.4005 is the next
        (0.5, 0.499),  # a match is at most the threshold, so 0.5 itself is too much
        (0.75, 0.699),
    ],
)
def test_the_strictest_threshold_of_a_rate(rate: float, expected: float) -> None:
    pairs = pairs_of([0.1], [0.4, 0.4005, 0.5, 0.7])
    assert strictest(pairs, rate) == expected


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.01, 0.1, 0.5])
def test_the_strictest_threshold_keeps_its_promise(rate: float) -> None:
    pairs = crowd(people=12, photographs=5, spread=0.8)
    different = pairs.distances[~pairs.same]

    threshold = strictest(pairs, rate)

    assert (different <= threshold).mean() <= rate
    assert (different <= threshold + 0.001).mean() > rate


def test_bounds_lie_above_the_rates_and_move_with_the_threshold() -> None:
    rates = error_rates(crowd(people=8, photographs=4, spread=1.0), np.linspace(0.5, 6, 12))

    assert (rates.false_match <= rates.false_match_high).all()
    assert (rates.false_non_match <= rates.false_non_match_high).all()
    for rising in (rates.thresholds, rates.false_match, rates.false_match_high):
        assert (np.diff(rising) >= 0).all()
    for falling in (rates.false_non_match, rates.false_non_match_high):
        assert (np.diff(falling) <= 0).all()


def test_no_error_seen_is_not_no_error() -> None:
    """Clopper and Pearson's bound for no error in n trials is 1 - 0.05 ** (1 / n)."""
    rates = error_rates(pairs_of([0.1] * 30, [0.9] * 50), [0.5])

    assert rates.false_match == 0
    assert rates.false_match_high == pytest.approx(1 - 0.05 ** (1 / 50))
    assert rates.false_non_match_high == pytest.approx(1 - 0.05 ** (1 / 30))


def test_one_odd_person_widens_the_bound() -> None:
    """All errors are one person's of five: who draws people meets that person more than once."""
    people = np.repeat(np.arange(5), 40)
    missed = np.where(people == 0, 0.9, 0.1)
    strangers = Pairs(distances=np.array([2.0]), first=np.array([0]), second=np.array([1]))
    pairs = Pairs(
        distances=np.concatenate([missed, strangers.distances]),
        first=np.concatenate([people, strangers.first]),
        second=np.concatenate([people, strangers.second]),
    )

    rates = error_rates(pairs, [0.5])

    assert rates.false_non_match == pytest.approx(0.2)
    assert rates.false_non_match_high >= 0.4  # 200 independent pairs would say 0.25


def test_the_bounds_are_repeatable() -> None:
    pairs = crowd(people=5, photographs=4)
    one, again = (error_rates(pairs, [1.0, 2.0], seed=7) for _ in range(2))
    np.testing.assert_array_equal(one.false_match_high, again.false_match_high)
