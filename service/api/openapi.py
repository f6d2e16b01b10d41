"""The OpenAPI document, with what FastAPI cannot know put right."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI

from service.api.examples import ANSWERS, GREY_PIXEL, PROBLEMS

PROBLEM = "application/problem+json"
EVENTS = "text/event-stream"

# Either of them, or none: an operator need not ask for keys.
SECURITY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"key": []}]
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
RETRY_AFTER = {
    "description": "Seconds after which to ask again; with every 429 and 503.",
    "schema": {"type": "integer", "minimum": 0},
}


def install(app: FastAPI, problems: Mapping[str, Mapping[str, Any]]) -> None:
    """Have the application correct its document the first time that it makes it.

    Args:
        app: the application.
        problems: an example of every problem, by its code.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _correct(generate(), problems)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def _correct(document: dict[str, Any], problems: Mapping[str, Mapping[str, Any]]) -> None:
    document["security"] = SECURITY
    document["components"]["securitySchemes"] = SCHEMES
    document["components"]["examples"] = {code: {"value": one} for code, one in problems.items()}
    for path in document["paths"].values():
        for operation in path.values():
            shown = [problems[code] for code in PROBLEMS[operation["operationId"]]]
            for family in ("4XX", "5XX"):
                answer = operation["responses"][family]
                _correct_problem(
                    answer, [one for one in shown if one["status"] // 100 == int(family[0])]
                )
                answer["headers"] = {"Retry-After": RETRY_AFTER}
            _exemplify(operation)


def _correct_problem(answer: dict[str, Any], shown: Sequence[Mapping[str, Any]]) -> None:
    # FastAPI takes a problem to be of the media type of the route's answer.
    content = next(iter(answer["content"].values()))
    if shown:
        content["examples"] = {
            one["code"]: {"$ref": f"#/components/examples/{one['code']}"} for one in shown
        }
    answer["content"] = {PROBLEM: content}


def _exemplify(operation: dict[str, Any]) -> None:
    success = next(answer for status, answer in operation["responses"].items() if status[0] == "2")
    for media_type, content in success["content"].items():
        if media_type == EVENTS:
            del content["schema"]["type"]  # FastAPI's, of the stream; the schema is an event's
        if not media_type.startswith("image/"):
            content["example"] = ANSWERS[operation["operationId"]]
    body = operation.get("requestBody", {"content": {}})["content"].get("application/json")
    if body is not None:
        body["example"] = dict.fromkeys(body["schema"]["required"], GREY_PIXEL)
