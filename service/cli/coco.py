"""Annotated pictures in COCO's format, read for one detector."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, ValidationError, model_validator

from service.errors import InvalidOption
from service.imaging.picture import Size
from service.tasks.evaluation import Objects
from service.tasks.labels import Label


class _Part(BaseModel):
    # Of what such files contain besides (licences, segmentations, …) nothing is needed.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Image(_Part):
    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class _Category(_Part):
    id: int
    name: str


class _Annotation(_Part):
    image_id: int
    category_id: int
    bbox: tuple[float, float, NonNegativeFloat, NonNegativeFloat]  # x, y, width, height
    iscrowd: bool = False


class _File(_Part):
    """Source: https://cocodataset.org/#format-data, section 1, "Object Detection"."""

    images: tuple[_Image, ...]
    categories: tuple[_Category, ...]
    annotations: tuple[_Annotation, ...]

    @model_validator(mode="after")
    def _refers_to_itself(self) -> Self:
        images = {image.id for image in self.images}
        categories = {category.id for category in self.categories}
        for number, annotation in enumerate(self.annotations):
            if annotation.image_id not in images:
                raise ValueError(f"annotations.{number}: no image is {annotation.image_id}")
            if annotation.category_id not in categories:
                raise ValueError(f"annotations.{number}: no category is {annotation.category_id}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """An annotated picture.

    Attributes:
        name: `file_name` in the annotations.
        path: where it is.
        size: (H, W) that the annotations were made at, if they say so.
        objects: those of classes that the detector knows.
    """

    name: str
    path: Path
    size: Size | None
    objects: Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Annotated pictures, as far as one detector can be measured on them.

    Attributes:
        photos: in the order of their ids.
        labels: by class id, the detector's classes that the data set has.
        unknown: categories that the detector does not have, and how many objects each has.
        missing: names of annotated pictures that are not in the folder.
    """

    photos: tuple[Photo, ...]
    labels: dict[int, str]
    unknown: dict[str, int]
    missing: tuple[str, ...]


def read_coco(annotations: Path, images: Path, labels: Sequence[Label]) -> DataSet:
    """Read a data set, its categories matched to labels by name, whatever their case.

    Args:
        annotations: the JSON file.
        images: the folder that `file_name` is relative to.
        labels: the detector's, in class-id order.

    Raises:
        OSError: the file cannot be read.
        InvalidOption: it is not of COCO's format, or has no category or picture of use.
    """
    try:
        document = _File.model_validate_json(annotations.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise InvalidOption("annotations", f"{annotations}: {key}: {first['msg']}") from error
    ids = {label.name.casefold(): index for index, label in enumerate(labels)}
    classes = {one.id: ids.get(one.name.strip().casefold()) for one in document.categories}
    known = {category: index for category, index in classes.items() if index is not None}
    if not known:
        raise InvalidOption("annotations", f"{annotations}: the model has none of its categories")
    photos, missing = [], []
    grouped = _by_image(document)
    for image in sorted(document.images, key=lambda image: image.id):
        path = images / image.file_name
        if path.is_file():
            size = (image.height, image.width) if image.height and image.width else None
            objects = _objects(grouped[image.id], known)
            photos.append(Photo(name=image.file_name, path=path, size=size, objects=objects))
        else:
            missing.append(image.file_name)
    if not photos:
        raise InvalidOption("images", f"none of the {len(missing)} pictures is in {images}")
    return DataSet(
        photos=tuple(photos),
        labels={index: labels[index].name for index in sorted(set(known.values()))},
        unknown=_unknown(document, known),
        missing=tuple(missing),
    )


def _by_image(document: _File) -> defaultdict[int, list[_Annotation]]:
    grouped = defaultdict(list)
    for annotation in document.annotations:
        grouped[annotation.image_id].append(annotation)
    return grouped


def _objects(annotations: Sequence[_Annotation], known: dict[int, int]) -> Objects:
    kept = [one for one in annotations if one.category_id in known]
    boxes = np.array([one.bbox for one in kept], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return Objects(
        boxes=boxes,
        class_ids=np.array([known[one.category_id] for one in kept], np.intp),
        crowd=np.array([one.iscrowd for one in kept], np.bool_),
    )


def _unknown(document: _File, known: dict[int, int]) -> dict[str, int]:
    objects = Counter(one.category_id for one in document.annotations)
    return {one.name: objects[one.id] for one in document.categories if one.id not in known}
