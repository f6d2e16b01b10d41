"""Where the faces of a picture are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from service.arrays import F32, Array, Index
from service.imaging.draw import Mark
from service.imaging.geometry import ToSource
from service.imaging.picture import Picture
from service.tasks.base import Network, Options, Prepared, Task, TaskConfig
from service.tasks.boxes import area, nms
from service.tasks.faces.geometry import roll_of
from service.tasks.faces.heads import FaceHead, check_head, decode_faces


class FaceDetectConfig(TaskConfig):
    """What `[config]` says for a face detector; `[config.head]` says what its outputs mean."""

    head: FaceHead
    score_threshold: float = Field(0.5, ge=0, le=1)
    iou_threshold: float = Field(0.3, ge=0, le=1)
    max_faces: int = Field(100, ge=1)


class FaceDetectOptions(Options):
    """What a caller may choose."""

    score_threshold: float | None = Field(None, ge=0, le=1, description="Leave out faces below.")
    max_faces: int | None = Field(None, ge=1, le=1_000, description="How many at most.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceDetections:
    """Faces in pixels of the full upright picture, best first.

    Attributes:
        boxes_source: (K, 4) corners x1, y1, x2, y2, clipped to the picture.
        whole_boxes_source: (K, 4) the same, not clipped.
        scores: (K,), 0..1.
        keypoints_source: (K, P, 2) x, y, not clipped.
        names: (P,) of the keypoints.
        truncated: whether a limit left something out.
    """

    boxes_source: F32
    whole_boxes_source: F32
    scores: F32
    keypoints_source: F32
    names: tuple[str, ...]
    truncated: bool

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: Index) -> "FaceDetections":
        """Return the faces at (M,) `index`, in its order."""
        return FaceDetections(
            boxes_source=self.boxes_source[index],
            whole_boxes_source=self.whole_boxes_source[index],
            scores=self.scores[index],
            keypoints_source=self.keypoints_source[index],
            names=self.names,
            truncated=self.truncated,
        )

    @property
    def rolls(self) -> F32:
        """(K,) radians by which the faces lean clockwise; 0 where the detector tells no eyes."""
        if not {"right_eye", "left_eye"} <= set(self.names):
            return np.zeros(len(self), np.float32)
        right, left = (
            self.keypoints_source[:, self.names.index(name)] for name in ("right_eye", "left_eye")
        )
        return roll_of(right, left)

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer, in hundredths of a pixel."""
        rows = zip(self.boxes_source, self.scores, self.keypoints_source, strict=True)
        return {
            "faces": [
                {
                    "box": plain_box(box),
                    "score": round(float(score), 6),
                    "keypoints": dict(zip(self.names, plain_points(keypoints), strict=True)),
                }
                for box, score, keypoints in rows
            ],
            "truncated": self.truncated,
        }

    def text(self) -> str:
        """Return a line for each face."""
        boxes = np.round(self.boxes_source).astype(int).tolist()
        return "\n".join(
            f"{score:8.1%}  face ({x1}, {y1}) to ({x2}, {y2})"
            for score, (x1, y1, x2, y2) in zip(self.scores, boxes, strict=True)
        )

    def marks(self) -> list[Mark]:
        """Return what to draw."""
        rows = zip(self.boxes_source, self.scores, self.keypoints_source, strict=True)
        return [face_mark(box, float(score), points) for box, score, points in rows]


def plain_box(box: F32) -> dict[str, float]:
    """Return (4,) corners as an answer has them."""
    corners = np.round(box.astype(np.float64), 2).tolist()
    return dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))


def plain_points(points: F32) -> list[list[float]]:
    """Return (P, 2) points as an answer has them."""
    pairs: list[list[float]] = np.round(points.astype(np.float64), 2).tolist()
    return pairs


def face_mark(box: F32, score: float, points: F32) -> Mark:
    """Return what to draw of a face: its (4,) box, and (P, 2) points in it."""
    return Mark(
        box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        caption=f"face {score:.0%}",
        class_id=0,
        points=tuple((float(x), float(y)) for x, y in points),
    )


class FaceDetect(Task[FaceDetectConfig, FaceDetectOptions, FaceDetections]):
    """Decodes a face detector, removes duplicates, and maps what it found to the picture."""

    name = "face-detect"
    config_type: ClassVar[type[TaskConfig]] = FaceDetectConfig
    options_type: ClassVar[type[Options]] = FaceDetectOptions

    def __init__(self, network: Network, config: FaceDetectConfig) -> None:
        """Bind the task; the head is checked against the graph's outputs."""
        super().__init__(network, config)
        shapes = {info.name: info.shape for info in network.outputs}
        check_head(config.head, shapes, network.input.size)

    def preprocess(
        self,
        picture: Picture,
        options: FaceDetectOptions,  # noqa: ARG002  (they act on what was found)
    ) -> Prepared:
        """Return the picture as one row, and the way back to its pixels as context."""
        return self.whole(picture)

    def postprocess(
        self, outputs: Mapping[str, Array], prepared: Prepared, options: FaceDetectOptions
    ) -> FaceDetections:
        """Return the faces of one picture."""
        config, to_source = self.config, prepared.context
        assert isinstance(to_source, ToSource)
        threshold, limit = options.score_threshold, options.max_faces or config.max_faces
        found = decode_faces(
            {name: np.asarray(value[0], np.float32) for name, value in outputs.items()},
            config.head,
            input_size=self.network.input.size,
            score_threshold=config.score_threshold if threshold is None else threshold,
        )
        kept = nms(found.boxes, found.scores, iou_limit=config.iou_threshold)
        boxes_source = to_source.boxes(found.boxes)
        kept = kept[area(boxes_source[kept]) > 0]  # what lay in the padding is gone
        told = kept[:limit]
        corners = found.boxes[told].reshape(-1, 2, 2)
        return FaceDetections(
            boxes_source=boxes_source[told],
            whole_boxes_source=to_source.points(corners).reshape(-1, 4),
            scores=found.scores[told],
            keypoints_source=to_source.points(found.keypoints[told]),
            names=config.head.keypoints,
            truncated=len(kept) > limit,
        )
