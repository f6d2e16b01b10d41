"""The OpenAPI document, with what FastAPI cannot know put right."""

from typing import Any

from fastapi import FastAPI

PROBLEM = "application/problem+json"

# Either of them, or none: an operator need not ask for keys.
SECURITY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"key": []}]
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
RETRY_AFTER = {
    "description": "Seconds after which to ask again; with every 503.",
    "schema": {"type": "integer", "minimum": 0},
}


def install(app: FastAPI) -> None:
    """Have the application correct its document the first time that it makes it."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _correct(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation extends it


def _correct(document: dict[str, Any]) -> None:
    document["security"] = SECURITY
    document["components"]["securitySchemes"] = SCHEMES
    for path in document["paths"].values():
        for operation in path.values():
            for status in ("4XX", "5XX"):
                answer = operation["responses"][status]
                # FastAPI takes a problem to be of the media type of the route's answer.
                answer["content"] = {PROBLEM: next(iter(answer["content"].values()))}
            operation["responses"]["5XX"]["headers"] = {"Retry-After": RETRY_AFTER}
