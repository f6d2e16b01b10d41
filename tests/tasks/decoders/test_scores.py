import math

import numpy as np
import pytest

from service.tasks.decoders.scores import (
    activate,
    choose_classes,
    lowest_raw,
    objects,
    rows_reaching,
    sigmoid,
    softmax,
)

EMPTY = np.empty((0, 3), np.float32)


def test_nothing_in_nothing_out():
    assert sigmoid(EMPTY).shape == softmax(EMPTY).shape == (0, 3)
    found = choose_classes(EMPTY, activation="sigmoid", score_threshold=0.5)
    assert [len(part) for part in found] == [0, 0, 0]
    rows, values = rows_reaching(EMPTY, axis=1, activation="sigmoid", score_threshold=0.5)
    assert (len(rows), values.shape) == (0, (0, 3))
    places, weights = objects(EMPTY[:, 0], activation="sigmoid", score_threshold=0.5)
    assert len(places) == len(weights) == 0


def test_sigmoid_and_softmax():
    values = np.linspace(-90, 90, 181, dtype=np.float32)
    assert sigmoid(values) == pytest.approx([1 / (1 + math.exp(-v)) for v in values], rel=1e-5)
    assert softmax(values[None] / 20).sum() == pytest.approx(1)
    assert values[0] == -90  # arguments are left alone


def test_activate():
    values = np.array([[0, 0]], np.float32)
    assert activate(values, "sigmoid").tolist() == [[0.5, 0.5]]
    assert activate(values, "softmax").tolist() == [[0.5, 0.5]]
    assert activate(values, "none") is values


@pytest.mark.parametrize("threshold", [0, 1e-6, 0.001, 0.25, 0.5, 0.9, 0.999999, 1, 2])
def test_lowest_raw_rules_out_no_score(threshold):
    # Around the exact limit, in steps of one float32.
    exact = math.log(threshold / (1 - threshold)) if 0 < threshold < 1 else 17.0
    values = np.nextafter(np.full(400, exact, np.float32), np.float32(100))
    for step in range(1, 400):
        values[step] = np.nextafter(values[step - 1], np.float32(-100))
    reaching = sigmoid(values) >= np.float32(threshold)
    assert (values[reaching] >= lowest_raw(threshold, "sigmoid")).all()
    # And it does rule out: what is clearly lower need not be activated.
    assert threshold == 0 or lowest_raw(threshold, "sigmoid") > exact - 6


def test_a_score_exactly_at_the_threshold_passes():
    classes = np.array([[0.25], [np.nextafter(np.float32(0.25), np.float32(0))]], np.float32)
    rows, _, scores = choose_classes(classes, activation="none", score_threshold=0.25)
    assert (rows.tolist(), scores.tolist()) == ([0], [0.25])


@pytest.mark.parametrize("multi_label", [False, True])
def test_nan_never_passes(multi_label):
    classes = np.array([[np.nan, np.nan], [0, 0]], np.float32)
    rows, _, _ = choose_classes(
        classes, activation="none", score_threshold=0, multi_label=multi_label
    )
    assert set(rows.tolist()) == {1}


def test_of_equal_classes_the_first_is_best():
    classes = np.array([[0.1, 0.7, 0.7]], np.float32)
    _, class_ids, _ = choose_classes(classes, activation="none", score_threshold=0.5)
    assert class_ids.tolist() == [1]


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_reaching(axis):
    classes = np.array([[0.1, 0.9], [0.2, 0.1], [0.6, 0.5]], np.float32)
    given = classes.T if axis == 0 else classes
    rows, values = rows_reaching(given, axis=axis, activation="none", score_threshold=0.6)
    assert rows.tolist() == [0, 2]
    assert (values == classes[[0, 2]]).all()


def test_low_objectness_costs_nothing_more():
    places, weights = objects(
        np.array([-9, 3, np.nan, 0], np.float32), activation="sigmoid", score_threshold=0.5
    )
    assert places.tolist() == [1, 3]
    assert weights == pytest.approx([0.9526, 0.5], abs=1e-4)
