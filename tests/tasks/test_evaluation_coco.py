"""Average precision beside pycocotools, on random data sets full of ties and crowds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pycocotools import mask

from service.tasks.evaluation import (
    F64,
    Counts,
    Judged,
    Objects,
    average_precision,
    best_threshold,
    count,
    overlap,
    rank,
)
from tests.tasks.test_evaluation import UNIT, picture
from tools.evaluate.detect import coco_precisions

SIDE, CLASSES = 100, 5
Place = Callable[[np.random.Generator, int], F64]


def lattice(rng: np.random.Generator, number: int) -> F64:
    """Return boxes on a coarse lattice: equal overlaps, and overlaps at the thresholds, abound."""
    corners = rng.integers(0, 8, (number, 2)) * 10.0
    return np.concatenate([corners, corners + rng.integers(1, 5, (number, 2)) * 10.0], axis=1)


def anywhere(rng: np.random.Generator, number: int) -> F64:
    corners = rng.uniform(0, SIDE, (number, 2))
    return np.concatenate([corners, corners + rng.uniform(1, SIDE / 2, (number, 2))], axis=1)


def random_pictures(
    rng: np.random.Generator,
    place: Place = lattice,
    *,
    most: int = 25,
) -> list[Judged]:
    """Return pictures, some empty, with crowds, tied scores, and one class without objects."""
    seen = []
    for _ in range(12):
        objects, alarms = rng.integers(0, 12), rng.integers(0, most)
        there = place(rng, objects)
        moved = there[rng.random(objects) < 0.7] + rng.integers(-3, 4, 4)
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        found = np.concatenate([moved, place(rng, alarms)])
        seen.append(
            Judged(
                objects=Objects(
                    boxes=there,
                    class_ids=rng.integers(0, CLASSES - 1, objects),
                    crowd=rng.random(objects) < 0.15,
                ),
                boxes=found,
                scores=rng.integers(1, 20, len(found)) / 20,
                class_ids=rng.integers(0, CLASSES, len(found)),
            )
        )
    return seen


def in_coco_words(seen: list[Judged]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the same data set, and the detections, as pycocotools takes them."""

    def sides(corners: F64) -> list[list[float]]:
        return [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in corners.tolist()]

    annotations: list[dict[str, Any]] = []
    detections: list[dict[str, Any]] = []
    for number, one in enumerate(seen):
        there = one.objects
        rows = zip(sides(there.boxes), there.class_ids.tolist(), there.crowd.tolist(), strict=True)
        annotations += [
            {
                "id": len(annotations) + place,
                "image_id": number,
                "category_id": class_id,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": int(crowd),
            }
            for place, (box, class_id, crowd) in enumerate(rows, 1)
        ]
        found = zip(sides(one.boxes), one.class_ids.tolist(), one.scores.tolist(), strict=True)
        detections += [
            {"image_id": number, "category_id": class_id, "bbox": box, "score": score}
            for box, class_id, score in found
        ]
    dataset = {
        "images": [{"id": number} for number in range(len(seen))],
        "categories": [{"id": index, "name": str(index)} for index in range(CLASSES)],
        "annotations": annotations,
    }
    return dataset, detections


def test_overlap_is_that_of_pycocotools() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 50, (60, 2))
    sizes = rng.uniform(0, 50, (60, 2))
    crowd = rng.random(30) < 0.3
    found, objects = np.split(np.concatenate([corners, corners + sizes], axis=1), 2)
    theirs = np.concatenate([corners, sizes], axis=1)

    shares = overlap(found, objects, crowd)

    expected = mask.iou(theirs[:30], theirs[30:], crowd.astype(int).tolist())
    np.testing.assert_allclose(shares, expected, rtol=1e-9, atol=1e-12)


def test_best_threshold_is_found_by_trying_all() -> None:
    seen = random_pictures(np.random.default_rng(5))
    rankings = rank(seen, range(CLASSES), ious=(0.5,)).values()

    def f1(threshold: float) -> float:
        return sum((count(one, threshold) for one in rankings), Counts()).f1

    best = max(f1(score) for one in rankings for score in one.scores.tolist())
    assert f1(best_threshold(rankings)) == best > 0


@pytest.mark.parametrize("place", [lattice, anywhere])
@pytest.mark.parametrize("seed", range(10))
def test_average_precision_is_that_of_pycocotools(place: Place, seed: int) -> None:
    seen = random_pictures(np.random.default_rng(seed), place)
    theirs = coco_precisions(*in_coco_words(seen))

    ours = [average_precision(one) for one in rank(seen, range(CLASSES)).values()]

    expected = theirs.mean(axis=1).T
    assert (expected[-1] == -1).all()  # nobody annotated the last class
    expected[expected < 0] = np.nan
    np.testing.assert_allclose(ours, expected, atol=1e-6, rtol=0)
    assert 0 < np.nanmean(ours) < 1


def test_average_precision_is_that_of_pycocotools_beyond_the_limit_of_a_picture() -> None:
    seen = random_pictures(np.random.default_rng(1), most=900)
    assert max(int(np.bincount(one.class_ids).max()) for one in seen) > 100
    theirs = coco_precisions(*in_coco_words(seen))

    ours = [average_precision(one) for one in rank(seen, range(CLASSES)).values()]

    np.testing.assert_allclose(ours[:-1], theirs.mean(axis=1).T[:-1], atol=1e-6, rtol=0)


def test_average_precision_is_that_of_pycocotools_when_nothing_is_found() -> None:
    seen = [picture([(UNIT, 0, 0), (UNIT, 1, 1)], [])]
    theirs = coco_precisions(*in_coco_words(seen))

    first, second, *_ = [average_precision(one) for one in rank(seen, range(CLASSES)).values()]

    assert (first == 0).all()
    assert (theirs[:, :, 0] == 0).all()
    assert np.isnan(second).all()  # only a crowd: nothing to be found
    assert (theirs[:, :, 1] == -1).all()
