import numpy as np
import pytest

from service.tasks.boxes import nms, soft_nms
from service.tasks.decoders.candidates import Candidates, select

# Two that overlap by two thirds, one of another class on top, and one apart.
BOXES = [[0, 0, 10, 10], [2, 0, 12, 10], [0, 0, 10, 10], [50, 0, 60, 10]]


def candidates(boxes=BOXES, scores=(0.9, 0.8, 0.7, 0.6), class_ids=(0, 0, 1, 0)):
    return Candidates(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        class_ids=np.array(class_ids, np.intp),
    )


NOTHING = candidates([], [], [])


@pytest.mark.parametrize("suppression", ["greedy", "soft_linear", "soft_gaussian", "none"])
def test_nothing_in_nothing_out(suppression):
    selection = select(NOTHING, suppression=suppression, classes=[1])
    assert len(selection.detections) == 0
    assert selection.detections.boxes.shape == (0, 4)
    assert not selection.truncated


@pytest.mark.parametrize(
    ("keys", "scores", "truncated"),
    [
        ({}, [0.9, 0.7, 0.6], False),  # the second overlaps the first
        ({"iou_limit": 0.7}, [0.9, 0.8, 0.7, 0.6], False),
        ({"class_agnostic": True}, [0.9, 0.6], False),
        ({"suppression": "none"}, [0.9, 0.8, 0.7, 0.6], False),
        ({"classes": [1]}, [0.7], False),
        ({"classes": {1, 7}}, [0.7], False),
        ({"classes": []}, [], False),
        ({"max_detections": 2}, [0.9, 0.7], True),
        ({"max_detections": 3}, [0.9, 0.7, 0.6], False),
        ({"max_detections": 0}, [], True),
        ({"max_candidates": 4}, [0.9, 0.7, 0.6], False),
        ({"max_candidates": 3}, [0.9, 0.7], True),  # the cap comes before suppression
        ({"max_candidates": 3, "classes": [0]}, [0.9, 0.6], False),  # and after the filter
    ],
)
def test_select(keys, scores, truncated):
    selection = select(candidates(), **keys)
    assert selection.detections.scores == pytest.approx(scores)
    assert selection.truncated is truncated


def test_the_cap_is_stable():
    equal = candidates([[x, 0, x + 1, 1] for x in range(0, 20, 2)], [0.5] * 10, [0] * 10)
    assert select(equal, max_candidates=4).detections.boxes[:, 0].tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("suppression", ["greedy", "soft_linear", "soft_gaussian", "none"])
def test_invalid_boxes_are_dropped(suppression):
    boxes = [[0, 0, 0, 5], [0, 0, np.inf, 5], [np.nan] * 4, [0, 0, 5, 5]]
    found = candidates(boxes, [0.9, 0.8, 0.7, 0.6], [0, 0, 0, 0])
    assert select(found, suppression=suppression).detections.boxes.tolist() == [[0, 0, 5, 5]]


@pytest.mark.parametrize("class_agnostic", [False, True])
@pytest.mark.parametrize("decay", ["linear", "gaussian"])
def test_soft_suppression(decay, class_agnostic):
    found = candidates()
    options = {"iou_limit": 0.4, "sigma": 0.3, "score_threshold": 0.1}
    groups = None if class_agnostic else found.class_ids
    kept, scores = soft_nms(found.boxes, found.scores, groups, decay=decay, **options)
    detections = select(
        found, suppression=f"soft_{decay}", class_agnostic=class_agnostic, **options
    ).detections
    assert detections.scores.tolist() == scores.tolist()
    assert detections.boxes.tolist() == found.boxes[kept].tolist()
    assert detections.class_ids.tolist() == found.class_ids[kept].tolist()
    assert found.scores == pytest.approx([0.9, 0.8, 0.7, 0.6])  # left alone


def test_a_crowd_is_cut_to_its_best():
    rng = np.random.default_rng(16)
    corners = rng.uniform(0, 600, (9000, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(4, 60, (9000, 2))], axis=1)
    found = candidates(boxes, rng.random(9000), rng.integers(0, 80, 9000))
    selection = select(found, max_detections=10_000)
    best = np.argsort(-found.scores, kind="stable")[:3000]
    kept = best[nms(found.boxes[best], found.scores[best], found.class_ids[best], iou_limit=0.45)]
    assert selection.truncated
    assert selection.detections.boxes.tolist() == found.boxes[kept].tolist()


def test_take_and_join():
    found = candidates()
    assert found.take(np.array([3, 1])).scores == pytest.approx([0.6, 0.8])
    joined = Candidates.join([found.take(np.array([0, 1])), NOTHING, found.take(np.array([2, 3]))])
    assert joined.boxes.tolist() == BOXES
    assert joined.scores.tolist() == found.scores.tolist()
    assert joined.class_ids.tolist() == [0, 0, 1, 0]


def test_wrong_limit():
    with pytest.raises(ValueError, match="iou_limit"):
        select(candidates(), iou_limit=1.5)
