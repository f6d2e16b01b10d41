"""/verify over HTTP, with the networks that the service ships."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.face_schemas import VerifyAnswer
from service.engine.session import OrtSession
from service.errors import ManifestError
from service.settings import Settings
from tests import faces
from tests.answers import problem
from tests.serving import MODELS, Brake, Serve, copy_model, serving

pytestmark = pytest.mark.anyio

NETWORKS = ("centerface", "face-landmarks-68", "dlib-resnet-face")
ORIGINAL = faces.png(faces.astronaut())


@pytest.fixture(scope="module")
def face_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("faces") / "models"
    for name in NETWORKS:
        copy_model(directory, name)
    return directory


@pytest.fixture
async def client(face_models: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(models_dir=face_models, device="cpu", cpus=1, max_wait_ms=60_000)
    async with serving(settings) as served:
        yield served.client


async def verify(
    client: httpx.AsyncClient, one: bytes = ORIGINAL, other: bytes = ORIGINAL, **query: Any
) -> httpx.Response:
    return await client.post("/verify", params=query, files={"image1": one, "image2": other})


async def answer(client: httpx.AsyncClient, other: bytes = ORIGINAL, **query: Any) -> Any:
    response = await verify(client, ORIGINAL, other, **query)
    assert response.status_code == 200, response.text
    return response.json()


# Verdicts


@pytest.mark.parametrize("name", faces.VARIANTS)
async def test_one_person_is_verified_whatever_became_of_the_picture(
    client: httpx.AsyncClient, name: str
) -> None:
    found = await answer(client, faces.VARIANTS[name]())

    assert found["verified"] is True, found
    assert found["distance"] < 0.8 * found["threshold"]
    assert [face["quality"]["flaws"] for face in found["faces"]] == [[], []]


@pytest.mark.parametrize("accuracy", ["standard", "high"])
async def test_the_same_picture_has_no_distance(client: httpx.AsyncClient, accuracy: str) -> None:
    found = await answer(client, accuracy=accuracy)

    assert (found["verified"], found["distance"], found["similarity"]) == (True, 0, 1)


async def test_high_accuracy_sees_a_mirror_image_as_the_same(client: httpx.AsyncClient) -> None:
    mirrored = faces.VARIANTS["mirrored"]()

    standard = await answer(client, mirrored)
    high = await answer(client, mirrored, accuracy="high")

    assert high["distance"] < 0.5 * standard["distance"]


async def test_what_a_verdict_says(client: httpx.AsyncClient) -> None:
    found = await answer(client)

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


async def test_a_face_that_cannot_be_judged_is_not_guessed_at(client: httpx.AsyncClient) -> None:
    found = await answer(client, faces.shrunk(96))

    assert found["verified"] is None
    assert [face["quality"]["flaws"] for face in found["faces"]] == [[], ["too_small"]]


# Which face


@pytest.mark.parametrize("query", [{}, {"faces": "largest"}])
async def test_a_picture_without_a_face(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    document = problem(await verify(client, ORIGINAL, faces.torso(), **query), 422, "no_face")

    assert document["picture"] == "image2"


async def test_a_picture_with_several_faces(client: httpx.AsyncClient) -> None:
    response = await verify(client, faces.collage(), ORIGINAL)

    document = problem(response, 422, "multiple_faces")
    assert document["picture"] == "image1"
    boxes = sorted(face["box"]["x1"] for face in document["faces"])
    assert boxes == pytest.approx([184, 512 + 1.5 * 184], abs=10)


async def test_the_largest_of_several_faces(client: httpx.AsyncClient) -> None:
    found = await answer(client, faces.collage(), faces="largest")

    assert found["verified"] is True
    assert found["faces"][1]["box"]["x1"] > 512


# Thresholds


async def test_a_threshold_of_the_callers(client: httpx.AsyncClient) -> None:
    mirrored = faces.VARIANTS["mirrored"]()
    usual = await answer(client, mirrored)

    strict = await answer(client, mirrored, max_false_match_rate=0.01)

    assert strict["threshold"] < usual["threshold"] or usual["false_match_rate"] <= 0.01
    assert strict["false_match_rate"] <= 0.01
    assert (strict["distance"], strict["similarity"]) == (usual["distance"], usual["similarity"])
    same = await answer(client, mirrored, threshold=strict["threshold"])
    assert same == strict


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ({"threshold": 5.0}, "threshold"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": "nan"}, "threshold"),
        ({"max_false_match_rate": 1e-9}, "max_false_match_rate"),
        ({"max_false_match_rate": 0.01, "threshold": 0.5}, "max_false_match_rate"),
        ({"faces": "all"}, "faces"),
        ({"accuracy": "perfect"}, "accuracy"),
        ({"treshold": 0.5}, "treshold"),
    ],
)
async def test_a_wrong_option_is_named(
    client: httpx.AsyncClient, query: dict[str, Any], option: str
) -> None:
    document = problem(await verify(client, **query), 422, "invalid_option")

    assert document["option"] == option


# Bodies, models


async def test_json_will_do(client: httpx.AsyncClient) -> None:
    picture = base64.b64encode(ORIGINAL).decode()

    response = await client.post("/verify", json={"image1": picture, "image2": picture})

    assert response.json()["verified"] is True


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"files": {"image1": ORIGINAL}}, "empty_body"),
        ({"files": {"image": ORIGINAL}}, "invalid_body"),
        ({"content": ORIGINAL}, "invalid_body"),
    ],
)
async def test_two_pictures_are_needed(
    client: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    problem(await client.post("/verify", **body), 400, code)


async def test_without_the_networks_there_is_no_such_model(serve: Serve, models_dir: Path) -> None:
    copy_model(models_dir, NETWORKS[0])  # one of three is not enough
    served = await serve()

    problem(await verify(served.client), 404, "model_not_found")
    problem(await served.client.post("/faces", content=ORIGINAL), 404, "model_not_found")


async def test_a_model_that_is_not_there(client: httpx.AsyncClient) -> None:
    document = problem(await verify(client, model="nobody"), 404, "model_not_found")

    assert document["available"] == ["dlib-resnet-face"]


async def test_a_late_answer_is_none(
    serve: Serve, face_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brake = Brake()
    monkeypatch.setattr(OrtSession, "run", brake.on(OrtSession.run))
    served = await serve(models_dir=face_models, request_timeout_ms=1_000)
    brake.press()
    try:
        problem(await verify(served.client), 504, "deadline_exceeded")
    finally:
        brake.release()


async def test_a_calibration_of_another_network_stops_the_start(
    serve: Serve, tmp_path: Path
) -> None:
    for name in NETWORKS:
        keys = {"padding": "0.3"} if name == NETWORKS[2] else {}
        copy_model(tmp_path / "changed", name, **keys)

    with pytest.raises(ManifestError, match=r"config\.calibration\.preprocessing"):
        await serve(models_dir=tmp_path / "changed")


# Privacy


async def test_neither_pictures_nor_encodings_are_logged(
    client: httpx.AsyncClient, log_lines: Any
) -> None:
    await verify(client, ORIGINAL, faces.torso())
    encoding = (await client.post("/faces?embed=true", content=ORIGINAL)).json()["faces"][0]

    logged = json.dumps(log_lines())
    assert len(logged) > 0
    for value in encoding["encoding"][:8]:
        assert str(value) not in logged


async def test_the_document_says_what_is_not_done(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    assert "no liveness detection" in paths["/verify"]["post"]["description"]
    for path in ("/verify", "/faces"):
        assert "not stored and not logged" in paths[path]["post"]["description"]


def test_the_networks_are_small() -> None:
    sizes = [(MODELS / name / "model.onnx").stat().st_size for name in NETWORKS]

    assert sum(sizes) < 15_000_000
