"""/segment over HTTP: masks in every form, things, pictures, tiles, and maps without classes."""

import base64
import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.api.segment_schemas import SegmentAnswer
from service.arrays import Array
from service.imaging import rle
from tests import pictures, planted_masks
from tests.answers import problem
from tests.planted_masks import class_map
from tests.serving import Serve, copy_model

pytestmark = pytest.mark.anyio

IDS = class_map()
# How a picture is stored that is upright once its orientation is undone.
STORED = {1: lambda ids: ids, 6: np.rot90, 3: lambda ids: ids[::-1, ::-1]}


@pytest.fixture
async def segment(serve: Serve, models_dir, anyio_backend: str) -> httpx.AsyncClient:  # type: ignore[no-untyped-def]
    planted_masks.folder(models_dir)
    copy_model(models_dir, "edges")
    return (await serve(default_segment="painted")).client


def painted(ids: Array = IDS, **options: Any) -> bytes:
    return pictures.encoded(planted_masks.picture(ids), "PNG", **options)


def opened(response: httpx.Response, media_type: str = "image/png") -> Image.Image:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    assert response.headers["vary"] == "Accept"
    return Image.open(io.BytesIO(response.content))


def mask_of(member: dict[str, Any]) -> Array:
    return rle.decode(member["mask"]["counts"], tuple(member["mask"]["size"]))


async def test_classes_have_their_pixels_and_masks(segment: httpx.AsyncClient) -> None:
    response = await segment.post("/segment", content=painted())

    answer = response.raise_for_status().json()
    SegmentAnswer.model_validate(answer)
    assert answer["model"] == "painted"
    assert answer["image"] == {"width": 200, "height": 150}
    assert [one["label"] for one in answer["classes"]] == ["nothing", "thing", "border"]
    for class_id, one in enumerate(answer["classes"]):
        expected = class_id == IDS
        assert one["class_id"] == class_id
        assert one["pixels"] == expected.sum()
        assert one["fraction"] == pytest.approx(expected.mean(), abs=1e-6)
        np.testing.assert_array_equal(mask_of(one), expected)
    assert "instances" not in answer
    assert {"decode", "queue", "infer", "postprocess", "render"} <= {
        part.split(";")[0].strip() for part in response.headers["server-timing"].split(",")
    }


async def test_things_are_told_apart_and_grow_back(segment: httpx.AsyncClient) -> None:
    answer = (await segment.post("/segment?instances=true", content=painted())).json()

    ring, left, right = answer["instances"]  # in reading order; the speck is too small
    assert [one["instance_id"] for one in answer["instances"]] == [1, 2, 3]
    assert {one["label"] for one in answer["instances"]} == {"thing"}
    assert ring["area"] == np.count_nonzero(IDS[:99] == 1) - 3
    assert left["area"] + right["area"] == 30 * 160  # the border belongs to them again
    assert left["box"] == {"x1": 20, "y1": 100, "x2": pytest.approx(100, abs=2), "y2": 130}
    assert right["box"]["x1"] == left["box"]["x2"]
    assert ring["score"] > 0.99
    for one in answer["instances"]:
        mask, box = mask_of(one), one["box"]
        assert mask.sum() == one["area"]
        rows, columns = np.nonzero(mask)
        assert (columns.min(), rows.min()) == (box["x1"], box["y1"])
        assert (columns.max() + 1, rows.max() + 1) == (box["x2"], box["y2"])


def area(ring: list[list[float]]) -> float:
    """Return a ring's signed area, by the shoelace formula."""
    x, y = np.array(ring).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


async def test_polygons_have_the_masks_area_and_its_hole(segment: httpx.AsyncClient) -> None:
    query = "/segment?mask=polygon&instances=true"
    answer = SegmentAnswer.model_validate((await segment.post(query, content=painted())).json())

    assert answer.instances is not None
    ring = answer.instances[0]
    assert isinstance(ring.mask, list)
    assert [len(polygon) for polygon in ring.mask] == [2]  # an outer ring and a hole
    for one in answer.instances:
        assert isinstance(one.mask, list)
        covered = sum(
            abs(area(outer)) - sum(abs(area(hole)) for hole in holes) for outer, *holes in one.mask
        )
        assert covered == pytest.approx(one.area, rel=0.02)


async def test_no_masks(segment: httpx.AsyncClient) -> None:
    answer = (await segment.post("/segment?mask=none&instances=true", content=painted())).json()

    for one in answer["classes"] + answer["instances"]:
        assert "mask" not in one


