"""What may be wanted of a picture with faces, and what is said of them."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from service.arrays import F32, Index
from service.engine.pipeline import Timings
from service.errors import MultipleFaces, NoFace
from service.imaging.picture import Size
from service.tasks.boxes import area
from service.tasks.faces.detect import FaceDetections, FaceDetectOptions, plain_box
from service.tasks.faces.embed import Accuracy, Encodings
from service.tasks.faces.geometry import FIVE, five_points
from service.tasks.faces.landmarks import Landmarks
from service.tasks.faces.quality import Flaw, Quality, QualityLimits, disagreement


class Pick(StrEnum):
    """Which of a picture's faces are meant."""

    ALL = "all"
    ONLY = "only"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRequest:
    """What is wanted of a picture.

    Attributes:
        pick: all faces, the only one, or the largest.
        landmarks: whether their 68 points are wanted.
        embed: whether their encodings are; these need the points.
        accuracy: of the encodings.
        detect: the detector's options.
        part: what the request calls the picture, for what is said of it.
    """

    pick: Pick = Pick.ALL
    landmarks: bool = True
    embed: bool = False
    accuracy: Accuracy = Accuracy.STANDARD
    detect: FaceDetectOptions = field(default_factory=FaceDetectOptions)
    part: str = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face, in pixels of the full upright picture.

    Attributes:
        box: (4,) corners x1, y1, x2, y2, clipped to the picture.
        score: 0..1.
        share: of the picture's area that the box covers, 0..1.
        keypoints: x, y by name: five out of the landmarks, or the detector's own without them.
        landmarks: (68, 2), or None if they were not wanted.
        encoding: (D,), or None if it was not wanted.
        quality: what the encoding was computed from, or None likewise.
        flaws: why the encoding cannot be relied on; empty where it can.
    """

    box: F32
    score: float
    share: float
    keypoints: dict[str, F32]
    landmarks: F32 | None = None
    encoding: F32 | None = None
    quality: Quality | None = None
    flaws: tuple[Flaw, ...] = ()

    @property
    def points(self) -> F32:
        """(P, 2): the landmarks, or the keypoints without them."""
        return np.stack(list(self.keypoints.values())) if self.landmarks is None else self.landmarks

    def encoded(self) -> F32:
        """Return the encoding.

        Raises:
            ValueError: it was not asked for.
        """
        if self.encoding is None:
            raise ValueError("no encoding was asked for")
        return self.encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """What was found in a picture.

    Attributes:
        faces: best score first.
        truncated: whether a limit left something out.
        size: (H, W) of the full upright picture.
        stages: where the time went, in milliseconds, by task and stage.
    """

    faces: tuple[Face, ...]
    truncated: bool
    size: Size
    stages: dict[str, Timings]

    @property
    def timings(self) -> Timings:
        """Milliseconds by stage, over all networks."""
        total: Timings = {}
        for timings in self.stages.values():
            for stage, milliseconds in timings.items():
                total[stage] = total.get(stage, 0.0) + milliseconds
        return total


def picked(found: FaceDetections, request: FaceRequest) -> FaceDetections:
    """Return the faces that are meant.

    Raises:
        NoFace: one is meant, and there is none.
        MultipleFaces: the only one is meant, and there are several.
    """
    if request.pick is Pick.ALL:
        return found
    if not len(found):
        raise NoFace(f"there is no face in {request.part}", picture=request.part)
    if request.pick is Pick.ONLY and len(found) > 1:
        faces = [
            {"box": plain_box(box), "score": round(float(score), 6)}
            for box, score in zip(found.boxes_source, found.scores, strict=True)
        ]
        raise MultipleFaces(
            f"there are {len(found)} faces in {request.part}", picture=request.part, faces=faces
        )
    largest: Index = np.argmax(area(found.boxes_source), keepdims=True)
    return found.take(largest)


def face_of(
    index: int,
    found: FaceDetections,
    marked: Landmarks | None,
    encoded: Encodings | None,
    *,
    limits: QualityLimits,
    size: Size,
) -> Face:
    """Return what the networks say of one face.

    Args:
        index: of the face in all of them.
        found: what the detector said.
        marked: its landmarks, or None if they were not wanted.
        encoded: its encoding, or None if it was not wanted.
        limits: below which an encoding cannot be relied on.
        size: (H, W) of the full upright picture.
    """
    box, landmarks, quality = found.boxes_source[index], None, None
    seen = dict(zip(found.names, found.keypoints_source[index], strict=True))
    keypoints = seen
    if marked is not None:
        landmarks = marked.points_source[index]
        keypoints = dict(zip(FIVE, five_points(landmarks), strict=True))
    if encoded is not None:
        apart = disagreement(seen, keypoints, found.whole_boxes_source[index])
        quality = replace(encoded.qualities[index], disagreement=apart)
    return Face(
        box=box,
        score=float(found.scores[index]),
        share=float(area(box[None])[0]) / (size[0] * size[1]),
        keypoints=keypoints,
        landmarks=landmarks,
        encoding=None if encoded is None else encoded.vectors[index],
        quality=quality,
        flaws=() if quality is None else quality.flaws(limits),
    )
