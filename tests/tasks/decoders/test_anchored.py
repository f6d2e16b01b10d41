import math

import numpy as np
import pytest
from pydantic import ValidationError

from service.tasks.base import ConfigError
from service.tasks.decoders import decode
from tests.tasks.decoders.reference import (
    THRESHOLDS,
    assert_same,
    box_around,
    class_values,
    classes_of,
    config_of,
    probabilities,
    raw,
    same,
    sigma,
    softmax_of,
)

SEEDS = range(4)


def shuffled(grid, layout, *, joined):
    """An (A, H, W, V) head in one of the layouts that exports have."""
    anchors, height, width, values = grid.shape
    if layout == "anchors_first":
        return grid
    if layout == "channels_first":
        head = grid.transpose(0, 3, 1, 2)
        return head.reshape(anchors * values, height, width) if joined else head
    head = grid.transpose(1, 2, 0, 3)
    return head.reshape(height, width, anchors * values) if joined else head


def random_head(rng, classes):
    """A random head of random size, its anchors, and the size of the input."""
    anchors, height, width = rng.integers(1, 5, 3)
    head = raw(rng, anchors, height, width, 5 + classes)
    head[..., :4] = rng.normal(0, 1, head[..., :4].shape)
    shapes = tuple((float(w), float(h)) for w, h in rng.uniform(0.5, 9, (anchors, 2)))
    stride = int(rng.choice([8, 32]))
    return head, shapes, stride, (int(height) * stride, int(width) * stride)


def by_cell(head):
    anchors, height, width, _ = head.shape
    for anchor in range(anchors):
        for row in range(height):
            for column in range(width):
                yield anchor, row, column, [float(v) for v in head[anchor, row, column]]


def yolov2_by_loops(head, anchors, stride, threshold, *, applied=(), activate_classes=softmax_of):
    """YOLO9000, section 2: b_x = sigma(t_x) + c_x, b_w = p_w exp(t_w), in cells."""
    found = []
    place = same if "boxes" in applied else sigma
    for anchor, row, column, (x, y, w, h, p, *classes) in by_cell(head):
        score = p if "objectness" in applied else sigma(p)
        given = [1.0] if not classes else classes if "classes" in applied else None
        given = given or activate_classes(classes)
        box = box_around(
            (place(x) + column) * stride,
            (place(y) + row) * stride,
            anchors[anchor][0] * math.exp(w) * stride,
            anchors[anchor][1] * math.exp(h) * stride,
        )
        chosen = classes_of(given, threshold, objectness=score)
        found += [(box, number, score) for number, score in chosen]
    return found


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("classes", [0, 1, 7])
def test_yolov2_equals_loops(classes, seed, threshold):
    rng = np.random.default_rng(seed)
    head, anchors, stride, size = random_head(rng, classes)
    config = config_of("yolov2", output="grid", anchors=anchors, num_classes=classes)
    head[..., 5:] = np.minimum(head[..., 5:], 9)  # a softmax over several 45s is never 1
    outputs = {"grid": shuffled(head, "channels_first", joined=True)}
    found = decode(outputs, config, input_size=size, score_threshold=threshold)
    assert_same(found, yolov2_by_loops(head, anchors, stride, threshold))


def test_yolov2_of_the_worked_example():
    # 608 x 608: 19 x 19 cells of 32 pixels, 5 anchors, 80 classes; one object in cell (7, 4).
    grid = np.full((19, 19, 5, 85), -20, np.float32)
    grid[4, 7, 3] = [0, 0, math.log(2), 0, 20, *[0] * 80]
    grid[4, 7, 3, 5 + 17] = 20
    anchors = [(1, 1), (2, 2), (3, 3), (4, 5), (6, 6)]
    config = config_of(
        "yolov2", output="grid", anchors=anchors, num_classes=80, layout="channels_last"
    )
    config.check({"grid": (1, 19, 19, 5, 85)}, (608, 608))
    found = decode({"grid": grid}, config, input_size=(608, 608), score_threshold=0.5)
    assert found.class_ids.tolist() == [17]
    assert found.scores == pytest.approx([1], abs=1e-4)
    centre, extent = (7.5 * 32, 4.5 * 32), (8 * 32, 5 * 32)
    assert found.boxes == pytest.approx(np.array([box_around(*centre, *extent)]))


