import numpy as np
import pytest

from service.tasks import boxes as boxes_module
from service.tasks.boxes import area, best_first, clip, iou, nms, soft_nms, valid


def corners(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def scored(*values):
    return np.array(values, np.float32)


def iou_of(a, b):
    """The IoU of two boxes in float32, one operation after the other."""
    a, b = [np.float32(v) for v in a], [np.float32(v) for v in b]
    zero = np.float32(0)
    width = max(min(a[2], b[2]) - max(a[0], b[0]), zero)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), zero)
    sizes = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return width * height / (sizes[0] + sizes[1] - width * height)


def is_valid(box, score):
    sides = box[2] - box[0], box[3] - box[1]
    surface = sides[0] * sides[1]
    return min(sides) > 0 and 0 < surface < np.inf and score == score


def greedy_by_force(boxes, scores, class_ids, limit):
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    kept = []
    for i in order:
        if is_valid(boxes[i], scores[i]) and not any(
            class_ids[i] == class_ids[j] and iou_of(boxes[i], boxes[j]) > np.float32(limit)
            for j in kept
        ):
            kept.append(i)
    return kept


def soft_by_force(boxes, scores, class_ids, penalty, threshold):
    left = {i: float(s) for i, s in enumerate(scores) if is_valid(boxes[i], s)}
    taken = []
    while left:
        best = min(left, key=lambda i: (-left[i], i))
        if left[best] < threshold:
            break
        taken.append((best, left.pop(best)))
        for i in left:
            if class_ids[i] == class_ids[best]:
                left[i] *= penalty(float(iou_of(boxes[i], boxes[best])))
    return taken


def crowd(rng, count, *, classes=3, side=12, levels=10):
    """Boxes on a coarse lattice with coarse scores: ties everywhere, IoUs often at the limit."""
    starts = rng.integers(0, side, (count, 2))
    boxes = np.concatenate([starts, starts + rng.integers(0, side, (count, 2))], axis=1)
    scores = rng.integers(0, levels, count) / levels
    return boxes.astype(np.float32), scores.astype(np.float32), rng.integers(0, classes, count)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], []),  # nothing
        ([[0, 0, 2, 3]], [6]),  # an ordinary box
        ([[1, 1, 1, 5], [1, 1, 5, 1]], [0, 0]),  # a line has no area
        ([[4, 4, 1, 1]], [0]),  # swapped corners are not a box turned round
        ([[-2, -2, -1, -1]], [1]),  # outside the picture is a place too
    ],
)
def test_area(boxes, expected):
    assert area(corners(*boxes)).tolist() == expected


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4]),  # inside: unchanged
        ([-5, -5, 300, 200], [0, 0, 30, 20]),  # on all sides
        ([40, 25, 50, 35], [30, 20, 30, 20]),  # wholly outside: an empty box at the corner
    ],
)
def test_clip(box, expected):
    boxes = corners(box)
    assert clip(boxes, (20, 30)).tolist() == [expected]
    assert boxes.tolist() == [box]  # the argument is left alone
    assert clip(corners(), (20, 30)).shape == (0, 4)


@pytest.mark.parametrize(
    ("box", "score", "expected"),
    [
        ([0, 0, 1, 1], 0.5, True),
        ([0, 0, 1, 1], 0.0, True),  # a score of 0 is a score
        ([0, 0, 0, 1], 0.5, False),  # no width
        ([0, 0, 1, 0], 0.5, False),  # no height
        ([3, 3, 1, 1], 0.5, False),  # swapped corners
        ([0, 0, np.nan, 1], 0.5, False),
        ([0, 0, np.inf, 1], 0.5, False),
        ([-np.inf, 0, np.inf, 1], 0.5, False),
        ([np.inf, 0, np.inf, 1], 0.5, False),  # inf - inf
        ([0, 0, 1e30, 1e30], 0.5, False),  # finite, but its area is not
        ([0, 0, 1e-30, 1e-30], 0.5, False),  # positive, but its area is not
        ([0, 0, 1, 1], np.nan, False),
    ],
)
def test_valid(box, score, expected):
    assert valid(corners(box), scored(score)).tolist() == [expected]


def test_valid_of_nothing():
    assert valid(corners(), scored()).tolist() == []


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1),  # the same
        ([0, 0, 10, 10], [10, 0, 20, 10], 0),  # touching
        ([0, 0, 10, 10], [20, 20, 30, 30], 0),  # apart along both axes
        ([0, 0, 10, 10], [0, 5, 10, 15], 1 / 3),  # half over half
        ([0, 0, 10, 10], [2, 2, 4, 4], 0.04),  # one inside the other
        ([0, 0, 0, 0], [0, 0, 0, 0], 0),  # two empty boxes: not NaN
        ([0, 0, 10, 10], [5, 5, 5, 5], 0),  # an empty box inside
    ],
)
def test_iou(a, b, expected):
    assert iou(corners(a), corners(b)) == pytest.approx(expected, abs=1e-6)
    assert iou(corners(b), corners(a)) == pytest.approx(expected, abs=1e-6)


