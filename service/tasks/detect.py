"""Where things are in a picture, and what they are."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from pydantic import BeforeValidator, Field

from service.arrays import F32, Array, Index
from service.errors import InvalidOption
from service.imaging.draw import Mark
from service.imaging.geometry import ToSource
from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, Options, Prepared, Task, TaskConfig
from service.tasks.boxes import area
from service.tasks.decoders import AnyDecoder, decode, select
from service.tasks.labels import Labels

BOX_DECIMALS = 2


class DetectConfig(TaskConfig):
    """What `[config]` says for a detector; `[config.head]` says what its outputs mean."""

    labels: Labels
    head: AnyDecoder
    score_threshold: float = Field(0.25, ge=0, le=1)
    iou_threshold: float = Field(0.45, ge=0, le=1)
    max_detections: int = Field(100, ge=1)
    max_candidates: int = Field(3_000, ge=1, description="Compared with each other at most.")


def _names(value: object) -> object:
    """Read `person,dog`, or the same option given several times."""
    given = [value] if isinstance(value, str) else value
    if isinstance(given, list | tuple) and all(isinstance(part, str) for part in given):
        return tuple(name.strip() for part in given for name in part.split(",") if name.strip())
    return value


class DetectOptions(Options):
    """What a caller of /detect may choose."""

    score_threshold: float | None = Field(None, ge=0, le=1, description="Leave out boxes below.")
    iou_threshold: float | None = Field(
        None, ge=0, le=1, description="Boxes that overlap more than this are one object."
    )
    max_detections: int | None = Field(None, ge=1, le=3_000, description="How many at most.")
    classes: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        (), description="Only these, by name, comma-separated: person,dog"
    )
    class_agnostic: bool = Field(
        False, description="Whether boxes of different classes may be one object."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """Boxes in pixels of the full upright picture, best first, clipped to it.

    Attributes:
        boxes_source: (K, 4) corners x1, y1, x2, y2.
        scores: (K,), 0..1.
        class_ids: (K,)
        labels: (K,) their names.
        truncated: whether a limit left something out.
    """

    boxes_source: F32
    scores: F32
    class_ids: Index
    labels: tuple[str, ...]
    truncated: bool

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer; boxes to the hundredth of a pixel."""
        boxes = np.round(self.boxes_source.astype(np.float64), BOX_DECIMALS).tolist()
        scores = np.round(self.scores.astype(np.float64), 6).tolist()
        rows = zip(self.class_ids.tolist(), self.labels, scores, boxes, strict=True)
        return {
            "detections": [
                {
                    "class_id": class_id,
                    "label": label,
                    "score": score,
                    "box": dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
                }
                for class_id, label, score, box in rows
            ],
            "truncated": self.truncated,
        }

    def text(self) -> str:
        """Return a line for each box."""
        boxes = np.round(self.boxes_source).astype(int).tolist()
        return "\n".join(
            f"{score:8.1%}  {label:16} ({x1}, {y1}) to ({x2}, {y2})"
            for score, label, (x1, y1, x2, y2) in zip(self.scores, self.labels, boxes, strict=True)
        )

    def marks(self) -> list[Mark]:
        """Return what to draw."""
        rows = zip(self.boxes_source, self.scores, self.class_ids, self.labels, strict=True)
        return [
            Mark(
                box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                caption=f"{label} {score:.0%}",
                class_id=int(class_id),
            )
            for box, score, class_id, label in rows
        ]


class Detect(Task[DetectConfig, DetectOptions, Detections]):
    """Decodes a detection head, removes duplicates, and maps boxes back to the picture."""

    name = "detect"
    config_type: ClassVar[type[TaskConfig]] = DetectConfig
    options_type: ClassVar[type[Options]] = DetectOptions

    def __init__(self, network: Network, config: DetectConfig) -> None:
        """Bind the task; the head is checked against the graph's outputs."""
        super().__init__(network, config)
        shapes = {info.name: info.shape for info in network.outputs}
        try:
            config.head.check(shapes, network.input.size)
        except ConfigError as error:
            raise ConfigError(f"config.head.{error.key}", error.reason) from error
        stated = getattr(config.head, "num_classes", 0)
        if stated and stated != len(config.labels):
            raise ConfigError("config.labels", f"{len(config.labels)} labels, {stated} classes")

    @cached_property
    def _class_ids(self) -> dict[str, int]:
        return {label.name.casefold(): index for index, label in enumerate(self.config.labels)}

    def check_options(self, options: DetectOptions) -> None:
        """Refuse class names that the model does not have.

        Raises:
            InvalidOption: names near matches.
        """
        self._wanted(options)

    def preprocess(
        self,
        picture: Picture,
        options: DetectOptions,  # noqa: ARG002  (they act on what was found)
    ) -> Prepared:
        """Return the picture as one row, and the way back to its pixels as context."""
        return self.whole(picture)

    def postprocess(
        self, outputs: Mapping[str, Array], prepared: Prepared, options: DetectOptions
    ) -> Detections:
        """Return what was found in one picture."""
        config, to_source = self.config, prepared.context
        assert isinstance(to_source, ToSource)
        threshold = _chosen(options.score_threshold, config.score_threshold)
        candidates = decode(
            {name: np.asarray(value[0], np.float32) for name, value in outputs.items()},
            config.head,
            input_size=self.network.input.size,
            score_threshold=threshold,
        )
        selection = select(
            candidates,
            suppression=config.head.suppression,
            class_agnostic=options.class_agnostic,
            iou_limit=_chosen(options.iou_threshold, config.iou_threshold),
            score_threshold=threshold,
            classes=self._wanted(options),
            max_candidates=config.max_candidates,
            max_detections=options.max_detections or config.max_detections,
        )
        boxes_source = np.round(to_source.boxes(selection.detections.boxes), BOX_DECIMALS)
        # What lay in the padding, or is thinner than an answer can say, is gone.
        inside = np.flatnonzero(area(boxes_source))
        boxes_source, found = boxes_source[inside], selection.detections.take(inside)
        return Detections(
            boxes_source=boxes_source,
            scores=found.scores,
            class_ids=found.class_ids,
            labels=tuple(self.config.labels[index].name for index in found.class_ids),
            truncated=selection.truncated,
        )

    def _wanted(self, options: DetectOptions) -> list[int] | None:
        """Return the ids of the classes that were asked for, or None for all."""
        for name in options.classes:
            if name.casefold() not in self._class_ids:
                near = difflib.get_close_matches(name.casefold(), self._class_ids, n=3, cutoff=0.5)
                hint = f"; perhaps {' or '.join(near)}" if near else ""
                raise InvalidOption("classes", f"there is no class {name!r}{hint}", near=near)
        return [self._class_ids[name.casefold()] for name in options.classes] or None


def _chosen(option: float | None, default: float) -> float:
    return default if option is None else option
