"""Whether two encodings are of one person, and how often such a verdict is wrong."""

from dataclasses import dataclass

import numpy as np

from service.arrays import F32
from service.tasks.faces.calibration import OperatingPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A comparison of two faces.

    Attributes:
        verified: whether they are taken for one person; None if one of them cannot be judged.
        distance: Euclidean, between the encodings; 0 for the same picture.
        similarity: 1 for the same picture, falling in a straight line to 0.5 at the network's own
            threshold and 0 at twice that, whichever threshold was asked for. A number for people
            to look at: the verdict is by distance.
        point: the threshold, and the error rates that were measured there.
    """

    verified: bool | None
    distance: float
    similarity: float
    point: OperatingPoint


def compare(
    one: F32, other: F32, point: OperatingPoint, *, usual_threshold: float, comparable: bool = True
) -> Verdict:
    """Return the verdict on two (D,) encodings; at a distance of exactly the threshold they match.

    Args:
        one: of the first face.
        other: of the second face, by the same network.
        point: the threshold to decide by.
        usual_threshold: the network's own, by which the similarity is scaled.
        comparable: whether both faces were good enough to be judged.

    >>> point = OperatingPoint(
    ...     threshold=0.5, false_match_rate=0, false_match_rate_high=0,
    ...     false_non_match_rate=0, false_non_match_rate_high=0,
    ... )
    >>> verdict = compare(np.zeros(2), np.array([0.3, 0.4]), point, usual_threshold=0.5)
    >>> verdict.verified, verdict.distance, verdict.similarity
    (True, 0.5, 0.5)
    """
    distance = float(np.linalg.norm(one.astype(np.float64) - other.astype(np.float64)))
    return Verdict(
        verified=distance <= point.threshold if comparable else None,
        distance=distance,
        similarity=max(0.0, 1.0 - distance / (2 * usual_threshold)),
        point=point,
    )