def test_iou_of_nothing():
    assert iou(corners(), corners([0, 0, 1, 1], [0, 0, 2, 2])).shape == (0, 2)
    assert iou(corners([0, 0, 1, 1]), corners()).shape == (1, 0)


def test_iou_equals_one_pair_at_a_time():
    rng = np.random.default_rng(1)
    first, second = (np.sort(rng.random((n, 2, 2)), axis=1).reshape(n, 4) for n in (7, 11))
    first, second = first.astype(np.float32), second.astype(np.float32)
    expected = [[iou_of(a, b) for b in second] for a in first]
    assert iou(first, second).tolist() == expected


@pytest.mark.parametrize("limit", [None, 0, 1, 5, 39, 40, 100])
def test_best_first_is_stable(limit):
    scores = (np.random.default_rng(2).integers(0, 5, 40) / 4).astype(np.float32)
    expected = sorted(range(40), key=lambda i: (-scores[i], i))[:limit]
    assert best_first(scores, limit).tolist() == expected
    assert best_first(scores[:0], limit).tolist() == []


@pytest.mark.parametrize(
    ("boxes", "scores", "class_ids", "limit", "expected"),
    [
        ([], [], [], 0.5, []),  # nothing
        ([[0, 0, 9, 9]], [0.1], [0], 0.5, [0]),  # one
        ([[0, 0, 9, 9], [0, 0, 9, 9]], [0.1, 0.2], [0, 0], 0.5, [1]),  # the better of a pair
        ([[0, 0, 9, 9], [0, 0, 9, 9]], [0.2, 0.2], [0, 0], 0.5, [0]),  # of equals the first
        ([[0, 0, 9, 9], [0, 0, 9, 9]], [0.1, 0.2], [0, 1], 0.5, [1, 0]),  # two classes
        ([[0, 0, 9, 9], [0, 0, 9, 9]], [0.1, 0.2], None, 0.5, [1]),  # across classes
        ([[0, 0, 9, 9], [0, 0, 9, 9]], [0.1, 0.2], [0, 0], 1.0, [1, 0]),  # limit 1 keeps all
        ([[0, 0, 9, 9], [8, 8, 19, 19]], [0.1, 0.2], [0, 0], 0.0, [1]),  # limit 0: any overlap
        ([[0, 0, 9, 9], [9, 0, 18, 9]], [0.1, 0.2], [0, 0], 0.0, [1, 0]),  # touching is none
        # A drops B, so B cannot drop C: that is what makes it greedy.
        ([[0, 0, 10, 9], [3, 0, 13, 9], [6, 0, 16, 9]], [0.9, 0.8, 0.7], [0, 0, 0], 0.5, [0, 2]),
        ([[5, 5, 5, 9], [0, 0, 9, 9]], [0.9, 0.1], [0, 0], 0.5, [1]),  # an empty box is dropped
        ([[0, 0, 9, 9], [0, 0, 9, 9]], [np.nan, 0.1], [0, 0], 0.5, [1]),  # and an unscored one
    ],
)
def test_nms(boxes, scores, class_ids, limit, expected):
    class_ids = None if class_ids is None else np.array(class_ids, np.intp)
    assert nms(corners(*boxes), scored(*scores), class_ids, iou_limit=limit).tolist() == expected


@pytest.mark.parametrize(
    ("limit", "shared"), [(0.05, 2), (0.1, 4), (0.3, 12), (0.45, 18), (0.6, 24), (0.7, 28)]
)
def test_nms_keeps_a_pair_exactly_at_the_limit(limit, shared):
    # Two boxes of height 1 that cover 40 pixels together and `shared` of them both.
    pair = corners([0, 0, shared + 5, 1], [5, 0, 40, 1])
    assert nms(pair, scored(0.5, 0.5), iou_limit=limit).tolist() == [0, 1]
    assert nms(pair, scored(0.5, 0.5), iou_limit=limit - 1e-6).tolist() == [0]


@pytest.mark.parametrize("seed", range(60))
def test_nms_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    boxes, scores, class_ids = crowd(rng, int(rng.integers(0, 50)))
    limit = float(rng.choice([0, 0.2, 0.25, 1 / 3, 0.45, 0.5, 0.75, 1]))
    expected = greedy_by_force(boxes, scores, class_ids, limit)
    assert nms(boxes, scores, class_ids, iou_limit=limit).tolist() == expected
    expected = greedy_by_force(boxes, scores, np.zeros(len(boxes)), limit)
    assert nms(boxes, scores, iou_limit=limit).tolist() == expected


