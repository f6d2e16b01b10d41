"""Thresholds and error rates: never better than measured."""

from typing import Any

import pytest
from pydantic import ValidationError

from service.errors import InvalidOption
from service.tasks.faces.calibration import (
    Calibration,
    OperatingCurve,
    Stage,
    operating_point,
    preprocessing_digest,
)
from service.tasks.faces.detect import FaceDetectConfig
from service.tasks.faces.embed import FaceEmbedConfig
from service.tasks.inputs import InputSpec

# threshold, false match rate, false non-match rate
ROWS = [(0.5, 0.0, 0.2), (0.55, 0.001, 0.1), (0.6, 0.01, 0.02), (0.7, 0.1, 0.0)]


def row(threshold: float, fmr: float, fnmr: float) -> dict[str, float]:
    return {
        "threshold": threshold,
        "false_match_rate": fmr,
        "false_match_rate_high": min(1.0, fmr + 0.01),
        "false_non_match_rate": fnmr,
        "false_non_match_rate_high": min(1.0, fnmr + 0.05),
    }


def curve(rows: list[tuple[float, float, float]] = ROWS, **changes: Any) -> OperatingCurve:
    values = {"default_threshold": 0.6, "rows": [row(*one) for one in rows], **changes}
    return OperatingCurve.model_validate(values)


def calibration(**changes: Any) -> Calibration:
    values = {
        "data": "a test",
        "people": 5,
        "pairs_same": 100,
        "pairs_different": 1000,
        "model_sha256": "0" * 64,
        "preprocessing": "1" * 64,
        "standard": curve(),
        **changes,
    }
    return Calibration.model_validate(values)


@pytest.mark.parametrize(
    ("threshold", "fmr", "fnmr"),
    [
        pytest.param(0.5, 0.0, 0.2, id="the first row"),
        pytest.param(0.55, 0.001, 0.1, id="a row"),
        pytest.param(0.7, 0.1, 0.0, id="the last row"),
        pytest.param(0.57, 0.01, 0.1, id="between rows: the worse of either"),
        pytest.param(0.699, 0.1, 0.02, id="just below a row"),
    ],
)
def test_rates_at_a_threshold(threshold: float, fmr: float, fnmr: float) -> None:
    point = curve().at(threshold)
    assert point.model_dump() == pytest.approx(row(threshold, fmr, fnmr))


@pytest.mark.parametrize("threshold", [0.1, 0.4999, 0.7001, 5.0])
def test_beyond_what_was_measured_nothing_is_claimed(threshold: float) -> None:
    with pytest.raises(InvalidOption, match=r"from 0\.5 to 0\.7") as caught:
        curve().at(threshold)
    assert caught.value.members == {"option": "threshold", "minimum": 0.5, "maximum": 0.7}


@pytest.mark.parametrize(
    ("limit", "threshold"),
    [
        pytest.param(1.0, 0.7, id="anything goes"),
        pytest.param(0.1, 0.7, id="exactly a row's"),
        pytest.param(0.0999, 0.6, id="just below it"),
        pytest.param(0.002, 0.55, id="between rows"),
        pytest.param(0.001, 0.55, id="the smallest that the pairs can show"),
    ],
)
def test_the_most_lenient_threshold_within_a_limit(limit: float, threshold: float) -> None:
    point = curve().within(limit, 1000)
    assert point.threshold == threshold
    assert point.false_match_rate <= limit


@pytest.mark.parametrize("limit", [0.0009, 1e-6])
def test_a_rate_that_the_pairs_cannot_show_is_refused(limit: float) -> None:
    # The first row saw no false match in 1,000 pairs; that does not make its rate 1e-6.
    with pytest.raises(InvalidOption) as caught:
        curve().within(limit, 1000)
    assert caught.value.members == {"option": "max_false_match_rate", "minimum": 0.001}


def test_a_rate_below_every_row_is_refused() -> None:
    with pytest.raises(InvalidOption) as caught:
        curve(ROWS[1:]).within(0.0005, 10**6)
    assert caught.value.members["minimum"] == 0.001


def test_the_default_threshold_is_the_curves_own() -> None:
    one = calibration()
    assert operating_point(one, one.standard).threshold == 0.6
    assert operating_point(one, one.standard, threshold=0.55).threshold == 0.55
    assert operating_point(one, one.standard, max_false_match_rate=0.05).threshold == 0.6
    with pytest.raises(InvalidOption, match="either this or a threshold"):
        operating_point(one, one.standard, threshold=0.6, max_false_match_rate=0.1)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([ROWS[0], ROWS[0]], {}, "thresholds must rise"),
        ([(0.5, 0.1, 0.1), (0.6, 0.05, 0.1)], {}, "false match rates must not fall"),
        ([(0.5, 0.1, 0.1), (0.6, 0.1, 0.2)], {}, "false non-match rates must not rise"),
        (ROWS, {"default_threshold": 0.8}, "the rows reach from 0.5 to 0.7"),
        (ROWS, {"defaults": 1}, "Extra inputs"),
        ([], {}, "at least 1 item"),
    ],
)
def test_a_table_that_cannot_be_true(
    rows: list[tuple[float, float, float]], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        curve(rows, **changes)


# The digest


def stages(**changes: Any) -> list[Stage]:
    head = {
        "decoder": "centerface",
        "heatmap": "h",
        "size": "s",
        "offset": "o",
        "landmarks": "l",
        "keypoints": ["nose"],
    }
    detect = {"head": head, **changes.pop("detect", {})}
    embed = changes.pop("embed", {})
    values = {"sha256": "a" * 64, "input": InputSpec(size=(32, 32)), **changes}
    return [
        Stage(task="face-detect", config=FaceDetectConfig.model_validate(detect), **values),
        Stage(task="face-embed", config=FaceEmbedConfig.model_validate(embed), **values),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"sha256": "b" * 64}, id="a network"),
        pytest.param({"input": InputSpec(size=(64, 32))}, id="an input"),
        pytest.param({"detect": {"score_threshold": 0.6}}, id="the detector's configuration"),
        pytest.param({"embed": {"padding": 0.3}}, id="the encoder's configuration"),
    ],
)
def test_whatever_decides_on_pixels_changes_the_digest(changes: dict[str, Any]) -> None:
    assert preprocessing_digest(stages(**changes)) != preprocessing_digest(stages())


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"embed": {"calibration": calibration()}}, id="the calibration itself"),
        pytest.param({"embed": {"quality": {"min_side": 30}}}, id="what is not compared at all"),
        pytest.param({"embed": {"padding": 0.25}}, id="a default that is spelt out"),
    ],
)
def test_what_does_not_decide_on_pixels_leaves_the_digest(changes: dict[str, Any]) -> None:
    assert preprocessing_digest(stages(**changes)) == preprocessing_digest(stages())
