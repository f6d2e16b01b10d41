"""Slow words for the decoder tests: activations and comparisons as the papers write them."""

import math

import numpy as np
import pytest
from pydantic import TypeAdapter

from service.tasks.decoders import AnyDecoder

THRESHOLDS = (0.0, 0.3, 1.0)


def config_of(decoder, **keys):
    """A configuration, chosen by name as a manifest does it."""
    return TypeAdapter(AnyDecoder).validate_python({"decoder": decoder, **keys})


def sigma(value):
    return 1 / (1 + math.exp(-value))


def softmax_of(values):
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def same(value):
    return value


def classes_of(scores, threshold, *, objectness=1.0, multi_label=False):
    """(class id, objectness * score) of the best class or of all, if that reaches the threshold."""
    numbered = list(enumerate(scores))
    if not multi_label:
        numbered = [max(numbered, key=lambda item: item[1])]
    weighted = [(number, objectness * score) for number, score in numbered]
    return [(number, score) for number, score in weighted if score >= threshold]


def box_around(x, y, w, h):
    return (x - w / 2, y - h / 2, x + w / 2, y + h / 2)


def raw(rng, *shape):
    """Raw values, some so large that their sigmoid is exactly 1."""
    values = rng.normal(0, 2, shape)
    values[rng.random(shape) < 0.1] = 45
    return values.astype(np.float32)


def class_values(rng, *shape):
    """As `raw`; of those whose sigmoid is 1 the first is the highest, as loops have it."""
    values = raw(rng, *shape)
    return values - np.arange(shape[-1], dtype=np.float32) / 64


def probabilities(rng, *shape):
    """Scores, some of them exactly 0 and 1."""
    values = rng.random(shape)
    values[rng.random(shape) < 0.1] = 1
    values[rng.random(shape) < 0.1] = 0
    return values.astype(np.float32)


def assert_same(candidates, expected):
    """Compare candidates with (box, class id, score) tuples, in any order, to 1e-5."""
    found = zip(
        candidates.boxes.tolist(),
        candidates.class_ids.tolist(),
        candidates.scores.tolist(),
        strict=True,
    )
    found = sorted(found, key=lambda item: (item[1], item[0]))
    expected = sorted(expected, key=lambda item: (item[1], item[0]))
    assert [number for _, number, _ in found] == [number for _, number, _ in expected]
    for (box, _, score), (wanted, _, wanted_score) in zip(found, expected, strict=True):
        assert box == pytest.approx(wanted, rel=1e-5, abs=1e-4)
        assert score == pytest.approx(wanted_score, abs=1e-5)
    assert candidates.boxes.dtype == candidates.scores.dtype == np.float32
    assert candidates.boxes.shape == (len(candidates), 4)
