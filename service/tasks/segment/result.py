"""What a segmentation network says of a picture, pixel by pixel, and the same as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from service.arrays import F32, U8, Array, Mask
from service.imaging.matting import refine
from service.imaging.picture import Picture
from service.imaging.polygons import polygons
from service.imaging.rle import encode_each
from service.tasks.segment.classes import eight_bit, tally
from service.tasks.segment.config import MaskFormat
from service.tasks.segment.instances import Instances

FRACTION_DECIMALS = 6
SCORE_DECIMALS = 4
VALUE_DECIMALS = 4
CORNERS = ("x1", "y1", "x2", "y2")

Members = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """The class of every pixel of the full upright picture.

    Attributes:
        class_map: (H, W) class ids; 0 is background.
        alpha: (H, W) the probability of anything but background, as 0..255.
        labels: the classes' names.
        mask: how the JSON answer says which pixels are meant.
        instances: the separate things of the classes; None if nobody asked for them.
        sketch: (h, w) the network's own map of what is not background, 0..1, where the outline
            of a cut-out shall be drawn along the picture's edges.
    """

    class_map: U8
    alpha: U8
    labels: tuple[str, ...]
    mask: MaskFormat = MaskFormat.RLE
    instances: Instances | None = None
    sketch: F32 | None = None

    def cutout_alpha(self, picture: Picture) -> U8:
        """Return how much of every pixel a cut-out keeps, (H, W) of 0..255.

        Args:
            picture: the one that this is about, at its full size.
        """
        return self.alpha if self.sketch is None else eight_bit(refine(self.sketch, picture))

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer; masks are made now, which takes its time."""
        members: Members = {"classes": list(self._class_members())}
        if self.instances is not None:
            members["instances"] = list(self._instance_members(self.instances))
        return members

    def text(self) -> str:
        """Return a line for each class that is there, with the number of instances if known."""
        instances = () if self.instances is None else self.instances.class_ids
        counts = np.bincount(instances, minlength=len(self.labels)).tolist()
        lines = []
        for label, pixels, count in zip(self.labels, self._pixels(), counts, strict=True):
            if pixels:
                number = f" ({count})" if count else ""
                lines.append(f"{pixels / self.class_map.size:8.1%}  {label}{number}")
        return "\n".join(lines)

    def instance_map(self) -> Array:
        """Return (H, W) int32: the number of the instance at every pixel, 0 where there is none.

        Raises:
            ValueError: the instances were not asked for; the programmer's fault.
        """
        if self.instances is None:
            raise ValueError("the instances were not asked for")
        return self.instances.map

    def _pixels(self) -> list[int]:
        pixels: list[int] = tally(self.class_map, len(self.labels)).tolist()
        return pixels

    def _class_members(self) -> Iterator[Members]:
        masks = self._class_masks()
        for class_id, pixels in enumerate(self._pixels()):
            yield {
                "class_id": class_id,
                "label": self.labels[class_id],
                "pixels": pixels,
                "fraction": round(pixels / self.class_map.size, FRACTION_DECIMALS),
                **masks[class_id],
            }

    def _instance_members(self, instances: Instances) -> Iterator[Members]:
        masks = self._instance_masks(instances)
        for index, class_id in enumerate(instances.class_ids.tolist()):
            yield {
                "instance_id": index + 1,
                "class_id": class_id,
                "label": self.labels[class_id],
                "score": round(float(instances.scores[index]), SCORE_DECIMALS),
                "box": dict(zip(CORNERS, instances.boxes[index].tolist(), strict=True)),
                "area": int(instances.areas[index]),
                **masks[index],
            }

    def _class_masks(self) -> list[Members]:
        count = len(self.labels)
        if self.mask is MaskFormat.RLE:
            return _run_lengths(self.class_map, count)
        if self.mask is MaskFormat.POLYGON:
            return [_polygons(self.class_map == class_id) for class_id in range(count)]
        return [{}] * count

    def _instance_masks(self, instances: Instances) -> list[Members]:
        count = len(instances.areas)
        if self.mask is MaskFormat.RLE:
            return _run_lengths(instances.map, count + 1)[1:]
        if self.mask is MaskFormat.POLYGON:
            return [
                _polygons(instances.map[y1:y2, x1:x2] == number, (x1, y1))
                for number, (x1, y1, x2, y2) in enumerate(instances.boxes.tolist(), start=1)
            ]
        return [{}] * count


def _run_lengths(ids: Array, count: int) -> list[Members]:
    size = list(ids.shape)
    return [{"mask": {"size": size, "counts": counts}} for counts in encode_each(ids, count)]


def _polygons(mask: Mask, corner: tuple[int, int] = (0, 0)) -> Members:
    """Return the polygons of a part of the picture that begins at `corner`, (x, y)."""
    found = [[(ring + corner).tolist() for ring in polygon] for polygon in polygons(mask)]
    return {"mask": found}


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseMap:
    """What a filter makes of a picture, at the picture's size.

    Attributes:
        filter: its name.
        values: (H, W), 0..1 as 0..255.
    """

    filter: str
    values: U8

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer: the map in three figures of 0..1."""
        return {"map": {"filter": self.filter, **self._figures()}}

    def text(self) -> str:
        """Return one line."""
        figures = ", ".join(f"{name} {value:.4f}" for name, value in self._figures().items())
        return f"{self.filter}: {figures}"

    def _figures(self) -> dict[str, float]:
        figures = {"min": self.values.min(), "max": self.values.max(), "mean": self.values.mean()}
        return {name: round(float(v) / 255, VALUE_DECIMALS) for name, v in figures.items()}
