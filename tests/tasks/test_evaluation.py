"""Matching, counting and average precision, worked out by hand."""

import math

import numpy as np
import pytest

from service.tasks.evaluation import (
    F64,
    Counts,
    Judged,
    Objects,
    Ranking,
    average_precision,
    best_threshold,
    count,
    match,
    mean,
    overlap,
    rank,
)

UNIT = [0.0, 0, 10, 10]
Row = tuple[list[float], int, float]  # box x1 y1 x2 y2, class, score or 1 for a crowd


def boxes(*rows: list[float]) -> F64:
    return np.array(rows, np.float64).reshape(-1, 4)


def picture(objects: list[Row], found: list[Row]) -> Judged:
    return Judged(
        objects=Objects(
            boxes=boxes(*(row[0] for row in objects)),
            class_ids=np.array([row[1] for row in objects], np.intp),
            crowd=np.array([row[2] == 1 for row in objects], np.bool_),
        ),
        boxes=boxes(*(row[0] for row in found)),
        scores=np.array([row[2] for row in found], np.float64),
        class_ids=np.array([row[1] for row in found], np.intp),
    )


def ranking(hits: str, objects: int, scores: list[float] | None = None) -> Ranking:
    """Make a ranking of one overlap from `+` a hit, `-` a false alarm, `o` ignored."""
    falling = [1 - place / 100 for place in range(len(hits))]
    return Ranking(
        scores=np.array(falling if scores is None else scores, np.float64),
        hits=np.array([[one == "+" for one in hits]], np.bool_).reshape(1, -1),
        ignored=np.array([[one == "o" for one in hits]], np.bool_).reshape(1, -1),
        objects=objects,
    )


@pytest.mark.parametrize(
    ("box", "other", "crowd", "expected"),
    [
        (UNIT, UNIT, False, 1.0),  # the same
        (UNIT, [5, 0, 15, 10], False, 1 / 3),
        (UNIT, [10, 0, 20, 10], False, 0.0),  # they only touch
        (UNIT, [20, 20, 30, 30], False, 0.0),  # apart on both axes: no product of negatives
        (UNIT, [5, 0, 105, 10], True, 0.5),  # of a crowd it need not cover more
        ([5, 5, 5, 5], [5, 5, 5, 5], False, 0.0),  # nothing over nothing
    ],
)
def test_overlap(box: list[float], other: list[float], crowd: bool, expected: float) -> None:
    shares = overlap(boxes(box), boxes(other), np.array([crowd]))

    assert shares == pytest.approx(np.array([[expected]]))


@pytest.mark.parametrize(
    ("overlaps", "crowd", "hits", "ignored"),
    [
        ([], [False], "", ""),  # nothing found
        ([[]], [], "-", "-"),  # nothing there
        ([[0.5]], [False], "+", "-"),  # exactly at the threshold
        ([[0.49]], [False], "-", "-"),
        ([[0.6], [0.9]], [False], "+-", "--"),  # found once, by the better score
        ([[0.6, 0.9], [0.6, 0.9]], [False, False], "++", "--"),  # the second takes what is left
        ([[0.6, 0.9], [0.1, 0.9]], [False, False], "+-", "--"),  # the best overlap is taken
        ([[0.7, 0.7], [0.7, 0.0]], [False, False], "++", "--"),  # of equals the last one
        ([[0.7, 0.7], [0.0, 0.7]], [False, False], "+-", "--"),
        ([[0.8], [0.9]], [True], "--", "++"),  # a crowd takes any number
        ([[0.9, 0.6]], [True, False], "+", "-"),  # an object goes before a crowd
        ([[0.9, 0.6], [0.9, 0.6]], [True, False], "+-", "-+"),  # then it lies in the crowd
    ],
)
def test_match(overlaps: list[list[float]], crowd: list[bool], hits: str, ignored: str) -> None:
    table = np.array(overlaps, np.float64).reshape(len(overlaps), len(crowd))

    found, dropped = match(table, np.array(crowd, np.bool_), np.array([0.5]))

    assert "".join("-+"[one] for one in found[0].tolist()) == hits
    assert "".join("-+"[one] for one in dropped[0].tolist()) == ignored


def test_match_judges_every_threshold_for_itself() -> None:
    overlaps = np.array([[0.6, 0.55], [0.9, 0.0]])

    hits, _ = match(overlaps, np.zeros(2, np.bool_), np.array([0.5, 0.7]))

    assert hits.tolist() == [[True, False], [False, True]]  # at 0.7 the first leaves it free


