import math

import numpy as np
import pytest

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


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("activation", ["sigmoid", "none"])
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_yolov8_equals_loops(layout, activation, multi_label, threshold):
    rng = np.random.default_rng(7)
    boxes = rng.uniform(0, 90, (70, 4)).astype(np.float32)
    classes = (class_values if activation == "sigmoid" else probabilities)(rng, 70, 5)
    expected = []
    for (x, y, w, h), values in zip(boxes.tolist(), classes.tolist(), strict=True):
        scores = [(sigma if activation == "sigmoid" else same)(v) for v in values]
        chosen = classes_of(scores, threshold, multi_label=multi_label)
        expected += [(box_around(x, y, w, h), number, score) for number, score in chosen]
    rows = np.concatenate([boxes, classes], axis=1)
    config = config_of(
        "yolov8", output="a", num_classes=5, layout=layout, activation=activation,
        multi_label=multi_label,
    )  # fmt: skip
    outputs = {"a": np.ascontiguousarray(rows.T) if layout == "channels_first" else rows}
    found = decode(outputs, config, input_size=(64, 64), score_threshold=threshold)
    assert_same(found, expected)


def test_yolov8_of_corners_and_fractions():
    rows = np.array([[0.25, 0.5, 0.75, 1, 0.9]], np.float32)
    config = config_of("yolov8", output="a", num_classes=1, box_format="xyxy", normalized=True)
    found = decode({"a": rows.T}, config, input_size=(100, 200), score_threshold=0.5)
    assert found.boxes.tolist() == [[50, 50, 150, 100]]


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("applied", [(), ("objectness",), ("objectness", "classes")])
def test_yolox_equals_loops(applied, multi_label, threshold):
    rng = np.random.default_rng(8)
    strides, size = (8, 16, 32), (64, 96)
    cells = [
        (column, row, stride)
        for stride in strides
        for row in range(size[0] // stride)
        for column in range(size[1] // stride)
    ]
    rows = raw(rng, len(cells), 5 + 4)
    rows[:, :4] = rng.normal(0, 1, (len(cells), 4))
    if "objectness" in applied:
        rows[:, 4] = probabilities(rng, len(cells))
    rows[:, 5:] = class_values(rng, len(cells), 4)
    if "classes" in applied:
        rows[:, 5:] = probabilities(rng, len(cells), 4)
    expected = []
    for (column, row, stride), (x, y, w, h, p, *classes) in zip(cells, rows.tolist(), strict=True):
        p = p if "objectness" in applied else sigma(p)
        scores = [c if "classes" in applied else sigma(c) for c in classes]
        box = box_around(
            (column + x) * stride,
            (row + y) * stride,
            math.exp(w) * stride,
            math.exp(h) * stride,
        )
        chosen = classes_of(scores, threshold, objectness=p, multi_label=multi_label)
        expected += [(box, number, score) for number, score in chosen]
    config = config_of("yolox", output="a", num_classes=4, applied=applied, multi_label=multi_label)
    config.check({"a": ("N", *rows.shape)}, size)
    found = decode({"a": rows}, config, input_size=size, score_threshold=threshold)
    assert_same(found, expected)


def test_yolox_box_may_be_infinite_but_never_a_warning():
    rows = np.array([[0, 0, 99, 99, 1, 1]], np.float32)
    config = config_of("yolox", output="a", num_classes=1, strides=[32])
    found = decode({"a": rows}, config, input_size=(32, 32), score_threshold=0.5)
    assert np.isinf(found.boxes).all()


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("activation", ["sigmoid", "none"])
@pytest.mark.parametrize(("offset", "multi_label"), [(0.5, False), (0.0, True)])
def test_nanodet_equals_loops(offset, multi_label, activation, threshold):
    rng = np.random.default_rng(9)
    outputs, levels, expected, size = {}, [], [], (50, 70)  # 50 and 70: the last cells are partial
    for stride in (16, 32):
        rows, columns = math.ceil(size[0] / stride), math.ceil(size[1] / stride)
        values = class_values if activation == "sigmoid" else probabilities
        classes = values(rng, rows * columns, 3)
        bins = rng.normal(0, 2, (rows * columns, 4 * 11)).astype(np.float32)
        outputs |= {f"s{stride}": classes, f"d{stride}": bins}
        levels.append({"scores": f"s{stride}", "distances": f"d{stride}", "stride": stride})
        for cell in range(rows * columns):
            x = (cell % columns + offset) * stride
            y = (cell // columns + offset) * stride
            sides = []
            for side in range(4):
                weights = softmax_of(bins[cell, side * 11 : side * 11 + 11].tolist())
                sides.append(sum(n * weight for n, weight in enumerate(weights)) * stride)
            left, top, right, bottom = sides
            box = (x - left, y - top, x + right, y + bottom)
            scores = classes[cell].tolist()
            scores = [sigma(s) for s in scores] if activation == "sigmoid" else scores
            chosen = classes_of(scores, threshold, multi_label=multi_label)
            expected += [(box, number, score) for number, score in chosen]
    config = config_of(
        "nanodet", levels=levels, num_classes=3, reg_max=10, cell_offset=offset,
        activation=activation, multi_label=multi_label,
    )  # fmt: skip
    config.check({name: (1, *value.shape) for name, value in outputs.items()}, size)
    found = decode(outputs, config, input_size=size, score_threshold=threshold)
    assert_same(found, expected)


@pytest.mark.parametrize(
    ("keys", "shape", "wrong"),
    [
        ({}, None, "output"),
        ({}, (1, 84), "output"),  # one axis
        ({}, (1, 8400, 84), "layout"),  # the other way round
        ({"layout": "channels_last"}, (1, 84, 8400), "layout"),
        ({"num_classes": 3}, (1, 84, 8400), "num_classes"),
        ({}, (1, 84, 3549), "strides"),  # the cells of a 416 x 416 input
    ],
)
def test_check_of_yolov8_names_the_key(keys, shape, wrong):
    config = config_of("yolov8", **{"output": "a", "num_classes": 80, **keys})
    with pytest.raises(ConfigError) as caught:
        config.check({} if shape is None else {"a": shape}, (640, 640))
    assert caught.value.key == wrong


@pytest.mark.parametrize(
    ("keys", "shape", "wrong"),
    [
        ({}, (1, 85), "output"),
        ({}, (1, 8400, 85), "strides"),  # the cells of a 640 x 640 input
        ({"strides": [8, 16]}, (1, 3549, 85), "strides"),
        ({"num_classes": 1}, (1, 3549, 85), "num_classes"),
    ],
)
def test_check_of_yolox_names_the_key(keys, shape, wrong):
    config = config_of("yolox", **{"output": "a", "num_classes": 80, **keys})
    with pytest.raises(ConfigError) as caught:
        config.check({"a": shape}, (416, 416))
    assert caught.value.key == wrong


@pytest.mark.parametrize(
    ("scores", "distances", "wrong"),
    [
        (None, (1, 169, 44), "levels.0.scores"),
        ((1, 169, 80), None, "levels.0.distances"),
        ((1, 13, 13, 80), (1, 169, 44), "levels.0.scores"),
        ((1, 169, 80), (1, 13, 13, 44), "levels.0.distances"),
        ((1, 676, 80), (1, 676, 44), "levels.0.stride"),
        ((1, None, 80), (1, 676, 44), "levels.0.stride"),
        ((1, 169, 20), (1, 169, 44), "num_classes"),
        ((1, 169, 80), (1, 169, 32), "reg_max"),
    ],
)
def test_check_of_nanodet_names_the_key(scores, distances, wrong):
    levels = [{"scores": "s", "distances": "d", "stride": 32}]
    config = config_of("nanodet", levels=levels, num_classes=80, reg_max=10)
    given = {"s": scores, "d": distances}
    with pytest.raises(ConfigError) as caught:
        config.check({k: v for k, v in given.items() if v is not None}, (416, 416))
    assert caught.value.key == wrong


@pytest.mark.parametrize(
    ("decoder", "keys"),
    [
        ("yolov8", {"output": "a"}),
        ("yolox", {"output": "a"}),
        ("nanodet", {"levels": [{"scores": "a", "distances": "a", "stride": 8}]}),
    ],
)
def test_check_lets_unknown_dimensions_pass(decoder, keys):
    config = config_of(decoder, num_classes=80, **keys)
    config.check({"a": ("batch", "cells", None)}, (640, 640))
