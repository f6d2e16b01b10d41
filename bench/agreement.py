"""Whether contestants answer the same: a comparison of those that do not is not published.

Decoding at a scale and resizing in two steps move pixels by a little, so scores may differ; what
is seen may not. A classifier's best class must be the same. Every box that the reference is sure
of must be found by the other, with the same label and nearly in the same place, and the other
must be sure of nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.arrays import F32
from service.tasks.boxes import iou

SURE = 0.5
UNSURE = 0.35  # what one is sure of, the other must at least suspect
SAME_PLACE = 0.85  # IoU

Answer = Mapping[str, Any]


def disagreement(answer: Answer, reference: Answer) -> str:
    """Return in what way an answer about a picture differs from the reference; "" if in none."""
    if "predictions" in reference:
        ours, theirs = (one["predictions"][0]["label"] for one in (answer, reference))
        return "" if ours == theirs else f"{ours!r} instead of {theirs!r}"
    missing = _unmatched(reference["detections"], answer["detections"])
    invented = _unmatched(answer["detections"], reference["detections"])
    parts = [f"misses {missing}" if missing else "", f"invents {invented}" if invented else ""]
    return ", ".join(filter(None, parts))


def _unmatched(sure: Sequence[Answer], suspected: Sequence[Answer]) -> list[str]:
    """Return the labels of confident detections that have no counterpart."""
    wanted = [one for one in sure if one["score"] >= SURE]
    others = [one for one in suspected if one["score"] >= UNSURE]
    return [
        one["label"]
        for one in wanted
        if not any(
            other["label"] == one["label"] and _overlap(one, other) >= SAME_PLACE
            for other in others
        )
    ]


def _overlap(one: Answer, other: Answer) -> float:
    return float(iou(_corners(one), _corners(other))[0, 0])


def _corners(one: Answer) -> F32:
    return np.array([[one["box"][key] for key in ("x1", "y1", "x2", "y2")]], np.float32)
