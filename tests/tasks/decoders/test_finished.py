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
    sigma,
    softmax_of,
)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("normalized", [False, True])
def test_yolo_end2end_equals_loops(normalized, threshold):
    rng = np.random.default_rng(13)
    rows = np.zeros((300, 6), np.float32)
    rows[:, :4] = rng.random((300, 4))
    rows[:, 4] = probabilities(rng, 300)
    rows[:, 5] = rng.integers(0, 80, 300)
    rows[0, 5], rows[1, 5], rows[2, 5], rows[3, 4] = np.nan, -1, 80, np.nan  # no such classes
    scale = (200, 100, 200, 100) if normalized else (1, 1, 1, 1)
    expected = [
        (tuple(v * s for v, s in zip(box, scale, strict=True)), int(number), score)
        for *box, score, number in rows[4:].tolist()
        if score >= threshold
    ]
    config = config_of("yolo_end2end", output="a", num_classes=80, normalized=normalized)
    found = decode({"a": rows}, config, input_size=(100, 200), score_threshold=threshold)
    assert_same(found, expected)
    assert config.suppression == "none"


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("label_type", [np.int64, np.float32])
@pytest.mark.parametrize("background", ["first", "last", "none"])
def test_labels_equal_loops(background, label_type, threshold):
    rng = np.random.default_rng(14)
    boxes = rng.uniform(0, 300, (40, 4)).astype(np.float32)
    scores = probabilities(rng, 40)
    labels = rng.integers(-1, 12, 40)
    shift = 1 if background == "first" else 0  # torchvision: 0 is the background
    expected = [
        (tuple(box), label - shift, score)
        for box, label, score in zip(boxes.tolist(), labels.tolist(), scores.tolist(), strict=True)
        if score >= threshold and 0 <= label - shift < 10
    ]
    config = config_of(
        "boxes_scores_labels", labels="labels", num_classes=10, background=background
    )
    outputs = {"boxes": boxes, "scores": scores, "labels": labels.astype(label_type)}
    config.check({name: ("N", *value.shape) for name, value in outputs.items()}, (300, 300))
    found = decode(outputs, config, input_size=(300, 300), score_threshold=threshold)
    assert_same(found, expected)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
@pytest.mark.parametrize("background", ["first", "last", "none"])
def test_class_values_equal_loops(background, activation, multi_label, threshold):
    rng = np.random.default_rng(15)
    boxes = rng.uniform(0, 1, (30, 4)).astype(np.float32)
    values = (probabilities if activation == "none" else class_values)(rng, 30, 6)
    expected = []
    for (x, y, w, h), row in zip(boxes.tolist(), values.tolist(), strict=True):
        scores = row
        if activation == "softmax":  # DETR: "no object" takes part in the softmax
            scores = softmax_of(row)
        elif activation == "sigmoid":
            scores = [sigma(v) for v in row]
        scores = {"first": scores[1:], "last": scores[:-1], "none": scores}[background]
        chosen = classes_of(scores, threshold, multi_label=multi_label)
        box = box_around(x * 400, y * 300, w * 400, h * 300)
        expected += [(box, number, score) for number, score in chosen]
    config = config_of(
        "boxes_scores_labels", scores="logits", num_classes=6 if background == "none" else 5,
        background=background, activation=activation, multi_label=multi_label,
        box_format="cxcywh", normalized=True,
    )  # fmt: skip
    outputs = {"boxes": boxes, "logits": values}
    config.check({name: (1, *value.shape) for name, value in outputs.items()}, (300, 400))
    found = decode(outputs, config, input_size=(300, 400), score_threshold=threshold)
    assert_same(found, expected)


@pytest.mark.parametrize(
    ("shape", "wrong"), [(None, "output"), ((1, 1800), "output"), ((1, 300, 7), "output")]
)
def test_check_of_yolo_end2end_names_the_key(shape, wrong):
    config = config_of("yolo_end2end", output="a", num_classes=80)
    config.check({"a": ("N", None, 6)}, (640, 640))
    with pytest.raises(ConfigError) as caught:
        config.check({} if shape is None else {"a": shape}, (640, 640))
    assert caught.value.key == wrong


@pytest.mark.parametrize(
    ("keys", "shapes", "wrong"),
    [
        ({}, {"boxes": None}, "boxes"),
        ({}, {"boxes": (1, 400)}, "boxes"),  # one axis
        ({}, {"boxes": (1, 100, 5)}, "boxes"),
        ({}, {"scores": None}, "scores"),
        ({}, {"scores": (1, 100)}, "scores"),  # scores without labels
        ({}, {"scores": (1, 100, 91)}, "background"),  # one class too few, or no background
        ({"background": "none"}, {}, "num_classes"),
        ({}, {"scores": (1, 50, 92)}, "scores"),  # for other boxes
        ({"labels": "labels"}, {}, "scores"),  # class values beside labels
        ({"labels": "labels"}, {"scores": (1, 100), "labels": None}, "labels"),
        ({"labels": "labels"}, {"scores": (1, 100), "labels": (1, 100, 1)}, "labels"),
    ],
)
def test_check_names_the_key(keys, shapes, wrong):
    graph = {"boxes": (1, 100, 4), "scores": (1, 100, 92), "labels": (1, 100)} | shapes
    config = config_of("boxes_scores_labels", **{"num_classes": 91, "background": "last", **keys})
    with pytest.raises(ConfigError) as caught:
        config.check({k: v for k, v in graph.items() if v is not None}, (800, 800))
    assert caught.value.key == wrong


def test_check_lets_unknown_dimensions_pass():
    config = config_of("boxes_scores_labels", num_classes=91, background="last")
    config.check({"boxes": (1, "queries", 4), "scores": (1, 100, None)}, (800, 800))


@pytest.mark.parametrize("keys", [{"activation": "softmax"}, {"multi_label": True}])
def test_labels_need_no_activation(keys):
    with pytest.raises(ValidationError, match="labels"):
        config_of("boxes_scores_labels", labels="labels", num_classes=2, **keys)
