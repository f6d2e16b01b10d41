"""/detect over HTTP, with the bundled network: right, bounded and drawn, whatever the picture."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from service.api.schemas import DetectAnswer
from service.api.tasks import wanted_picture
from service.imaging.encode import PictureFormat
from tests import pictures
from tests.answers import problem
from tests.serving import MODELS, Serve, copy_model

pytestmark = pytest.mark.anyio

CENTERNET = "centernet-mobilenetv3"
COFFEE = (MODELS / CENTERNET / "golden.jpg").read_bytes()
SIZE = (400, 600)


@pytest.fixture
async def detect(serve: Serve, models_dir, anyio_backend: str) -> httpx.AsyncClient:  # type: ignore[no-untyped-def]
    copy_model(models_dir, CENTERNET)
    return (await serve()).client


def blank(height: int, width: int, level: int = 127) -> bytes:
    return pictures.encoded(Image.fromarray(np.full((height, width, 3), level, np.uint8)), "PNG")


async def test_it_finds_the_cup(detect: httpx.AsyncClient) -> None:
    response = await detect.post("/detect", content=COFFEE)
    answer = DetectAnswer.model_validate(response.json())
    assert answer.model == CENTERNET
    assert (answer.image.height, answer.image.width) == SIZE
    best = answer.detections[0]
    assert best.label == "cup"
    # The cup's rim and base, by eye.
    assert best.box.x1 == pytest.approx(168, abs=15)
    assert best.box.x2 == pytest.approx(418, abs=15)
    assert not answer.truncated
    stages = {part.split(";")[0].strip() for part in response.headers["server-timing"].split(",")}
    assert stages == {"decode", "preprocess", "queue", "infer", "postprocess"}


@pytest.mark.parametrize(
    ("height", "width"),
    [
        pytest.param(1, 1, id="one pixel"),
        pytest.param(300, 1, id="one pixel wide"),
        pytest.param(1, 300, id="one pixel high"),
        pytest.param(40, 10_000, id="very wide"),
        pytest.param(10_000, 40, id="very high"),
        pytest.param(200, 300, id="nothing to be seen"),
    ],
)
@pytest.mark.parametrize("query", ["", "?score_threshold=0", "?score_threshold=1"])
async def test_any_picture_gets_a_sane_answer(
    detect: httpx.AsyncClient, height: int, width: int, query: str
) -> None:
    response = await detect.post(f"/detect{query}", content=blank(height, width))
    answer = DetectAnswer.model_validate(response.json())
    assert len(answer.detections) <= 100
    for found in answer.detections:
        box = found.box
        assert 0 <= box.x1 < box.x2 <= width
        assert 0 <= box.y1 < box.y2 <= height
    if query == "?score_threshold=1":
        assert answer.detections == []
    if query == "?score_threshold=0":
        assert answer.truncated


async def test_options_act_on_the_answer(detect: httpx.AsyncClient) -> None:
    async def labels(query: str) -> list[str]:
        answer = (await detect.post(f"/detect?{query}", content=COFFEE)).json()
        return [found["label"] for found in answer["detections"]]

    everything = await labels("score_threshold=0.05")
    assert len(everything) > 3
    assert set(await labels("score_threshold=0.05&classes=spoon,cup")) <= {"spoon", "cup"}
    assert await labels("classes=person") == []
    assert len(await labels("score_threshold=0.05&max_detections=2")) == 2
    assert len(await labels("score_threshold=0.05&iou_threshold=0&class_agnostic=true")) < len(
        everything
    )


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ("classes=cpu", "classes"),
        ("iou_threshold=2", "iou_threshold"),
        ("max_detections=0", "max_detections"),
        ("render=perhaps", "render"),
        ("threshold=0.5", "threshold"),
    ],
)
async def test_wrong_options_are_named(detect: httpx.AsyncClient, query: str, option: str) -> None:
    response = await detect.post(f"/detect?{query}", content=COFFEE)
    assert problem(response, 422, "invalid_option")["option"] == option


async def test_near_matches_of_an_unknown_class(detect: httpx.AsyncClient) -> None:
    response = await detect.post("/detect?classes=cpu", content=COFFEE)
    assert "cup" in problem(response, 422, "invalid_option")["near"]


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        pytest.param("?render=true", "*/*", "JPEG", id="asked for by option"),
        pytest.param("", "image/jpeg", "JPEG", id="accept"),
        pytest.param("", "image/png;q=0.9, */*;q=0.1", "PNG", id="accept, with weights"),
        pytest.param("?render=true", "image/webp", "WEBP", id="both"),
    ],
)
async def test_the_annotated_picture(
    detect: httpx.AsyncClient, query: str, accept: str, kind: str
) -> None:
    response = await detect.post(f"/detect{query}", content=COFFEE, headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == f"image/{kind.lower()}"
    assert "render;dur=" in response.headers["server-timing"]
    drawn = Image.open(io.BytesIO(response.content))
    assert drawn.format == kind
    assert drawn.size == SIZE[::-1]
    before = np.asarray(Image.open(io.BytesIO(COFFEE)).convert("RGB"), int)
    changed = np.abs(np.asarray(drawn.convert("RGB"), int) - before).max(axis=2) > 60
    assert 0.005 < changed.mean() < 0.2  # boxes and captions, and the picture still there


async def test_the_annotated_picture_is_upright(detect: httpx.AsyncClient) -> None:
    response = await detect.post(
        "/detect?render=true", content=pictures.jpeg(64, 32, orientation=6)
    )
    assert Image.open(io.BytesIO(response.content)).size == (32, 64)


@pytest.mark.parametrize(
    ("accept", "render", "wanted"),
    [
        pytest.param("", False, None, id="nothing said"),
        pytest.param("*/*", False, None, id="anything: JSON"),
        pytest.param("application/json, image/png", False, None, id="JSON is preferred"),
        pytest.param("image/png, application/json", False, PictureFormat.PNG, id="PNG is"),
        pytest.param("text/html, image/avif, image/*", False, PictureFormat.JPEG, id="a browser"),
        pytest.param("application/json", True, PictureFormat.JPEG, id="render wins"),
        pytest.param("IMAGE/WEBP", False, PictureFormat.WEBP, id="case"),
    ],
)
def test_wanted_picture(accept: str, render: bool, wanted: PictureFormat | None) -> None:
    assert wanted_picture(accept, render=render) is wanted


@pytest.mark.parametrize("accept", ["image/*", ""])
def test_what_a_caller_who_does_not_say_gets(accept: str) -> None:
    for otherwise in PictureFormat:
        assert wanted_picture(accept, render=True, otherwise=otherwise) is otherwise
