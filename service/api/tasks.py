"""The synchronous endpoints: a picture in, an answer out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from service.api.intake import Intake
from service.api.keys import owner
from service.api.query import parameters, read_query
from service.api.routes import DirectRoute
from service.api.schemas import (
    IMAGE_BODY,
    PICTURE_ANSWER,
    ClassifyAnswer,
    ClassifyQuery,
    DetectAnswer,
    DetectQuery,
)
from service.api.waiting import DEADLINE_PARAMETER, answers, before, deadline_of
from service.engine.pipeline import Answer, Encoded, Timings
from service.engine.pool import Lane
from service.engine.repository import Model, Repository
from service.imaging.decode import DecodeLimits, full_size
from service.imaging.draw import annotate
from service.imaging.encode import PictureFormat, encode
from service.imaging.picture import Size
from service.tasks.base import Options
from service.tasks.classify import Classify, Ensemble

GUARDED = {"/classify": "classify", "/detect": "detect"}
"""The paths that the gate guards, and the task that each asks for."""

PICTURE_TYPES = frozenset(PictureFormat)
STAGES = ("decode", "preprocess", "queue", "infer", "postprocess", "render")


Painter = Callable[[Answer, Encoded], bytes]
"""Makes the body of an answer from a model's answer and the picture that it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """What the endpoints need of the house.

    Attributes:
        models: the loaded models.
        intake: reads request bodies.
        decode: limits on pictures.
        timeout_ms: the longest a caller may wait.
    """

    models: Repository
    intake: Intake
    decode: DecodeLimits
    timeout_ms: float

    async def ask(
        self, request: Request, models: Sequence[Model], options: Options
    ) -> list[Answer]:
        """Put the request's picture to every model, and return their answers in order."""
        deadline = deadline_of(request, self.timeout_ms)
        for model in models:
            model.pipeline.task.check_options(options)
        async with before(deadline), self.intake.receive(request) as pictures:
            source = Encoded(pictures["image"], self.decode)
            futures = (
                model.pipeline.submit(source, options, deadline, caller=owner(request))
                for model in models
            )
            return await answers(futures, request)

    async def draw(
        self, request: Request, model: Model, options: Options, paint: Painter
    ) -> tuple[Answer, bytes]:
        """Return the answer about the request's picture, and what `paint` makes of the two.

        The picture is decoded once for the network, small, and once to be drawn on, whole: full
        pictures are then only ever held by the threads of the pool, and never in a queue.

        Args:
            request: its body is read here.
            model: which answers.
            options: the caller's.
            paint: called on a thread of the pool.
        """
        deadline = deadline_of(request, self.timeout_ms)
        model.pipeline.task.check_options(options)
        async with before(deadline), self.intake.receive(request) as pictures:
            source = Encoded(pictures["image"], self.decode)
            asked = model.pipeline.submit(source, options, deadline, caller=owner(request))
            [answer] = await answers([asked], request)
            started = time.perf_counter()
            painting = self.models.pool.run(lambda: paint(answer, source), Lane.FINISH)
            [drawn] = await answers([painting], request)
            answer.timings["render"] = (time.perf_counter() - started) * 1000
            return answer, drawn


def router(tasks: Tasks) -> APIRouter:
    """Return the routes of the synchronous tasks."""
    routes = APIRouter(tags=["tasks"], route_class=DirectRoute)

    @routes.post(
        "/classify",
        operation_id="classify",
        summary="Name what a picture shows",
        response_model=ClassifyAnswer,
        openapi_extra={
            **IMAGE_BODY,
            "parameters": [*parameters(ClassifyQuery), DEADLINE_PARAMETER],
        },
    )
    async def classify(request: Request) -> Response:
        query = read_query(request, ClassifyQuery)
        names: list[str | None] = [*dict.fromkeys(query.model)] or [None]
        models = [tasks.models.find("classify", name) for name in names]
        ensemble = Ensemble([cast(Classify, model.pipeline.task) for model in models])
        answered = await tasks.ask(request, models, query)
        first = answered[0]
        if len(models) == 1:
            return respond(models, first.result.answer(), first.size, first.timings)
        result = ensemble.average([answer.result for answer in answered], query)
        slowest = max(answered, key=lambda answer: sum(answer.timings.values()))
        return respond(models, result.answer(), first.size, slowest.timings)

    @routes.post(
        "/detect",
        operation_id="detect",
        summary="Find things in a picture",
        response_model=DetectAnswer,
        responses=PICTURE_ANSWER,
        openapi_extra={
            **IMAGE_BODY,
            "parameters": [*parameters(DetectQuery), DEADLINE_PARAMETER],
        },
    )
    async def detect(request: Request) -> Response:
        query = read_query(request, DetectQuery)
        model = tasks.models.find("detect", query.model)
        media_type = wanted_picture(request.headers.get("accept", ""), render=query.render)
        if media_type is None:
            [answer] = await tasks.ask(request, [model], query)
            return respond([model], answer.result.answer(), answer.size, answer.timings)

        def paint(answer: Answer, source: Encoded) -> bytes:
            return encode(annotate(source.open(full_size), answer.result.marks()), media_type)

        answer, drawn = await tasks.draw(request, model, query, paint)
        return Response(
            drawn,
            media_type=media_type.value,
            headers={**answer_headers([model], answer.timings), "Vary": "Accept"},
        )

    return routes


def wanted_picture(
    accept: str, *, render: bool, otherwise: PictureFormat = PictureFormat.JPEG
) -> PictureFormat | None:
    """Return the format of the picture that a caller wants as the answer, or None for JSON.

    The first media type in the header that names a picture counts, unless JSON comes before it;
    `image/*` and `render` alone mean `otherwise`.
    """
    for part in accept.split(","):
        media_type = part.partition(";")[0].strip().lower()
        if media_type == "application/json" and not render:
            return None
        if media_type == "image/*":
            return otherwise
        if media_type in PICTURE_TYPES:
            return PictureFormat(media_type)
    return otherwise if render else None


def respond(
    models: Sequence[Model], members: dict[str, Any], size: Size, timings: Timings
) -> Response:
    """Return the JSON answer on a picture: model, frame, the task's own members, and timings."""
    return Response(
        document(models, members, size),
        media_type="application/json",
        headers=answer_headers(models, timings),
    )


def document(models: Sequence[Model], members: dict[str, Any], size: Size) -> bytes:
    """Return the JSON of an answer on a picture: model, frame, and the task's own members."""
    names = [model.name for model in models]
    return to_json(
        {
            "model": names[0] if len(names) == 1 else names,
            "image": {"width": size[1], "height": size[0]},
            **members,
        }
    )


def answer_headers(models: Sequence[Model], timings: Timings) -> dict[str, str]:
    """Return where the time went, and what the networks really ran on."""
    return {
        "Server-Timing": ", ".join(
            f"{stage};dur={timings[stage]:.2f}" for stage in STAGES if stage in timings
        ),
        "X-Execution-Provider": ", ".join(
            dict.fromkeys(model.session.provider for model in models)
        ),
    }