@pytest.mark.parametrize("headers", [{}, {"Accept": "image/png"}, {"Accept": "image/*"}])
async def test_a_rendered_mask_has_the_class_ids(
    segment: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    query = "" if headers else "?render=mask"
    picture = opened(await segment.post(f"/segment{query}", content=painted(), headers=headers))

    assert picture.mode == "P"
    np.testing.assert_array_equal(np.asarray(picture), IDS)


async def test_a_rendered_mask_of_things_has_their_numbers(segment: httpx.AsyncClient) -> None:
    query = "/segment?instances=true"
    rendered = opened(await segment.post(f"{query}&render=mask", content=painted()))
    answer = (await segment.post(query, content=painted())).json()

    numbers = np.asarray(rendered).astype(np.int32)
    for one in answer["instances"]:
        np.testing.assert_array_equal(numbers == one["instance_id"], mask_of(one))


async def test_an_overlay_colours_what_is_there_and_nothing_else(
    segment: httpx.AsyncClient,
) -> None:
    response = await segment.post("/segment?render=overlay", content=painted())
    after = np.asarray(opened(response).convert("RGB")).astype(int)
    before = np.asarray(planted_masks.picture(IDS)).astype(int)

    changed = (after != before).any(axis=2)
    assert not changed[IDS == 0].any()
    assert changed[IDS == 1].mean() > 0.5


async def test_an_overlay_may_be_a_jpeg(segment: httpx.AsyncClient) -> None:
    response = await segment.post("/segment", content=painted(), headers={"Accept": "image/jpeg"})

    assert opened(response, "image/jpeg").size == (200, 150)


@pytest.mark.parametrize("render", ["mask", "cutout"])
async def test_what_a_jpeg_cannot_hold(segment: httpx.AsyncClient, render: str) -> None:
    response = await segment.post(
        f"/segment?render={render}", content=painted(), headers={"Accept": "image/jpeg"}
    )

    assert problem(response, 422, "invalid_option")["option"] == "render"


async def test_a_cutout_is_transparent_where_nothing_is(segment: httpx.AsyncClient) -> None:
    picture = opened(await segment.post("/segment?render=cutout", content=painted()))

    assert picture.mode == "RGBA"
    alpha = np.asarray(picture)[..., 3]
    assert alpha[IDS == 0].max() == 0
    assert alpha[IDS > 0].min() == 255


@pytest.mark.parametrize("orientation", STORED)
async def test_masks_are_upright(segment: httpx.AsyncClient, orientation: int) -> None:
    exif = Image.Exif()
    exif[pictures.ORIENTATION_TAG] = orientation
    stored = np.ascontiguousarray(STORED[orientation](IDS))
    content = painted(stored, exif=exif)

    picture = opened(await segment.post("/segment?render=mask", content=content))

    np.testing.assert_array_equal(np.asarray(picture), IDS)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (300, 1), (1, 300), (64, 64), (65, 63)])
async def test_any_size(segment: httpx.AsyncClient, height: int, width: int) -> None:
    ids = np.random.default_rng(0).integers(0, 2, (height, width)).astype(np.uint8)

    picture = opened(await segment.post("/segment?render=mask", content=painted(ids)))

    np.testing.assert_array_equal(np.asarray(picture).reshape(height, width), ids)


async def test_a_map_is_a_grey_picture_unless_json_is_asked_for(
    segment: httpx.AsyncClient,
) -> None:
    step = np.zeros((40, 60), np.uint8)
    step[:, 30:] = 1
    response = await segment.post("/segment?model=edges&filter=vertical", content=painted(step))
    picture = opened(response)
    assert (picture.mode, picture.size) == ("L", (60, 40))
    values = np.asarray(picture)
    assert values[:, 29:31].min() > 0
    assert np.delete(values, [29, 30], axis=1).max() == 0

    response = await segment.post(
        "/segment?model=edges&filter=vertical",
        content=painted(step),
        headers={"Accept": "application/json"},
    )
    answer = SegmentAnswer.model_validate(response.raise_for_status().json())
    assert answer.map is not None
    assert (answer.map.filter, answer.map.min) == ("vertical", 0)
    assert answer.map.max == pytest.approx(values.max() / 255, abs=0.01)
    assert answer.map.mean == pytest.approx(values.mean() / 255, abs=0.01)
    same = Image.open(io.BytesIO(base64.b64decode(answer.map.png)))
    np.testing.assert_array_equal(np.asarray(same), values)


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ("mask=png", "mask"),
        ("render=everything", "render"),
        ("filter=sobel", "filter"),  # a network with classes has none
        ("model=edges&filter=canny", "filter"),
        ("model=edges&instances=true", "instances"),
        ("model=edges&render=overlay", "render"),
        ("threshold=0.5", "threshold"),
    ],
)
async def test_options_that_cannot_be_honoured(
    segment: httpx.AsyncClient, query: str, option: str
) -> None:
    response = await segment.post(f"/segment?{query}", content=painted())

    assert problem(response, 422, "invalid_option")["option"] == option


async def test_a_model_that_is_not_there(segment: httpx.AsyncClient) -> None:
    response = await segment.post("/segment?model=deeplab", content=painted())

    assert problem(response, 404, "model_not_found")["available"] == ["edges", "painted"]


async def test_a_picture_that_is_none(segment: httpx.AsyncClient) -> None:
    problem(await segment.post("/segment", content=b"not a picture"), 415, "unsupported_format")
