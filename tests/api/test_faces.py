"""/faces over HTTP, with the networks that the service ships."""

import io
import json
import re
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.api.face_schemas import FacesAnswer
from tests import faces
from tests.answers import problem

pytestmark = pytest.mark.anyio

DETECT, LANDMARKS, EMBED = "centerface", "face-landmarks-68", "dlib-resnet-face"
ORIGINAL = faces.png(faces.astronaut())


async def ask(face_client: httpx.AsyncClient, picture: bytes = ORIGINAL, **query: Any) -> Any:
    response = await face_client.post("/faces", params=query, content=picture)
    assert response.status_code == 200, response.text
    document = response.json()
    FacesAnswer.model_validate_json(json.dumps(document), strict=True)
    return document


def eyes(face: dict[str, Any]) -> np.ndarray:
    return np.array([face["keypoints"]["right_eye"], face["keypoints"]["left_eye"]])


# Where the astronaut's eyes are, looked at: the person's right one is on the left.
EYES = np.array([[203, 101], [246, 103]])


async def test_a_face_is_found(face_client: httpx.AsyncClient) -> None:
    found = await ask(face_client)

    assert (found["model"], found["models"]) == (DETECT, [DETECT, LANDMARKS])
    assert (found["image"], found["truncated"]) == ({"width": 512, "height": 512}, False)
    [face] = found["faces"]
    assert face.keys() == {"box", "score", "share", "keypoints", "landmarks"}
    assert eyes(face) == pytest.approx(EYES, abs=4)
    points, box = np.array(face["landmarks"]), face["box"]
    assert points.shape == (68, 2)
    inside = (points >= [box["x1"] - 15, box["y1"] - 15]) & (
        points <= [box["x2"] + 15, box["y2"] + 15]
    )
    assert inside.all()


@pytest.mark.parametrize("name", faces.VARIANTS)
async def test_it_is_found_whatever_became_of_the_picture(
    face_client: httpx.AsyncClient, name: str
) -> None:
    found = await ask(face_client, faces.VARIANTS[name]())

    assert len(found["faces"]) == 1


async def test_the_frame_is_the_full_upright_picture(face_client: httpx.AsyncClient) -> None:
    wide = faces.astronaut().crop((0, 0, 512, 300)).resize((2560, 1500), Image.Resampling.BICUBIC)

    for orientation in (1, 6):
        found = await ask(face_client, faces.jpeg(wide, 80, orientation))
        assert found["image"] == {"width": 2560, "height": 1500}
        assert eyes(found["faces"][0]) == pytest.approx(5 * EYES, abs=20)


async def test_small_faces_are_encoded_from_all_the_pixels_that_there_are(
    face_client: httpx.AsyncClient,
) -> None:
    # The face covers 1/24 of the width: a picture decoded for the detector has 20 pixels of it.
    canvas = Image.new("RGB", (2400, 2400), (90, 90, 90))
    canvas.paste(faces.astronaut(), (1000, 1000))

    [small] = (await ask(face_client, faces.jpeg(canvas), embed=True))["faces"]
    [large] = (await ask(face_client, embed=True))["faces"]

    distance = np.linalg.norm(np.array(small["encoding"]) - np.array(large["encoding"]))
    assert small["quality"]["side"] == pytest.approx(large["quality"]["side"], rel=0.05)
    assert distance < 0.25


async def test_an_encoding_comes_only_if_it_is_asked_for(face_client: httpx.AsyncClient) -> None:
    found = await ask(face_client, embed=True)

    assert found["models"] == [DETECT, LANDMARKS, EMBED]
    [face] = found["faces"]
    assert len(face["encoding"]) == 128
    assert face["quality"]["flaws"] == []
    high = (await ask(face_client, embed=True, accuracy="high"))["faces"][0]
    assert 0 < np.linalg.norm(np.array(high["encoding"]) - np.array(face["encoding"])) < 0.4


async def test_without_landmarks_only_the_detector_is_asked(face_client: httpx.AsyncClient) -> None:
    found = await ask(face_client, landmarks=False)

    assert found["models"] == [DETECT]
    [face] = found["faces"]
    assert face.keys() == {"box", "score", "share", "keypoints"}
    assert eyes(face) == pytest.approx(EYES, abs=6)


async def test_several_faces(face_client: httpx.AsyncClient) -> None:
    found = await ask(face_client, faces.collage(), embed=True)

    first, second = sorted(found["faces"], key=lambda face: face["box"]["x1"])
    assert eyes(first) == pytest.approx(EYES, abs=6)
    assert eyes(second) == pytest.approx(1.5 * EYES + [512, 0], abs=8)
    assert second["share"] > first["share"]
    limited = await ask(face_client, faces.collage(), max_faces=1)
    assert (len(limited["faces"]), limited["truncated"]) == (1, True)


async def test_no_face_is_an_answer_too(face_client: httpx.AsyncClient) -> None:
    found = await ask(face_client, faces.torso(), embed=True)

    assert found["faces"] == []
    assert (await ask(face_client, score_threshold=1))["faces"] == []


async def test_the_annotated_picture(face_client: httpx.AsyncClient) -> None:
    response = await face_client.post(
        "/faces", content=ORIGINAL, headers={"Accept": "image/png, application/json"}
    )

    assert response.headers["content-type"] == "image/png"
    assert response.headers["vary"] == "Accept"
    assert "render;dur=" in response.headers["server-timing"]
    drawn = np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB"))
    changed = (drawn != np.asarray(faces.astronaut())).any(axis=2)
    [face] = (await ask(face_client))["faces"]
    for x, y in face["landmarks"]:
        assert changed[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].any()
    assert not changed[300:].any()


async def test_render_means_jpeg(face_client: httpx.AsyncClient) -> None:
    response = await face_client.post("/faces?render=true&landmarks=false", content=ORIGINAL)

    assert response.headers["content-type"] == "image/jpeg"


async def test_the_headers_say_where_the_time_went(face_client: httpx.AsyncClient) -> None:
    headers = (await face_client.post("/faces", content=ORIGINAL)).headers

    stages = re.findall(r"([a-z]+);dur=\d+\.\d\d", headers["server-timing"])
    assert stages == ["decode", "preprocess", "queue", "infer", "postprocess"]
    assert headers["x-execution-provider"] == "CPUExecutionProvider"


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ("max_faces=0", "max_faces"),
        ("score_threshold=2", "score_threshold"),
        ("landmarks=perhaps", "landmarks"),
        ("accuracy=low", "accuracy"),
        ("face=1", "face"),
    ],
)
async def test_a_wrong_option_is_named(
    face_client: httpx.AsyncClient, query: str, option: str
) -> None:
    response = await face_client.post(f"/faces?{query}", content=ORIGINAL)

    assert problem(response, 422, "invalid_option")["option"] == option


@pytest.mark.parametrize("body", [b"", b"no picture at all"])
async def test_a_body_that_is_no_picture(face_client: httpx.AsyncClient, body: bytes) -> None:
    response = await face_client.post("/faces", content=body)

    assert response.status_code in {400, 415}


async def test_a_model_that_is_not_there(face_client: httpx.AsyncClient) -> None:
    response = await face_client.post("/faces?model=nobody", content=ORIGINAL)

    assert problem(response, 404, "model_not_found")["available"] == [DETECT]
