"""What is said about a picture: classes, things and maps, as JSON and as text."""

from typing import Any

import numpy as np
import pytest
from pydantic_core import from_json, to_json

from service.arrays import U8, Mask
from service.imaging.rle import decode
from service.tasks.segment import DenseMap, MaskFormat, Segmentation
from service.tasks.segment.instances import find_instances

LABELS = ("background", "nucleus", "border", "debris")
CLASS_MAP = np.array(
    [
        [0, 1, 1, 0, 0, 0],
        [0, 1, 2, 1, 0, 0],
        [0, 0, 2, 1, 0, 0],
        [0, 0, 0, 0, 0, 1],
    ],
    np.uint8,
)
ALPHA = np.where(CLASS_MAP > 0, 204, 0).astype(np.uint8)


def segmentation(
    class_map: U8 = CLASS_MAP, *, mask: str = "none", instances: bool = True
) -> Segmentation:
    alpha = np.where(class_map > 0, 204, 0).astype(np.uint8)
    return Segmentation(
        class_map=class_map,
        alpha=alpha,
        labels=LABELS,
        mask=MaskFormat(mask),
        instances=find_instances(class_map, alpha, border_id=2, min_area=1, reach=1)
        if instances
        else None,
    )


def plain(answer: dict[str, object]) -> Any:
    """Return what a client reads; NumPy's numbers would not have come so far."""
    return from_json(to_json(answer))


def filled(polygons: list[list[list[list[float]]]], size: tuple[int, int]) -> Mask:
    """Return the pixels whose centres an odd number of rings goes around."""
    ys, xs = np.mgrid[: size[0], : size[1]] + 0.5
    inside = np.zeros(size, bool)
    for ring in (np.array(ring) for polygon in polygons for ring in polygon):
        for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if y1 != y2:
                crosses = (ys >= min(y1, y2)) & (ys < max(y1, y2))
                inside ^= crosses & (xs < x1 + (ys - y1) * (x2 - x1) / (y2 - y1))
    return inside


def test_every_class_is_listed_with_its_pixels() -> None:
    assert plain(segmentation(instances=False).answer()) == {
        "classes": [
            {"class_id": 0, "label": "background", "pixels": 16, "fraction": 0.666667},
            {"class_id": 1, "label": "nucleus", "pixels": 6, "fraction": 0.25},
            {"class_id": 2, "label": "border", "pixels": 2, "fraction": 0.083333},
            {"class_id": 3, "label": "debris", "pixels": 0, "fraction": 0},
        ]
    }


def test_things_are_listed_if_asked_for() -> None:
    things = plain(segmentation().answer())["instances"]

    assert [thing.pop("box") for thing in things] == [
        {"x1": 1, "y1": 0, "x2": 3, "y2": 2},
        {"x1": 2, "y1": 1, "x2": 4, "y2": 3},
        {"x1": 5, "y1": 3, "x2": 6, "y2": 4},
    ]
    assert things == [
        {"instance_id": 1, "class_id": 1, "label": "nucleus", "score": 0.8, "area": 4},
        {"instance_id": 2, "class_id": 1, "label": "nucleus", "score": 0.8, "area": 3},
        {"instance_id": 3, "class_id": 1, "label": "nucleus", "score": 0.8, "area": 1},
    ]


def test_run_lengths_are_of_the_whole_picture() -> None:
    one = segmentation(mask="rle")
    answer = plain(one.answer())

    for entry in answer["classes"]:
        mask = decode(entry["mask"]["counts"], entry["mask"]["size"])
        np.testing.assert_array_equal(mask, np.equal(CLASS_MAP, entry["class_id"]))
    for entry in answer["instances"]:
        mask = decode(entry["mask"]["counts"], entry["mask"]["size"])
        np.testing.assert_array_equal(mask, one.instance_map() == entry["instance_id"])
        assert mask.sum() == entry["area"]


def test_polygons_are_in_pixels_of_the_whole_picture() -> None:
    # A ring with a hole, a block that touches the picture's end, and one alone.
    class_map = np.zeros((40, 60), np.uint8)
    class_map[5:25, 10:30] = 1
    class_map[12:18, 17:23] = 0
    class_map[20:40, 40:60] = 1
    class_map[30:36, 3:9] = 3
    one = segmentation(class_map, mask="polygon")
    answer = plain(one.answer())

    for entry in answer["classes"]:
        np.testing.assert_array_equal(
            filled(entry["mask"], (40, 60)), class_map == entry["class_id"]
        )
    for entry in answer["instances"]:
        np.testing.assert_array_equal(
            filled(entry["mask"], (40, 60)), one.instance_map() == entry["instance_id"]
        )
    assert [len(polygon) for polygon in answer["instances"][0]["mask"]] == [2]  # and its hole
    assert answer["classes"][2]["mask"] == []  # no pixel has the class


@pytest.mark.parametrize("mask", list(MaskFormat))
@pytest.mark.parametrize("class_id", [0, 1])
def test_one_pixel(mask: MaskFormat, class_id: int) -> None:
    answer = plain(segmentation(np.full((1, 1), class_id, np.uint8), mask=mask).answer())

    assert [entry["pixels"] for entry in answer["classes"]] == [1 - class_id, class_id, 0, 0]
    assert [entry["area"] for entry in answer["instances"]] == [1] * class_id
    assert all(("mask" in entry) is (mask != "none") for entry in answer["classes"])


def test_the_number_of_each_pixels_thing() -> None:
    assert segmentation().instance_map().tolist() == [
        [0, 1, 1, 0, 0, 0],
        [0, 1, 1, 2, 0, 0],
        [0, 0, 2, 2, 0, 0],
        [0, 0, 0, 0, 0, 3],
    ]
    with pytest.raises(ValueError, match="not asked for"):
        segmentation(instances=False).instance_map()


def test_classes_that_are_there_are_lines_of_text() -> None:
    lines = ["   66.7%  background", "   25.0%  nucleus", "    8.3%  border"]
    assert segmentation(instances=False).text() == "\n".join(lines)
    lines[1] += " (3)"
    assert segmentation().text() == "\n".join(lines)


def test_a_map_is_answered_in_figures() -> None:
    one = DenseMap(filter="sobel", values=np.array([[0, 51], [51, 204]], np.uint8))

    figures = {"min": 0, "max": 0.8, "mean": 0.3}
    assert plain(one.answer()) == {"map": {"filter": "sobel", **figures}}
    assert one.text() == "sobel: min 0.0000, max 0.8000, mean 0.3000"
