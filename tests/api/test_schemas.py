import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI
from pydantic import BaseModel

from service.api import schemas
from service.api.face_schemas import FacesAnswer, VerifyAnswer
from service.api.problems import MEDIA_TYPE, STATUS
from service.api.segment_schemas import SegmentAnswer
from service.api.style_schemas import JobAnswer, JobEvent, JobListAnswer
from tests.api import openapi
from tests.serving import DIGITS

pytestmark = pytest.mark.anyio

OPERATIONS = {
    ("post", "/classify"): "classify",
    ("post", "/detect"): "detect",
    ("post", "/segment"): "segment",
    ("post", "/faces"): "faces",
    ("post", "/verify"): "verify",
    ("post", "/style"): "start_style",
    ("get", "/style"): "list_style",
    ("get", "/style/{job_id}"): "get_style",
    ("delete", "/style/{job_id}"): "cancel_style",
    ("get", "/style/{job_id}/events"): "watch_style",
    ("get", "/style/{job_id}/preview"): "preview_style",
    ("get", "/style/{job_id}/result"): "get_style_result",
    ("get", "/healthz"): "health",
    ("get", "/readyz"): "readiness",
    ("get", "/metrics"): "metrics",
    ("get", "/models"): "list_models",
    ("get", "/models/{name}"): "get_model",
}
ANSWERS: dict[str, type[BaseModel]] = {
    "classify": schemas.ClassifyAnswer,
    "detect": schemas.DetectAnswer,
    "segment": SegmentAnswer,
    "faces": FacesAnswer,
    "verify": VerifyAnswer,
    "start_style": JobAnswer,
    "list_style": JobListAnswer,
    "get_style": JobAnswer,
    "cancel_style": JobAnswer,
    "watch_style": JobEvent,
    "health": schemas.Health,
    "readiness": schemas.Readiness,
    "list_models": schemas.ModelList,
    "get_model": schemas.ModelDetail,
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def operations(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield (method, path), operation


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


# Answers are written from results, not from these classes: they must agree all the same


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/classify", schemas.ClassifyAnswer),
        ("/classify?top_k=10&crops=10", schemas.ClassifyAnswer),
        ("/classify?min_score=1", schemas.ClassifyAnswer),
        ("/healthz", schemas.Health),
        ("/readyz", schemas.Readiness),
        ("/models", schemas.ModelList),
        (f"/models/{DIGITS}", schemas.ModelDetail),
        ("/nowhere", schemas.Problem),
        ("/classify?top_k=0", schemas.Problem),
        ("/classify?model=none", schemas.Problem),
    ],
)
async def test_answers_are_what_the_document_says(
    client: httpx.AsyncClient, picture: bytes, path: str, answer: type[BaseModel]
) -> None:
    method = "POST" if path.startswith("/classify") else "GET"

    body = (await client.request(method, path, content=picture)).content

    stated = answer.model_validate_json(body, strict=True)
    assert said(stated.model_dump(mode="json")) == said(json.loads(body))


def said(value: Any) -> Any:
    """Return JSON without its nulls, which an answer may also leave out."""
    if isinstance(value, dict):
        return {key: said(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [said(member) for member in value]
    return value


async def test_an_ensemble_is_described_too(client: httpx.AsyncClient) -> None:
    answer = {"model": ["one", "two"], "image": {"width": 1, "height": 1}, "predictions": []}

    assert schemas.ClassifyAnswer.model_validate(answer).model == ["one", "two"]


# The OpenAPI document


def test_the_document_is_the_one_that_was_looked_at() -> None:
    """If the change is meant, `python -m tests.api.openapi` accepts it."""
    assert openapi.text() == openapi.SNAPSHOT.read_text(encoding="utf-8")


async def test_the_document_is_served(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    for _ in range(2):  # it is made once, and kept
        assert (await client.get("/openapi.json")).json() == document


async def test_the_document_can_be_read_by_people(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")

    assert page.headers["content-type"].startswith("text/html")
    assert "openapi.json" in page.text


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    read = OpenAPI.model_validate(document)
    written = read.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert written == document


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(references(document))

    assert found == {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "examples")
        for name in document["components"][kind]
    }


def test_operation_ids_are_stable(document: dict[str, Any]) -> None:
    """Generated clients call their methods by these names."""
    found = {key: operation["operationId"] for key, operation in operations(document)}

    assert found == OPERATIONS


def test_every_operation_says_what_can_go_wrong(document: dict[str, Any]) -> None:
    told = set()
    for key, operation in operations(document):
        for family in ("4XX", "5XX"):
            [(media_type, content)] = operation["responses"][family]["content"].items()
            assert media_type == MEDIA_TYPE
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, key
            for code, shown in content.get("examples", {}).items():
                assert shown == {"$ref": f"#/components/examples/{code}"}
                example = document["components"]["examples"][code]["value"]
                assert example["code"] == code
                assert family[0] == str(example["status"])[0]
                told.add(code)

    assert told == {"internal_error", *(error.code for error in STATUS)}


def test_every_answer_is_exemplified(document: dict[str, Any]) -> None:
    for _, operation in operations(document):
        success = next(one for status, one in operation["responses"].items() if status[0] == "2")
        for media_type, content in success["content"].items():
            if media_type.startswith("image/") or media_type == "text/plain":
                continue
            stated = ANSWERS[operation["operationId"]].model_validate_json(
                json.dumps(content["example"]), strict=True
            )
            assert said(stated.model_dump(mode="json")).keys() == said(content["example"]).keys()


async def test_the_example_of_a_body_is_a_picture(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    body = document["paths"]["/classify"]["post"]["requestBody"]["content"]["application/json"]

    answer = await client.post("/classify", json=body["example"])

    assert answer.json()["image"] == {"width": 1, "height": 1}


def test_every_option_is_explained(document: dict[str, Any]) -> None:
    options = [
        option
        for _, operation in operations(document)
        for option in operation.get("parameters", [])
        if option["in"] == "query"
    ]

    assert {option["name"] for option in options} >= {"model", "top_k", "min_score", "crops"}
    assert [option["name"] for option in options if not option.get("description")] == []


def test_a_picture_may_come_three_ways(document: dict[str, Any]) -> None:
    body = document["paths"]["/classify"]["post"]["requestBody"]

    assert body["required"]
    assert body["content"].keys() == {
        "multipart/form-data",
        "application/octet-stream",
        "application/json",
    }