@pytest.mark.parametrize("applied", [("boxes",), ("objectness", "classes")])
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("layout", ["channels_first", "channels_last", "anchors_first"])
def test_every_layout_and_activation(layout, joined, applied):
    rng = np.random.default_rng(5)
    head, anchors, stride, size = random_head(rng, 3)
    if "classes" in applied:
        head[..., 4:] = probabilities(rng, *head[..., 4:].shape)
    config = config_of(
        "yolov2", output="grid", anchors=anchors, num_classes=3, layout=layout,
        applied=applied, class_activation="sigmoid",
    )  # fmt: skip
    outputs = {"grid": shuffled(head, layout, joined=joined)}
    found = decode(outputs, config, input_size=size, score_threshold=0.2)
    expected = yolov2_by_loops(
        head, anchors, stride, 0.2, applied=applied,
        activate_classes=lambda values: [sigma(v) for v in values],
    )  # fmt: skip
    assert_same(found, expected)


def yolov3_by_loops(head, anchors, stride, threshold, scale, *, multi_label):
    """YOLOv3, section 2, with the centre of YOLOv4: s sigma(t_x) - (s - 1) / 2 + c_x."""
    found = []
    for anchor, row, column, (x, y, w, h, p, *classes) in by_cell(head):
        box = box_around(
            (scale * sigma(x) - (scale - 1) / 2 + column) * stride,
            (scale * sigma(y) - (scale - 1) / 2 + row) * stride,
            anchors[anchor][0] * math.exp(w),
            anchors[anchor][1] * math.exp(h),
        )
        chosen = classes_of(
            [sigma(c) for c in classes], threshold, objectness=sigma(p), multi_label=multi_label
        )
        found += [(box, number, score) for number, score in chosen]
    return found


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_yolov3_equals_loops(seed, multi_label, threshold):
    rng = np.random.default_rng(seed)
    outputs, heads, expected = {}, [], []
    height, width = (int(n) for n in rng.integers(1, 4, 2))
    for number, (stride, scale) in enumerate([(32, 1.0), (16, 1.05), (8, 1.2)]):
        anchors = [(float(w), float(h)) for w, h in rng.uniform(5, 90, (3, 2))]
        head = raw(rng, 3, height * 32 // stride, width * 32 // stride, 9)
        head[..., :4] = rng.normal(0, 1, head[..., :4].shape)
        head[..., 5:] = class_values(rng, *head.shape[:3], 4)
        outputs[f"head{number}"] = shuffled(head, "channels_first", joined=number == 0)
        heads.append({"output": f"head{number}", "anchors": anchors, "scale_x_y": scale})
        expected += yolov3_by_loops(
            head, anchors, stride, threshold, scale, multi_label=multi_label
        )
    config = config_of("yolov3", heads=heads, num_classes=4, multi_label=multi_label)
    size = (height * 32, width * 32)
    shapes = {name: (None, *head.shape) for name, head in outputs.items()}
    config.check(shapes, size)
    assert_same(decode(outputs, config, input_size=size, score_threshold=threshold), expected)


def yolov5_by_loops(head, anchors, stride, threshold):
    """YOLOv5: (2 sigma(t_x) - 0.5 + c_x) * stride, p_w (2 sigma(t_w))^2."""
    found = []
    for anchor, row, column, (x, y, w, h, p, *classes) in by_cell(head):
        box = box_around(
            (2 * sigma(x) - 0.5 + column) * stride,
            (2 * sigma(y) - 0.5 + row) * stride,
            anchors[anchor][0] * (2 * sigma(w)) ** 2,
            anchors[anchor][1] * (2 * sigma(h)) ** 2,
        )
        chosen = classes_of([sigma(c) for c in classes], threshold, objectness=sigma(p))
        found += [(box, number, score) for number, score in chosen]
    return found


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("layout", ["channels_first", "anchors_first"])
@pytest.mark.parametrize("seed", SEEDS)
def test_yolov5_heads_equal_loops(seed, layout, threshold):
    rng = np.random.default_rng(seed)
    head, anchors, stride, size = random_head(rng, 3)
    head[..., 5:] = class_values(rng, *head.shape[:3], 3)
    heads = [{"output": "head", "anchors": anchors}]
    config = config_of("yolov5", heads=heads, num_classes=3, layout=layout)
    outputs = {"head": shuffled(head, layout, joined=True)}
    found = decode(outputs, config, input_size=size, score_threshold=threshold)
    assert_same(found, yolov5_by_loops(head, anchors, stride, threshold))


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("multi_label", [False, True])
def test_yolov5_joined_equals_loops(multi_label, threshold):
    rng = np.random.default_rng(6)
    rows = probabilities(rng, 60, 5 + 6)
    rows[:, :4] = rng.uniform(1, 600, (60, 4))
    expected = []
    for x, y, w, h, p, *classes in rows.tolist():
        chosen = classes_of(classes, threshold, objectness=p, multi_label=multi_label)
        expected += [(box_around(x, y, w, h), number, score) for number, score in chosen]
    config = config_of("yolov5", output="rows", num_classes=6, multi_label=multi_label)
    found = decode({"rows": rows}, config, input_size=(640, 640), score_threshold=threshold)
    assert_same(found, expected)


def test_a_box_may_be_infinite_but_never_a_warning():
    head = np.full((6, 1, 1), 200, np.float32)
    config = config_of("yolov2", output="head", anchors=[(1, 1)], num_classes=1)
    found = decode({"head": head}, config, input_size=(32, 32), score_threshold=0.5)
    assert np.isinf(found.boxes).all()


ANCHORS = [(10, 13), (16, 30), (33, 23)]
HEADS = {"heads": [{"output": "a", "anchors": ANCHORS}]}


@pytest.mark.parametrize(
    ("keys", "shapes", "wrong"),
    [
        ({}, {}, "heads.0.output: a is not"),  # no such output
        ({}, {"a": (1, 85)}, "layout"),  # not a grid at all
        ({"layout": "anchors_first"}, {"a": (1, 255, 13, 13)}, "layout"),  # three axes, not four
        ({}, {"a": (1, 13, 13, 255)}, "layout"),  # read as 13 channels of a 13 x 255 grid
        ({}, {"a": (1, 3, 85, 13, 14)}, "layout"),  # 14 does not divide 416
        ({}, {"a": (1, 256, 13, 13)}, "heads.0.anchors"),  # 3 anchors do not divide 256
        ({}, {"a": (1, 5, 85, 13, 13)}, "heads.0.anchors"),  # 5 anchors
        ({}, {"a": (1, 3, 25, 13, 13)}, "num_classes"),  # 20 classes
        ({}, {"a": (1, 75, 13, 13)}, "num_classes"),  # the same, joined
        ({"layout": "channels_last"}, {"a": (1, 13, 13, 75)}, "num_classes"),
        ({"layout": "anchors_first"}, {"a": (1, 3, 13, 13, 25)}, "num_classes"),
    ],
)
@pytest.mark.parametrize("decoder", ["yolov3", "yolov5"])
def test_check_names_the_key(decoder, keys, shapes, wrong):
    config = config_of(decoder, num_classes=80, **HEADS, **keys)
    with pytest.raises(ConfigError, match=f"^{wrong}"):
        config.check(shapes, (416, 416))


@pytest.mark.parametrize(
    ("shape", "wrong"),
    [
        ((1, 425), "layout"),
        ((1, 425, 20, 19), "layout"),  # 20 does not divide 608
        ((1, 424, 19, 19), "anchors"),
        ((1, 125, 19, 19), "num_classes"),
    ],
)
def test_check_of_yolov2_names_the_key(shape, wrong):
    config = config_of("yolov2", output="a", anchors=ANCHORS + ANCHORS[:2], num_classes=80)
    with pytest.raises(ConfigError) as caught:
        config.check({"a": shape}, (608, 608))
    assert caught.value.key == wrong


@pytest.mark.parametrize(
    ("shape", "wrong"),
    [((1, 85, 25200, 1), "output"), ((1, 25200, 25), "num_classes")],
)
def test_check_of_joined_rows_names_the_key(shape, wrong):
    config = config_of("yolov5", output="a", num_classes=80)
    config.check({"a": ("batch", 25200, 85)}, (640, 640))
    with pytest.raises(ConfigError) as caught:
        config.check({"a": shape}, (640, 640))
    assert caught.value.key == wrong


@pytest.mark.parametrize(
    "shape",
    [
        ("N", None, "height", "width"),  # nothing known but the number of axes
        (1, 255, None, 13),
        (1, 3, 85, "h", "w"),
        (1, None, None, 13, 13),
    ],
)
def test_check_lets_unknown_dimensions_pass(shape):
    config_of("yolov3", num_classes=80, **HEADS).check({"a": shape}, (416, 416))


@pytest.mark.parametrize("keys", [{}, {"output": "a", **HEADS}])
def test_yolov5_is_joined_or_raw(keys):
    with pytest.raises(ValidationError, match="either the joined output or the heads"):
        config_of("yolov5", num_classes=80, **keys)
