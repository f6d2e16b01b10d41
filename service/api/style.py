"""Style jobs over HTTP: accepted at once, watched, fetched, canceled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from service.api.intake import Intake
from service.api.keys import owner
from service.api.query import parameters, read_query
from service.api.schemas import PICTURE_ANSWER
from service.api.style_schemas import (
    STYLE_BODY,
    JobAnswer,
    JobEvent,
    JobListAnswer,
    JobListQuery,
    JobQuery,
    StyleQuery,
)
from service.api.style_views import describe, event_lines
from service.api.tasks import wanted_picture
from service.api.waiting import DEADLINE_PARAMETER, before, deadline_of
from service.engine.pool import CpuPool, Lane
from service.errors import InvalidOption, ModelNotFound, ShuttingDown
from service.imaging.encode import PictureFormat, transcode
from service.jobs.job import JobSpec
from service.jobs.painting import StylePainter

if TYPE_CHECKING:
    from service.jobs.jobs import Jobs

KEY_HEADER, MAX_KEY = "Idempotency-Key", 255
LAST_EVENT_HEADER = "Last-Event-ID"
SILENCE_S = 15.0  # after which a comment keeps proxies from closing a stream of events


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the endpoints need of the house.

    Attributes:
        jobs: accepts and knows them; None where no style network is installed.
        painter: says whether a job can be done before it is accepted.
        intake: reads request bodies.
        pool: decodes and encodes.
        timeout_ms: the longest a caller may take to send its pictures.
    """

    jobs: "Jobs | None"
    painter: StylePainter
    intake: Intake
    pool: CpuPool
    timeout_ms: float

    @property
    def queue(self) -> "Jobs":
        """The jobs.

        Raises:
            ModelNotFound: no style network is installed, so there are none.
        """
        if self.jobs is None:
            raise ModelNotFound("", [])
        return self.jobs

    async def submit(self, request: Request, query: StyleQuery) -> JobAnswer:
        """Accept the job that a request asks for."""
        key = request.headers.get(KEY_HEADER)
        if key is not None and not 0 < len(key) <= MAX_KEY:
            raise InvalidOption(KEY_HEADER, f"must have 1 to {MAX_KEY} characters")
        options = query.model_dump(mode="json", exclude_none=True, exclude={"method", "webhook"})
        spec = JobSpec(
            method=query.method.value, options=options, owner=owner(request), webhook=query.webhook
        )
        received = self.intake.receive(request, ("content",), optional=("style",))
        async with before(deadline_of(request, self.timeout_ms)), received as pictures:
            content, style = pictures["content"], pictures.get("style") or None
            checking = self.pool.run(lambda: self.painter.check(spec, content, style), Lane.START)
            await asyncio.wrap_future(checking)
            job = await asyncio.to_thread(
                self.queue.submit, spec, content, style, idempotency_key=key
            )
        return describe(job)

    async def picture(self, request: Request, png: bytes) -> Response:
        """Return a picture as the format that the caller likes best; PNG if it does not say."""
        wanted = wanted_picture(
            request.headers.get("accept", ""), render=True, otherwise=PictureFormat.PNG
        )
        if wanted is not None and wanted is not PictureFormat.PNG:
            png = await asyncio.wrap_future(self.pool.run(lambda: transcode(png, wanted)))
        return Response(png, media_type=wanted, headers={"Vary": "Accept"})

    async def events(self, job_id: str, whose: str, after: int) -> AsyncIterator[bytes]:
        """Yield a job's events above `after` as they happen, to the last one."""
        while True:
            try:
                events = await self.queue.events(job_id, whose, after=after, timeout_s=SILENCE_S)
            except ShuttingDown:
                return  # the caller comes back with Last-Event-ID, to whoever is there then
            if not events:
                yield b": still there\n\n"
            for event in events:
                after = event.number
                yield event_lines(event)
                if event.status.final:
                    return


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


