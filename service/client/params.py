"""The options of every call, for type checkers and for an editor's completion.

They have the names of the HTTP interface, where they are explained at length. An option that is
None, or is not given, is left to the server, and there mostly to the model.
"""

from collections.abc import Sequence
from typing import Literal, TypedDict

PictureType = Literal["image/png", "image/jpeg", "image/webp"]
"""The media type of a picture that is the answer."""


class CallParams(TypedDict, total=False):
    """What every question about a picture may say."""

    deadline_ms: float | None
    """The server answers within this time or not at all."""


class ClassifyParams(CallParams, total=False):
    """The options of `classify`."""

    model: str | Sequence[str] | None
    """Which model; several are averaged."""
    top_k: int | None
    """How many classes at most."""
    min_score: float | None
    """Leave out classes below, 0..1."""
    crops: Literal[1, 5, 10] | None
    """Look once, at centre and corners, or at those and their mirror images."""


class DetectParams(CallParams, total=False):
    """The options of `detect` and `detect_picture`."""

    model: str | None
    """Which model."""
    score_threshold: float | None
    """Leave out boxes below, 0..1."""
    iou_threshold: float | None
    """Boxes that overlap more than this are one object, 0..1."""
    max_detections: int | None
    """How many at most."""
    classes: str | Sequence[str] | None
    """Only these, by name."""
    class_agnostic: bool | None
    """Whether boxes of different classes may be one object."""


class SegmentPictureParams(CallParams, total=False):
    """The options of `segment_picture`."""

    model: str | None
    """Which model."""
    instances: bool | None
    """Whether to tell the things of a class apart."""
    filter: str | None
    """Which map, of a network without classes."""
    render: Literal["mask", "overlay", "cutout"] | None
    """What to paint: class ids, the picture in colours, or the picture without background."""


class SegmentParams(CallParams, total=False):
    """The options of `segment`."""

    model: str | None
    """Which model."""
    mask: Literal["rle", "polygon", "none"] | None
    """COCO's compressed run lengths, polygons, or no masks."""
    instances: bool | None
    """Whether to tell the things of a class apart."""
    filter: str | None
    """Which map, of a network without classes."""


class FacesParams(CallParams, total=False):
    """The options of `faces` and `faces_picture`."""

    model: str | None
    """Which detector."""
    score_threshold: float | None
    """Leave out faces below, 0..1."""
    max_faces: int | None
    """How many at most."""
    landmarks: bool | None
    """Whether to tell the 68 landmarks of every face."""
    embed: bool | None
    """Whether to tell the encoding of every face."""
    accuracy: Literal["standard", "high"] | None
    """`high` encodes the mirror image too, at twice the cost."""


class VerifyParams(CallParams, total=False):
    """The options of `verify`."""

    model: str | None
    """Which encoder."""
    faces: Literal["only", "largest"] | None
    """Refuse a picture with several faces, or take its largest."""
    threshold: float | None
    """Largest distance of a match."""
    max_false_match_rate: float | None
    """In place of a threshold: the error rate that is allowed, 0..1."""
    accuracy: Literal["standard", "high"] | None
    """`high` encodes the mirror images too, at twice the cost."""


class StyleParams(CallParams, total=False):
    """The options of `style`."""

    method: Literal["fast", "optimize"] | None
    """One pass of a network, or gradient descent on the pixels: minutes instead of seconds."""
    preset: str | None
    """fast: a painted style, `3`, or a mixture, `3:0.7,12:0.3`, in place of a style picture."""
    strength: float | None
    """fast: 0 keeps the content's own style, 0..1."""
    preserve_color: bool | None
    """fast: keep the content's colours, take the brush strokes only."""
    size: int | None
    """Longer side of the result at most, pixels."""
    content_weight: float | None
    """optimize: how much the content's shapes count."""
    style_weight: float | None
    """optimize: how much the style's texture counts."""
    tv_weight: float | None
    """optimize: how much smoothness counts."""
    steps: int | None
    """optimize: steps of the optimiser at most."""
    init: Literal["content", "noise", "fast"] | None
    """optimize: what to start from."""
    seed: int | None
    """optimize: of the noise."""
    webhook: str | None
    """Where to POST that the job ended; only to hosts that the operator allows."""
