"""/verify over HTTP, with the networks that the service ships."""

import json
from typing import Any

import httpx
import pytest

from service.api.face_schemas import VerifyAnswer
from tests import faces
from tests.answers import problem
from tests.api.conftest import FACE_NETWORKS
from tests.serving import MODELS

pytestmark = pytest.mark.anyio

ORIGINAL = faces.png(faces.astronaut())


async def verify(
    face_client: httpx.AsyncClient, one: bytes = ORIGINAL, other: bytes = ORIGINAL, **query: Any
) -> httpx.Response:
    return await face_client.post("/verify", params=query, files={"image1": one, "image2": other})


async def answer(face_client: httpx.AsyncClient, other: bytes = ORIGINAL, **query: Any) -> Any:
    response = await verify(face_client, ORIGINAL, other, **query)
    assert response.status_code == 200, response.text
    return response.json()


# Verdicts


@pytest.mark.parametrize("name", faces.VARIANTS)
async def test_one_person_is_verified_whatever_became_of_the_picture(
    face_client: httpx.AsyncClient, name: str
) -> None:
    found = await answer(face_client, faces.VARIANTS[name]())

    assert found["verified"] is True, found
    assert found["distance"] < 0.8 * found["threshold"]
    assert [face["quality"]["flaws"] for face in found["faces"]] == [[], []]


@pytest.mark.parametrize("accuracy", ["standard", "high"])
async def test_the_same_picture_has_no_distance(
    face_client: httpx.AsyncClient, accuracy: str
) -> None:
    found = await answer(face_client, accuracy=accuracy)

    assert (found["verified"], found["distance"], found["similarity"]) == (True, 0, 1)


async def test_high_accuracy_sees_a_mirror_image_as_the_same(
    face_client: httpx.AsyncClient,
) -> None:
    mirrored = faces.VARIANTS["mirrored"]()

    standard = await answer(face_client, mirrored)
    high = await answer(face_client, mirrored, accuracy="high")

    assert high["distance"] < 0.5 * standard["distance"]


async def test_what_a_verdict_says(face_client: httpx.AsyncClient) -> None:
    found = await answer(face_client)

    stated = VerifyAnswer.model_validate_json(json.dumps(found), strict=True)
    assert set(found) == set(VerifyAnswer.model_fields)
    assert stated.model == "dlib-resnet-face"
    assert len(stated.model_sha256) == 64
    assert 0 <= stated.false_match_rate <= stated.false_match_rate_high < 0.2
    assert 0 <= stated.false_non_match_rate <= stated.false_non_match_rate_high < 0.2
    assert stated.calibration.pairs_different > 100
    for face, picture in zip(stated.faces, faces_of(found), strict=True):
        assert face.share == pytest.approx(0.036, abs=0.01)
        assert face.landmarks is not None
        assert len(face.landmarks) == 68
        assert picture == {"width": 512, "height": 512}
        assert face.quality is not None
        assert face.quality.side > 100


def faces_of(found: Any) -> list[dict[str, int]]:
    assert [face["picture"] for face in found["faces"]] == ["image1", "image2"]
    return [face["image"] for face in found["faces"]]


async def test_a_face_that_cannot_be_judged_is_not_guessed_at(
    face_client: httpx.AsyncClient,
) -> None:
    found = await answer(face_client, faces.shrunk(96))

    assert found["verified"] is None
    assert [face["quality"]["flaws"] for face in found["faces"]] == [[], ["too_small"]]


# Which face


@pytest.mark.parametrize("query", [{}, {"faces": "largest"}])
async def test_a_picture_without_a_face(
    face_client: httpx.AsyncClient, query: dict[str, str]
) -> None:
    document = problem(await verify(face_client, ORIGINAL, faces.torso(), **query), 422, "no_face")

    assert document["picture"] == "image2"


async def test_a_picture_with_several_faces(face_client: httpx.AsyncClient) -> None:
    response = await verify(face_client, faces.collage(), ORIGINAL)

    document = problem(response, 422, "multiple_faces")
    assert document["picture"] == "image1"
    boxes = sorted(face["box"]["x1"] for face in document["faces"])
    assert boxes == pytest.approx([184, 512 + 1.5 * 184], abs=10)


async def test_the_largest_of_several_faces(face_client: httpx.AsyncClient) -> None:
    found = await answer(face_client, faces.collage(), faces="largest")

    assert found["verified"] is True
    assert found["faces"][1]["box"]["x1"] > 512


# Privacy


async def test_neither_pictures_nor_encodings_are_logged(
    face_client: httpx.AsyncClient, log_lines: Any
) -> None:
    await verify(face_client, ORIGINAL, faces.torso())
    encoding = (await face_client.post("/faces?embed=true", content=ORIGINAL)).json()["faces"][0]

    logged = json.dumps(log_lines())
    assert len(logged) > 0
    for value in encoding["encoding"][:8]:
        assert str(value) not in logged


async def test_the_document_says_what_is_not_done(face_client: httpx.AsyncClient) -> None:
    paths = (await face_client.get("/openapi.json")).json()["paths"]

    assert "no liveness detection" in paths["/verify"]["post"]["description"]
    for path in ("/verify", "/faces"):
        assert "not stored and not logged" in paths[path]["post"]["description"]


def test_the_networks_are_small() -> None:
    sizes = [(MODELS / name / "model.onnx").stat().st_size for name in FACE_NETWORKS]

    assert sum(sizes) < 15_000_000
