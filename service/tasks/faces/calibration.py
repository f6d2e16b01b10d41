"""Which error rates a distance threshold has, as measured, and never better than measured."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.errors import InvalidOption
from service.tasks.base import TaskConfig
from service.tasks.inputs import InputSpec

Rate = float
"""A share of pairs, 0..1."""

# What a calibration depends on is everything but the calibration itself, and the limits below
# which a face is not compared at all.
_INDEPENDENT = {"calibration", "quality"}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatingPoint(_Section):
    """One threshold and the error rates that were counted there.

    A pair matches when its distance is at most the threshold. The `_high` rates are upper
    confidence bounds.
    """

    threshold: float = Field(gt=0)
    false_match_rate: Rate = Field(ge=0, le=1)
    false_match_rate_high: Rate = Field(ge=0, le=1)
    false_non_match_rate: Rate = Field(ge=0, le=1)
    false_non_match_rate_high: Rate = Field(ge=0, le=1)


class OperatingCurve(_Section):
    """The operating points of one way of computing distances, and the one that is the default."""

    default_threshold: float = Field(gt=0)
    rows: tuple[OperatingPoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for one, next_one in zip(self.rows, self.rows[1:], strict=False):
            if not one.threshold < next_one.threshold:
                raise ValueError("rows: thresholds must rise")
            if one.false_match_rate > next_one.false_match_rate:
                raise ValueError("rows: false match rates must not fall as thresholds rise")
            if one.false_non_match_rate < next_one.false_non_match_rate:
                raise ValueError("rows: false non-match rates must not rise as thresholds rise")
        first, last = self.rows[0].threshold, self.rows[-1].threshold
        if not first <= self.default_threshold <= last:
            raise ValueError(f"default_threshold: the rows reach from {first} to {last}")
        return self

    def at(self, threshold: float) -> OperatingPoint:
        """Return what is known of a threshold: between two rows, the worse of either's rates.

        Fewer pairs match at a lower threshold. So the next row above has at least as many false
        matches, and the next row below at least as many false non-matches.

        Raises:
            InvalidOption: the threshold lies outside of what was measured.
        """
        first, last = self.rows[0].threshold, self.rows[-1].threshold
        if not first <= threshold <= last:
            raise InvalidOption(
                "threshold",
                f"error rates were measured from {first:g} to {last:g}",
                minimum=first,
                maximum=last,
            )
        below = max((row for row in self.rows if row.threshold <= threshold), key=_threshold)
        above = min((row for row in self.rows if row.threshold >= threshold), key=_threshold)
        return OperatingPoint(
            threshold=threshold,
            false_match_rate=above.false_match_rate,
            false_match_rate_high=above.false_match_rate_high,
            false_non_match_rate=below.false_non_match_rate,
            false_non_match_rate_high=below.false_non_match_rate_high,
        )

    def within(self, max_false_match_rate: Rate, pairs_different: int) -> OperatingPoint:
        """Return the most lenient row whose measured false match rate is not above a limit.

        Args:
            max_false_match_rate: the limit.
            pairs_different: how many pairs of different people were compared. A rate below one
                in that many has not been measured, even if no false match was seen.

        Raises:
            InvalidOption: no row is that strict, or the data cannot show it.
        """
        allowed = [row for row in self.rows if row.false_match_rate <= max_false_match_rate]
        smallest = max(1 / pairs_different, self.rows[0].false_match_rate)
        if max_false_match_rate < smallest or not allowed:
            raise InvalidOption(
                "max_false_match_rate",
                f"the smallest that was measured is {smallest:.2g}",
                minimum=smallest,
            )
        return max(allowed, key=_threshold)


class Calibration(_Section):
    """What a network's distances mean, measured on pairs of photographs of known people.

    Tied to the network, and to everything that decides which pixels it is shown.
    """

    data: str = Field(min_length=1, description="What it was measured on.")
    people: int = Field(ge=2)
    pairs_same: int = Field(ge=1, description="Pairs of two photographs of one person.")
    pairs_different: int = Field(ge=1, description="Pairs of photographs of two people.")
    model_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    preprocessing: str = Field(pattern=r"^[0-9a-f]{64}$")
    standard: OperatingCurve
    high: OperatingCurve | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One network on the way from a picture to an encoding, as its manifest has it."""

    task: str
    sha256: str
    input: InputSpec
    config: TaskConfig


def preprocessing_digest(stages: Iterable[Stage]) -> str:
    """Return a SHA-256 of all that decides which pixels are encoded, and how.

    Of each stage it holds the network's own digest and the settings that differ from their
    defaults: a new setting leaves old calibrations valid as long as nobody sets it.
    """
    described = [
        {
            "task": stage.task,
            "sha256": stage.sha256,
            "input": stage.input.model_dump(mode="json", exclude_defaults=True),
            "config": stage.config.model_dump(
                mode="json", exclude_defaults=True, exclude=_INDEPENDENT
            ),
        }
        for stage in stages
    ]
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def operating_point(
    calibration: Calibration,
    curve: OperatingCurve,
    *,
    threshold: float | None = None,
    max_false_match_rate: float | None = None,
) -> OperatingPoint:
    """Return the threshold to decide by, and the error rates that were measured there.

    Args:
        calibration: of the network.
        curve: one of the calibration's.
        threshold: the caller's, or None for the default.
        max_false_match_rate: what the caller allows, in place of a threshold.

    Raises:
        InvalidOption: both were given, or nothing was measured there.
    """
    if max_false_match_rate is None:
        return curve.at(curve.default_threshold if threshold is None else threshold)
    if threshold is not None:
        raise InvalidOption("max_false_match_rate", "give either this or a threshold")
    return curve.within(max_false_match_rate, calibration.pairs_different)


def _threshold(point: OperatingPoint) -> float:
    return point.threshold