KEY_PARAMETER = {
    "name": KEY_HEADER,
    "in": "header",
    "required": False,
    "description": "The same key with the same pictures and options is one job.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY},
}
LAST_EVENT_PARAMETER = {
    "name": LAST_EVENT_HEADER,
    "in": "header",
    "required": False,
    "description": "Go on behind this event; browsers send it when they connect again.",
    "schema": {"type": "integer", "minimum": 0},
}
LOCATION = {"description": "Of the job.", "schema": {"type": "string"}}


def router(style: Style) -> APIRouter:
    """Return the routes of style jobs."""
    routes = APIRouter(tags=["style"], prefix="/style")

    @routes.post(
        "",
        operation_id="start_style",
        summary="Paint a picture in the style of another",
        status_code=202,
        response_model=JobAnswer,
        responses={202: {"headers": {"Location": LOCATION}}},
        openapi_extra={
            **STYLE_BODY,
            "parameters": [*parameters(StyleQuery), KEY_PARAMETER, DEADLINE_PARAMETER],
        },
    )
    async def start(request: Request) -> Response:
        job = await style.submit(request, read_query(request, StyleQuery))
        return _json(job, 202, {"Location": job.links.self})

    @routes.get(
        "",
        operation_id="list_style",
        summary="The caller's jobs, the newest first",
        response_model=JobListAnswer,
        openapi_extra={"parameters": parameters(JobListQuery)},
    )
    async def page(request: Request) -> Response:
        query = read_query(request, JobListQuery)
        found = await asyncio.to_thread(
            style.queue.page, owner(request), limit=query.limit, cursor=query.cursor
        )
        jobs = [describe(job) for job in found.jobs]
        return _json(JobListAnswer(jobs=jobs, next=found.cursor))

    @routes.get(
        "/{job_id}",
        operation_id="get_style",
        summary="How a job is",
        response_model=JobAnswer,
        openapi_extra={"parameters": parameters(JobQuery)},
    )
    async def get(request: Request, job_id: str) -> Response:
        query = read_query(request, JobQuery)
        return _json(describe(await style.queue.wait(job_id, owner(request), timeout_s=query.wait)))

    @routes.get(
        "/{job_id}/events",
        operation_id="watch_style",
        summary="A job's progress and costs as server-sent events",
        response_class=EventStream,
        responses={200: {"model": JobEvent, "description": "The `data` of each event."}},
        openapi_extra={"parameters": [LAST_EVENT_PARAMETER]},
    )
    async def events(request: Request, job_id: str) -> Response:
        after = _last_event(request)
        whose = owner(request)
        await asyncio.to_thread(style.queue.get, job_id, whose)  # a 404 is one before the stream
        return EventStream(
            style.events(job_id, whose, after),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @routes.get(
        "/{job_id}/preview",
        operation_id="preview_style",
        summary="The picture so far",
        response_class=Response,
        responses=PICTURE_ANSWER,
    )
    async def preview(request: Request, job_id: str) -> Response:
        png = await asyncio.to_thread(style.queue.preview, job_id, owner(request))
        return await style.picture(request, png)

    @routes.get(
        "/{job_id}/result",
        operation_id="get_style_result",
        summary="The finished picture",
        response_class=Response,
        responses=PICTURE_ANSWER,
    )
    async def result(request: Request, job_id: str) -> Response:
        png = await asyncio.to_thread(style.queue.result, job_id, owner(request))
        return await style.picture(request, png)

    @routes.delete(
        "/{job_id}",
        operation_id="cancel_style",
        summary="Cancel a job, or remove a finished one; its pictures are deleted",
        response_model=JobAnswer,
    )
    async def cancel(request: Request, job_id: str) -> Response:
        job = await asyncio.to_thread(style.queue.cancel, job_id, owner(request))
        return _json(describe(job))

    return routes


def _last_event(request: Request) -> int:
    value = request.headers.get(LAST_EVENT_HEADER, "0")
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise InvalidOption(LAST_EVENT_HEADER, "must be the number of an event")
    return int(value)


def _json(
    document: JobAnswer | JobListAnswer, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    # A job is never a thing to keep: the next answer may be another one.
    return Response(
        to_json(document.model_dump(mode="json", exclude_none=True)),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        "application/json",
    )
