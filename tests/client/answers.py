"""What a server answers, as short as it may be."""

import json
from typing import Any

import httpx

from tests.client.both import Stream

CLASSES: dict[str, Any] = {
    "model": "some-classifier",
    "image": {"width": 40, "height": 24},
    "predictions": [{"class_id": 7, "label": "seven", "score": 0.5}],
}


def classes() -> httpx.Response:
    return httpx.Response(200, json=CLASSES)


def problem(
    status: int, code: str, *, headers: dict[str, str] | None = None, **members: object
) -> httpx.Response:
    document = {
        "type": f"urn:chiasm:problem:{code}",
        "title": "A title",
        "status": status,
        "code": code,
        "detail": f"because of {code}",
        "request_id": "a-request",
        **members,
    }
    media_type = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, json=document, headers={**media_type, **(headers or {})})


def job(status: str = "running", *, id: str = "ab" * 16, step: int = 0) -> dict[str, Any]:
    return {
        "id": id,
        "status": status,
        "method": "fast",
        "options": {},
        "progress": step / 10,
        "step": step,
        "steps": 10,
        "created_at": "2030-01-01T00:00:00Z",
        "timings": {"queued_ms": 1.0},
        "links": {"self": f"/style/{id}", "events": f"/style/{id}/events"},
    }


def job_answer(status: str = "running", *, http: int = 200, **where: Any) -> httpx.Response:
    return httpx.Response(http, json=job(status, **where))


def page(*ids: str, next: str | None = None) -> httpx.Response:
    document = {"jobs": [job(id=id) for id in ids]}
    return httpx.Response(200, json=document if next is None else {**document, "next": next})


def event(number: int, status: str = "running") -> bytes:
    data = {"status": status, "progress": 0.5, "step": number, "steps": 10, "costs": []}
    return f"id: {number}\nevent: progress\ndata: {json.dumps(data)}\n\n".encode()


def stream(*chunks: bytes | Exception) -> httpx.Response:
    headers = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, headers=headers, stream=Stream(*chunks))
