import numpy as np
import pytest
from pydantic import ValidationError

from service.tasks.base import ConfigError
from service.tasks.decoders import decode
from tests.tasks.decoders.reference import (
    THRESHOLDS,
    assert_same,
    box_around,
    config_of,
    probabilities,
    sigma,
)

NAMES = {"heatmap": "heat", "box": "box"}


def peaks_by_loops(heat, threshold, *, multi_label):
    """Objects as Points, section 4: values not below their eight neighbours."""
    height, width, classes = heat.shape
    for row in range(height):
        for column in range(width):
            found = []
            for number in range(classes):
                window = heat[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2, number]
                score = float(heat[row, column, number])
                if score >= threshold and score == window.max():
                    found.append((number, score))
            if found and not multi_label:
                found = [max(found, key=lambda item: item[1])]
            for number, score in found:
                yield row, column, number, score


def random_heat(rng, *shape):
    """A heat map on which neighbours tie now and then."""
    return np.round(probabilities(rng, *shape), 1).astype(np.float32)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("units", ["cells", "pixels"])
@pytest.mark.parametrize("offset", [False, True])
def test_sizes_and_offsets_equal_loops(offset, units, multi_label, threshold):
    rng = np.random.default_rng(10)
    heat = random_heat(rng, 6, 9, 3)
    extents, offsets = rng.uniform(1, 5, (6, 9, 2)), rng.random((6, 9, 2)) * offset
    unit = 4 if units == "cells" else 1
    expected = []
    for row, column, number, score in peaks_by_loops(heat, threshold, multi_label=multi_label):
        x, y = column + offsets[row, column, 0], row + offsets[row, column, 1]
        w, h = extents[row, column] * unit
        expected.append((box_around(x * 4, y * 4, w, h), number, score))
    outputs = {"heat": heat, "box": extents, "offset": offsets}
    outputs = {k: v.transpose(2, 0, 1).astype(np.float32) for k, v in outputs.items()}
    config = config_of(
        "centernet", **NAMES, offset="offset" if offset else None, num_classes=3, units=units,
        multi_label=multi_label,
    )  # fmt: skip
    config.check({k: (1, *v.shape) for k, v in outputs.items()}, (24, 36))
    found = decode(outputs, config, input_size=(24, 36), score_threshold=threshold)
    assert_same(found, expected)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_distances_equal_loops(layout, threshold):
    rng = np.random.default_rng(11)
    heat = random_heat(rng, 5, 5, 2)
    sides = rng.uniform(0, 30, (5, 5, 4)).astype(np.float32)
    expected = []
    for row, column, number, score in peaks_by_loops(heat, threshold, multi_label=False):
        left, top, right, bottom = sides[row, column].tolist()
        x, y = column * 4, row * 4
        expected.append(((x - left, y - top, x + right, y + bottom), number, score))
    axes = (2, 0, 1) if layout == "channels_first" else (0, 1, 2)
    outputs = {"heat": heat.transpose(axes), "box": sides.transpose(axes)}
    config = config_of(
        "centernet", **NAMES, regression="ltrb", units="pixels", num_classes=2, layout=layout
    )
    found = decode(outputs, config, input_size=(20, 20), score_threshold=threshold)
    assert_same(found, expected)


def test_raw_heat_maps_are_activated():
    heat = np.random.default_rng(12).normal(0, 2, (2, 5, 5)).astype(np.float32)
    config = config_of("centernet", **NAMES, num_classes=2, activation="sigmoid", multi_label=True)
    outputs = {"heat": heat, "box": np.ones((2, 5, 5), np.float32)}
    found = decode(outputs, config, input_size=(20, 20), score_threshold=0.4)
    peaks = peaks_by_loops(heat.transpose(1, 2, 0), -np.log(1 / 0.4 - 1), multi_label=True)
    assert sorted(found.scores) == pytest.approx(sorted(sigma(peak[3]) for peak in peaks))


@pytest.mark.parametrize(
    ("keys", "shapes", "wrong"),
    [
        ({}, {"heat": None}, "heatmap"),
        ({}, {"heat": (1, 80, 128)}, "heatmap"),  # two axes
        ({"num_classes": 2}, {}, "num_classes"),
        ({}, {"heat": (1, 80, 128, 100)}, "layout"),  # 100 does not divide 512
        ({}, {"box": (1, 4, 128, 128)}, "regression"),  # distances, not sizes
        ({"regression": "ltrb"}, {}, "regression"),
        ({}, {"box": (1, 2, 64, 128)}, "box"),
        ({"offset": "o"}, {}, "offset"),
        ({"offset": "o"}, {"o": (1, 1, 128, 128)}, "offset"),
        ({"offset": "o"}, {"o": (1, 2, 128, 64)}, "offset"),
        ({"layout": "channels_last"}, {}, "num_classes"),  # 128 classes?
    ],
)
def test_check_names_the_key(keys, shapes, wrong):
    graph = {"heat": (1, 80, 128, 128), "box": (1, 2, 128, 128)} | shapes
    config = config_of("centernet", **{**NAMES, "num_classes": 80, **keys})
    with pytest.raises(ConfigError) as caught:
        config.check({k: v for k, v in graph.items() if v is not None}, (512, 512))
    assert caught.value.key == wrong


def test_check_lets_unknown_dimensions_pass():
    config = config_of("centernet", **NAMES, num_classes=80)
    shapes = {"heat": ("N", 80, None, "w"), "box": ("N", None, 128, 128)}
    config.check(shapes, (512, 512))


def test_distances_have_no_offset():
    with pytest.raises(ValidationError, match="offset"):
        config_of("centernet", **NAMES, num_classes=1, regression="ltrb", offset="o")
