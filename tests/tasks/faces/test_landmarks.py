"""Landmarks: what the network says of a crop is told in pixels of the picture."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, TensorInfo
from service.tasks.faces.landmarks import (
    FaceLandmarks,
    FaceLandmarksConfig,
    FaceLandmarksOptions,
    FaceRegion,
    Landmarks,
)
from service.tasks.inputs import InputSpec

SIDE = 16


def task(
    shape: tuple[int | None, ...] = (None, 68, 2), size: tuple[int, int] = (SIDE, SIDE), **keys: Any
) -> FaceLandmarks:
    network = Network(
        name="points",
        input=InputSpec(size=size, layout="NHWC"),
        inputs=(TensorInfo("image", (None, *size, 3), "uint8"),),
        outputs=(TensorInfo("points", shape, "float32"),),
    )
    return FaceLandmarks(network, FaceLandmarksConfig(**keys))


def said(one: FaceLandmarks, *faces: FaceRegion, at: tuple[float, float]) -> Landmarks:
    """What is told when the network sees all points at one place of each crop."""
    options = FaceLandmarksOptions(faces=faces)
    prepared = one.preprocess(Picture.from_pixels(np.zeros((60, 90, 3), np.uint8)), options)
    assert prepared.tensors["image"].shape == (max(1, len(faces)), SIDE, SIDE, 3)
    points = np.broadcast_to(np.array(at, np.float32), (prepared.rows, 68, 2))
    return one.postprocess({"points": points}, prepared, options)


FACE = FaceRegion(box=(20, 10, 40, 50))  # centre (30, 30), 40 high


@pytest.mark.parametrize(
    ("keys", "at", "expected"),
    [
        pytest.param({}, (0.5, 0.5), (30, 30), id="the centre"),
        pytest.param({}, (0.0, 0.0), (10, 10), id="a corner, of a square as long as the box"),
        pytest.param({"scale": 1.5}, (1.0, 0.0), (60, 0), id="a wider square"),
        pytest.param({"shift_y": 0.25}, (0.5, 0.5), (30, 40), id="moved down"),
    ],
)
def test_points_are_told_in_pixels_of_the_picture(
    keys: dict[str, float], at: tuple[float, float], expected: tuple[float, float]
) -> None:
    found = said(task(**keys), FACE, at=at)
    assert found.points_source.shape == (1, 68, 2)
    assert found.points_source[0, 33] == pytest.approx(expected, abs=1e-4)


def test_the_crop_turns_with_the_face_only_if_told_to() -> None:
    leaning = FaceRegion(box=FACE.box, roll=math.pi / 2)
    # A face on its right ear: what is above the centre of the crop is to the right in the picture.
    above = (0.5, 0.25)
    assert said(task(), leaning, at=above).points_source[0, 0] == pytest.approx((30, 20), abs=1e-4)
    turned = said(task(upright=True), leaning, at=above)
    assert turned.points_source[0, 0] == pytest.approx((40, 30), abs=1e-4)


def test_down_is_towards_the_chin() -> None:
    leaning = FaceRegion(box=FACE.box, roll=math.pi / 2)
    found = said(task(upright=True, shift_y=0.25), leaning, at=(0.5, 0.5))
    assert found.points_source[0, 0] == pytest.approx((20, 30), abs=1e-4)


def test_every_face_has_its_own_row() -> None:
    other = FaceRegion(box=(50, 20, 70, 40))
    found = said(task(), FACE, other, at=(0.5, 0.5))
    assert found.points_source[:, 0].tolist() == [[30, 30], [60, 30]]
    assert len(found.answer()["landmarks"]) == 2  # type: ignore[arg-type]
    assert found.text().splitlines()[1] == "68 points around (60, 30)"


def test_without_faces_the_picture_is_one() -> None:
    assert said(task(), at=(0.5, 0.5)).points_source[0, 0].tolist() == [45, 30]


def test_a_box_without_extent_is_no_bug() -> None:
    assert np.isfinite(said(task(), FaceRegion(box=(5, 5, 5, 5)), at=(0, 0)).points_source).all()


@pytest.mark.parametrize(
    ("shape", "size", "key"),
    [
        ((None, 68, 3), (SIDE, SIDE), "config.output"),
        ((None, 136), (SIDE, SIDE), "config.output"),
        ((None, 68, 2), (16, 12), "input.size"),
    ],
)
def test_a_manifest_that_contradicts_the_graph(
    shape: tuple[int | None, ...], size: tuple[int, int], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        task(shape, size)
    assert caught.value.key == key


@pytest.mark.parametrize("face", [{"box": [1, 2, 3]}, {"box": [1, 2, 3, 4], "rol": 0}, {}])
def test_a_region_that_is_none(face: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FaceLandmarksOptions.model_validate({"faces": [face]})
