"""What keeps a face from being compared with another."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from service.arrays import F32


class Flaw(StrEnum):
    """Why a network cannot tell whose face it is."""

    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    CUT_OFF = "cut_off"
    UNCLEAR = "unclear"


class QualityLimits(BaseModel):
    """Where a network stops being reliable, as measured; part of its manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_side: float = Field(0.0, ge=0, description="Of the aligned face, pixels of the picture.")
    min_sharpness: float = Field(0.0, ge=0, description="See `imaging.sharpness`.")
    max_outside: float = Field(1.0, ge=0, le=1, description="Share that the picture cuts off.")
    max_disagreement: float = Field(
        1.0, ge=0, description="Of detector and landmarks, in longer sides of the box."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What an aligned face is made of.

    Attributes:
        side: of the aligned face, in pixels of the full picture: how much there was to see.
        sharpness: of the aligned face; see `imaging.sharpness`.
        outside: the share of the aligned face that lies outside the picture, 0..1.
        disagreement: how far apart the detector and the landmark network see the same features,
            in longer sides of the box; two networks that look at a face agree, two that look at
            a blot do not.
    """

    side: float
    sharpness: float
    outside: float
    disagreement: float = 0.0

    def flaws(self, limits: QualityLimits) -> tuple[Flaw, ...]:
        """Return what is wrong with the face; empty if it can be compared.

        A face that is too small is not also called blurred: enlarged, it always is.

        >>> limits = QualityLimits(min_side=30, min_sharpness=0.01, max_outside=0.2)
        >>> Quality(side=20, sharpness=0.001, outside=0.0).flaws(limits)
        (<Flaw.TOO_SMALL: 'too_small'>,)
        """
        found = []
        if self.side < limits.min_side:
            found.append(Flaw.TOO_SMALL)
        elif self.sharpness < limits.min_sharpness:
            found.append(Flaw.BLURRED)
        if self.outside > limits.max_outside:
            found.append(Flaw.CUT_OFF)
        if self.disagreement > limits.max_disagreement:
            found.append(Flaw.UNCLEAR)
        return tuple(found)


def disagreement(one: Mapping[str, F32], other: Mapping[str, F32], box: F32) -> float:
    """Return the mean distance between points of the same names, in longer sides of the box.

    Args:
        one: (2,) points x, y by name.
        other: likewise, in the same frame; what only one of them names does not count.
        box: (4,) corners around the face, in the same frame.

    Returns:
        0 or more; 0 if no name is common.
    """
    common = one.keys() & other.keys()
    if not common:
        return 0.0
    side = max(float(box[2] - box[0]), float(box[3] - box[1]))
    return float(np.mean([np.linalg.norm(one[name] - other[name]) for name in common])) / side
