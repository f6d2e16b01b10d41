"""Every call of the HTTP interface as a value: what to send, and how to read the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from service.api.face_schemas import FacesAnswer, VerifyAnswer
from service.api.schemas import (
    ClassifyAnswer,
    DetectAnswer,
    Health,
    ModelDetail,
    ModelList,
    Readiness,
)
from service.api.segment_schemas import SegmentAnswer
from service.api.style_schemas import JobAnswer, JobListAnswer
from service.client.params import (
    ClassifyParams,
    DetectParams,
    FacesParams,
    PictureType,
    SegmentParams,
    SegmentPictureParams,
    StyleParams,
    VerifyParams,
)
from service.client.pictures import Picture

T = TypeVar("T")
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One call.

    Attributes:
        method, path: of the request; the path is below the server's address.
        read: makes the result of the bytes of the answer; raises ValueError if it cannot.
        params: the query; what is None is left out, a sequence is repeated.
        headers: besides those of every request.
        pictures: the body, by name of the part.
        repeatable: whether to ask twice is to ask once, so that a call whose answer got lost can
            be made again.
        also_answers: statuses that are an answer although they say that something failed.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    repeatable: bool = True
    also_answers: frozenset[int] = frozenset()


def classify(picture: Picture, options: ClassifyParams) -> Call[ClassifyAnswer]:
    """Return the call of POST /classify."""
    return _ask("classify", {"image": picture}, options, ClassifyAnswer.model_validate_json)


def detect(picture: Picture, options: DetectParams) -> Call[DetectAnswer]:
    """Return the call of POST /detect."""
    return _ask("detect", {"image": picture}, options, DetectAnswer.model_validate_json)


def detect_picture(picture: Picture, format: PictureType, options: DetectParams) -> Call[bytes]:
    """Return the call of POST /detect that answers with the annotated picture."""
    return _ask("detect", {"image": picture}, options, bytes, accept=format)


def segment(picture: Picture, options: SegmentParams) -> Call[SegmentAnswer]:
    """Return the call of POST /segment."""
    return _ask("segment", {"image": picture}, options, SegmentAnswer.model_validate_json)


def segment_picture(
    picture: Picture, format: PictureType, options: SegmentPictureParams
) -> Call[bytes]:
    """Return the call of POST /segment that answers with a picture."""
    return _ask("segment", {"image": picture}, options, bytes, accept=format)


def faces(picture: Picture, options: FacesParams) -> Call[FacesAnswer]:
    """Return the call of POST /faces."""
    return _ask("faces", {"image": picture}, options, FacesAnswer.model_validate_json)


def faces_picture(picture: Picture, format: PictureType, options: FacesParams) -> Call[bytes]:
    """Return the call of POST /faces that answers with the annotated picture."""
    return _ask("faces", {"image": picture}, options, bytes, accept=format)


def verify(image1: Picture, image2: Picture, options: VerifyParams) -> Call[VerifyAnswer]:
    """Return the call of POST /verify."""
    pictures = {"image1": image1, "image2": image2}
    return _ask("verify", pictures, options, VerifyAnswer.model_validate_json)


def style(
    content: Picture, style: Picture | None, idempotency_key: str | None, options: StyleParams
) -> Call[JobAnswer]:
    """Return the call of POST /style; its key makes one job of all its attempts."""
    pictures = {"content": content} if style is None else {"content": content, "style": style}
    headers = {"Idempotency-Key": idempotency_key or uuid4().hex}
    return _ask("style", pictures, options, JobAnswer.model_validate_json, headers=headers)


def job(job_id: str, wait_s: float = 0) -> Call[JobAnswer]:
    """Return the call of GET /style/{id} that waits for a change, seconds."""
    return _get(_job(job_id), JobAnswer.model_validate_json, params={"wait": wait_s or None})


def jobs(page_size: int | None, cursor: str | None) -> Call[JobListAnswer]:
    """Return the call of GET /style."""
    params = {"limit": page_size, "cursor": cursor}
    return _get("style", JobListAnswer.model_validate_json, params=params)


def events(job_id: str, last_event_id: str) -> Call[bytes]:
    """Return the call of GET /style/{id}/events that goes on behind an event."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    return _get(_job(job_id, "events"), bytes, accept="text/event-stream", headers=headers)


def preview(job_id: str, format: PictureType) -> Call[bytes]:
    """Return the call of GET /style/{id}/preview."""
    return _get(_job(job_id, "preview"), bytes, accept=format)


def result(job_id: str, format: PictureType) -> Call[bytes]:
    """Return the call of GET /style/{id}/result."""
    return _get(_job(job_id, "result"), bytes, accept=format)


def cancel(job_id: str) -> Call[JobAnswer]:
    """Return the call of DELETE /style/{id}, which a second time is an error."""
    return Call(
        method="DELETE",
        path=_job(job_id),
        read=JobAnswer.model_validate_json,
        headers={"Accept": JSON},
        repeatable=False,
    )


def models() -> Call[ModelList]:
    """Return the call of GET /models."""
    return _get("models", ModelList.model_validate_json)


def model(name: str) -> Call[ModelDetail]:
    """Return the call of GET /models/{name}."""
    return _get(f"models/{quote(name, safe='')}", ModelDetail.model_validate_json)


def readiness() -> Call[Readiness]:
    """Return the call of GET /readyz, whose 503 is an answer."""
    return _get("readyz", Readiness.model_validate_json, also_answers=frozenset({503}))


def health() -> Call[Health]:
    """Return the call of GET /healthz."""
    return _get("healthz", Health.model_validate_json)


def metrics() -> Call[str]:
    """Return the call of GET /metrics."""
    return _get("metrics", bytes.decode, accept="text/plain")


def _ask(
    path: str,
    pictures: Mapping[str, Picture],
    options: Mapping[str, Any],
    read: Callable[[bytes], T],
    *,
    accept: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Call[T]:
    params = dict(options)
    deadline_ms = params.pop("deadline_ms", None)
    deadline = {} if deadline_ms is None else {"X-Deadline-Ms": str(deadline_ms)}
    return Call(
        method="POST",
        path=path,
        read=read,
        params=params,
        headers={"Accept": accept, **deadline, **(headers or {})},
        pictures=pictures,
    )


def _get(
    path: str,
    read: Callable[[bytes], T],
    *,
    params: Mapping[str, Any] | None = None,
    accept: str = JSON,
    headers: Mapping[str, str] | None = None,
    also_answers: frozenset[int] = frozenset(),
) -> Call[T]:
    return Call(
        method="GET",
        path=path,
        read=read,
        params=params or {},
        headers={"Accept": accept, **(headers or {})},
        also_answers=also_answers,
    )


def _job(job_id: str, *parts: str) -> str:
    return "/".join(["style", quote(job_id, safe=""), *parts])