@pytest.mark.parametrize(
    ("hits", "objects", "expected"),
    [
        ("", 3, 0.0),  # nothing told
        ("-", 0, math.nan),  # nothing there to be found
        ("+", 1, 1.0),
        ("-+", 1, 0.5),
        ("o+", 1, 1.0),  # what is ignored does not count
        ("+", 2, 51 / 101),  # recalls 0 .. 0.50 are reached
        ("+-+", 2, (51 + 50 * 2 / 3) / 101),
        ("-++", 2, 2 / 3),  # a later precision counts for earlier recalls
    ],
)
def test_average_precision(hits: str, objects: int, expected: float) -> None:
    assert average_precision(ranking(hits, objects)) == pytest.approx([expected], nan_ok=True)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.0, (2, 1, 1)),
        (0.8, (2, 1, 1)),  # a score exactly at it counts
        (0.85, (1, 1, 2)),
        (1.0, (0, 0, 3)),
    ],
)
def test_count(threshold: float, expected: tuple[int, int, int]) -> None:
    hits, false_alarms, missed = expected
    judged = ranking("+-o+", 3, [0.95, 0.9, 0.9, 0.8])

    assert count(judged, threshold) == Counts(hits=hits, false_alarms=false_alarms, missed=missed)


def test_counts_add_up() -> None:
    total = sum((Counts(hits=1, missed=1), Counts(hits=2, false_alarms=1)), Counts())

    assert (total.precision, total.recall, total.f1) == (3 / 4, 3 / 4, 6 / 8)


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [
        (Counts(), math.nan, math.nan, math.nan),
        (Counts(missed=2), math.nan, 0.0, 0.0),
        (Counts(false_alarms=2), 0.0, math.nan, 0.0),
    ],
)
def test_a_share_of_nothing_is_not_a_number(
    counts: Counts, precision: float, recall: float, f1: float
) -> None:
    shares = (counts.precision, counts.recall, counts.f1)

    assert shares == pytest.approx((precision, recall, f1), nan_ok=True)


@pytest.mark.parametrize(
    ("hits", "scores", "expected"),
    [
        ("", [], math.nan),
        ("--", [0.9, 0.8], math.nan),  # nothing was found
        ("+-+", [0.9, 0.8, 0.7], 0.7),
        ("+--+", [0.9, 0.8, 0.7, 0.6], 0.9),  # 2/3 before 4/6: of equals the higher
        ("++---", [0.9, 0.8, 0.8, 0.8, 0.8], 0.9),  # equal scores come together, or not at all
    ],
)
def test_best_threshold(hits: str, scores: list[float], expected: float) -> None:
    assert best_threshold([ranking(hits, 2, scores)]) == pytest.approx(expected, nan_ok=True)


def test_mean_leaves_out_what_is_not_a_number() -> None:
    assert mean([0.25, math.nan, 0.75]) == 0.5
    assert math.isnan(mean([math.nan]))


def test_rank_keeps_classes_apart_and_leaves_others_out() -> None:
    seen = [picture([(UNIT, 0, 0), (UNIT, 2, 0), (UNIT, 5, 0)], [(UNIT, 0, 0.9), (UNIT, 1, 0.8)])]

    rankings = rank(seen, [2, 1, 0, 4], ious=(0.5,))

    assert {class_id: one.hits.tolist() for class_id, one in rankings.items()} == {
        0: [[True]],
        1: [[False]],
        2: [[]],
        4: [[]],
    }
    assert [one.objects for one in rankings.values()] == [1, 0, 1, 0]


def test_rank_orders_equal_scores_as_the_pictures_came() -> None:
    wrong = picture([(UNIT, 0, 0)], [([50.0, 50, 60, 60], 0, 0.5)])
    right = picture([(UNIT, 0, 0)], [(UNIT, 0, 0.5)])

    first = rank([wrong, right], [0], ious=(0.5,))[0]
    second = rank([right, wrong], [0], ious=(0.5,))[0]

    assert (first.hits.tolist(), second.hits.tolist()) == ([[False, True]], [[True, False]])


def test_rank_counts_the_best_detections_of_a_class() -> None:
    found = [(UNIT, 0, 0.5), ([50.0, 50, 60, 60], 0, 0.7), (UNIT, 1, 0.4)]

    rankings = rank([picture([], found)], [0, 1], max_detections=1)

    assert [one.scores.tolist() for one in rankings.values()] == [[0.7], [0.4]]


def test_a_full_overlap_may_be_a_rounding_short() -> None:
    short = [0.0, 0, 10, 10 * (1 - 1e-11)]

    rankings = rank([picture([(UNIT, 0, 0)], [(short, 0, 0.5)])], [0], ious=(1.0,))

    assert rankings[0].hits.tolist() == [[True]]
