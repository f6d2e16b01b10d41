"""What /verify may be asked, and what it refuses."""

import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.engine.session import OrtSession
from service.errors import ManifestError
from tests import faces
from tests.answers import problem
from tests.api.conftest import FACE_NETWORKS
from tests.api.test_verify import ORIGINAL, answer, verify
from tests.serving import Brake, Serve, copy_model

pytestmark = pytest.mark.anyio

# Thresholds


async def test_a_threshold_of_the_callers(face_client: httpx.AsyncClient) -> None:
    mirrored = faces.VARIANTS["mirrored"]()
    usual = await answer(face_client, mirrored)

    strict = await answer(face_client, mirrored, max_false_match_rate=0.01)

    assert strict["threshold"] < usual["threshold"] or usual["false_match_rate"] <= 0.01
    assert strict["false_match_rate"] <= 0.01
    assert (strict["distance"], strict["similarity"]) == (usual["distance"], usual["similarity"])
    same = await answer(face_client, mirrored, threshold=strict["threshold"])
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
    face_client: httpx.AsyncClient, query: dict[str, Any], option: str
) -> None:
    document = problem(await verify(face_client, **query), 422, "invalid_option")

    assert document["option"] == option


# Bodies, models


async def test_json_will_do(face_client: httpx.AsyncClient) -> None:
    picture = base64.b64encode(ORIGINAL).decode()

    response = await face_client.post("/verify", json={"image1": picture, "image2": picture})

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
    face_client: httpx.AsyncClient, body: dict[str, Any], code: str
) -> None:
    problem(await face_client.post("/verify", **body), 400, code)


async def test_without_the_networks_there_is_no_such_model(serve: Serve, models_dir: Path) -> None:
    copy_model(models_dir, FACE_NETWORKS[0])  # one of three is not enough
    served = await serve()

    problem(await verify(served.client), 404, "model_not_found")
    problem(await served.client.post("/faces", content=ORIGINAL), 404, "model_not_found")


async def test_a_model_that_is_not_there(face_client: httpx.AsyncClient) -> None:
    document = problem(await verify(face_client, model="nobody"), 404, "model_not_found")

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
    for name in FACE_NETWORKS:
        keys = {"padding": "0.3"} if name == FACE_NETWORKS[2] else {}
        copy_model(tmp_path / "changed", name, **keys)

    with pytest.raises(ManifestError, match=r"config\.calibration\.preprocessing"):
        await serve(models_dir=tmp_path / "changed")