@pytest.mark.parametrize("classes", [1, 4, 40])
def test_nms_equals_brute_force_across_blocks(monkeypatch, classes):
    # Small blocks and chunks, so that classes begin, go on and end everywhere in them.
    monkeypatch.setattr(boxes_module, "_BLOCK", 7)
    monkeypatch.setattr(boxes_module, "_CHUNK", 5)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        boxes, scores, class_ids = crowd(rng, 90, classes=classes, side=30)
        expected = greedy_by_force(boxes, scores, class_ids, 0.25)
        assert nms(boxes, scores, class_ids, iou_limit=0.25).tolist() == expected


def test_nms_of_thousands_equals_brute_force():
    rng = np.random.default_rng(3)
    boxes, scores, class_ids = crowd(rng, 2000, classes=5, side=900, levels=400)
    kept = nms(boxes, scores, class_ids, iou_limit=0.4)
    overlaps = iou(boxes, boxes) > np.float32(0.4)
    overlaps &= class_ids[:, None] == class_ids
    expected = []
    for i in sorted(np.flatnonzero(valid(boxes, scores)), key=lambda i: (-scores[i], i)):
        if not overlaps[i, expected].any():
            expected.append(i)
    assert kept.tolist() == expected
    assert len(kept) > 512 + 128  # more than a block and a chunk


def test_nms_is_exact_far_from_the_origin():
    # Adding class * offset to such coordinates would round their differences away.
    rng = np.random.default_rng(4)
    boxes, scores, class_ids = crowd(rng, 60)
    far, many = boxes + np.float32(2**20), class_ids * 100_000
    assert (
        nms(far, scores, many, iou_limit=0.3).tolist()
        == nms(boxes, scores, class_ids, iou_limit=0.3).tolist()
    )


def test_nms_of_huge_boxes_warns_of_nothing():
    # Each area is a finite float32, their sum is not; nor is the distance of the last two.
    boxes = corners(
        [0, 0, 1.8e19, 1.8e19], [0, 0, 1.7e19, 1.8e19], [-3e38, 0, 0, 1], [1, 0, 3e38, 1]
    )
    assert nms(boxes, scored(0.9, 0.8, 0.7, 0.6), iou_limit=0.5).tolist() == [0, 1, 2, 3]


PENALTIES = {
    "linear": lambda overlap: 1 - overlap if overlap > np.float32(0.3) else 1,
    "gaussian": lambda overlap: np.exp(-(overlap**2) / 0.5),
}


@pytest.mark.parametrize("decay", PENALTIES)
@pytest.mark.parametrize("across", [False, True], ids=["per class", "across classes"])
@pytest.mark.parametrize("seed", range(12))
def test_soft_nms_equals_brute_force(decay, across, seed):
    rng = np.random.default_rng(seed)
    boxes, scores, class_ids = crowd(rng, int(rng.integers(0, 40)))
    threshold = float(rng.choice([0, 0.001, 0.2]))
    groups = np.zeros(len(boxes)) if across else class_ids
    expected = soft_by_force(boxes, scores, groups, PENALTIES[decay], threshold)
    kept, left = soft_nms(
        boxes,
        scores,
        None if across else class_ids,
        decay=decay,
        iou_limit=0.3,
        sigma=0.5,
        score_threshold=threshold,
    )
    # Scores that round to the same float32 on one side only may change places.
    assert sorted(kept.tolist()) == sorted(i for i, _ in expected)
    by_force = dict(expected)
    assert left == pytest.approx([by_force[i] for i in kept.tolist()], abs=1e-6)
    assert (np.diff(left) <= 0).all()


def test_soft_nms_lowers_what_hard_nms_drops():
    boxes = corners([0, 0, 10, 10], [0, 0, 10, 8], [20, 20, 30, 30])
    kept, left = soft_nms(boxes, scored(0.9, 0.8, 0.5), decay="linear")
    assert kept.tolist() == [0, 2, 1]
    assert left == pytest.approx([0.9, 0.5, 0.8 * (1 - 0.8)])


def test_soft_nms_takes_the_first_of_equals():
    # Both decayed and untouched boxes end at a half: input order decides, not who was taken when.
    boxes = corners([0, 0, 1, 1], [10, 0, 20, 10], [10, 0, 20, 5], [40, 0, 41, 1])
    kept, left = soft_nms(boxes, scored(0.5, 1, 1, 0.5), decay="linear")
    assert kept.tolist() == [1, 0, 2, 3]
    assert left.tolist() == [1, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("function", [nms, lambda *a, **k: soft_nms(*a, decay="linear", **k)])
def test_wrong_arguments(function):
    boxes = corners([0, 0, 1, 1])
    with pytest.raises(ValueError, match="iou_limit"):
        function(boxes, scored(1), iou_limit=1.1)
    for wrong in ([scored(1, 1)], [scored(1), np.array([1, 2])]):
        with pytest.raises(ValueError, match="length"):
            function(boxes, *wrong, iou_limit=0.5)
