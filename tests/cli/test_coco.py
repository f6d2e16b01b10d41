"""COCO files: what is taken from them, and what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.cli.coco import DataSet, read_coco
from service.errors import InvalidOption
from service.tasks.labels import Label

CAT_DOG = (Label("cat"), Label("dog"))


def document(**members: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "b.png", "width": 40, "height": 30},
            {"id": 3, "file_name": "sub/a.png"},
        ],
        "categories": [{"id": 18, "name": " Dog"}, {"id": 90, "name": "yeti"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4.5], "area": 13.5},
            {"id": 2, "image_id": 7, "category_id": 90, "bbox": [0, 0, 9, 9]},
            {"id": 3, "image_id": 7, "category_id": 18, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        ],
        "licenses": [],
        **members,
    }


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name in ("b.png", "sub/a.png"):
        (tmp_path / name).touch()
    return tmp_path


def read(folder: Path, **members: Any) -> DataSet:
    path = folder / "coco.json"
    path.write_text(json.dumps(document(**members)), encoding="utf-8")
    return read_coco(path, folder, CAT_DOG)


def test_boxes_become_corners_and_categories_become_classes(images: Path) -> None:
    data = read(images)

    first, second = data.photos
    assert (first.name, first.path, first.size) == ("sub/a.png", images / "sub/a.png", None)
    assert first.objects.boxes.shape == (0, 4)  # no annotation: a picture with nothing in it
    assert second.size == (30, 40)
    assert second.objects.boxes.tolist() == [[1, 2, 4, 6.5], [0, 0, 9, 9]]
    assert second.objects.class_ids.tolist() == [1, 1]
    assert second.objects.crowd.tolist() == [False, True]
    assert second.objects.class_ids.dtype == np.intp


def test_categories_are_matched_by_name_and_the_rest_is_told(images: Path) -> None:
    data = read(images)

    assert data.labels == {1: "dog"}  # nobody annotated cats, so nobody can judge them
    assert data.unknown == {"yeti": 1}


def test_pictures_that_are_not_there_are_told(images: Path) -> None:
    (images / "b.png").unlink()

    data = read(images)

    assert [photo.name for photo in data.photos] == ["sub/a.png"]
    assert data.missing == ("b.png",)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"images": [{"id": 3}], "annotations": []}, r"images\.0\.file_name: Field required"),
        (
            {"categories": [{"id": 1, "name": "yeti"}], "annotations": []},
            "the model has none of its categories",
        ),
        ({"annotations": [{"image_id": 7, "category_id": 18}]}, r"annotations\.0\.bbox: "),
        (
            {"annotations": [{"image_id": 7, "category_id": 18, "bbox": [1, 2, -3, 4]}]},
            r"annotations\.0\.bbox\.2: .*greater than or equal to 0",
        ),
        (
            {"annotations": [{"image_id": 4, "category_id": 18, "bbox": [1, 2, 3, 4]}]},
            r"annotations\.0: no image is 4",
        ),
        (
            {"annotations": [{"image_id": 7, "category_id": 4, "bbox": [1, 2, 3, 4]}]},
            r"annotations\.0: no category is 4",
        ),
        ({"images": [{"id": 1, "file_name": "c.png"}], "annotations": []}, "none of the 1 "),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(
    images: Path, members: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidOption, match=reason):
        read(images, **members)


def test_what_is_not_json_is_refused(images: Path) -> None:
    path = images / "coco.json"
    path.write_text("images,boxes\n", encoding="utf-8")

    with pytest.raises(InvalidOption, match=r"coco\.json: .*Invalid JSON"):
        read_coco(path, images, CAT_DOG)
