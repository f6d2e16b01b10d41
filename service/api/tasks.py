"""The synchronous endpoints: a picture in, an answer out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request
from pydantic_core import to_json
from starlette.responses import Response

from service.api.intake import Intake
from service.api.schemas import IMAGE_BODY, ClassifyAnswer, ClassifyQuery
from service.api.waiting import answers, before, deadline_of
from service.engine.pipeline import Answer, Encoded, Timings
from service.engine.repository import Model, Repository
from service.imaging.decode import DecodeLimits
from service.imaging.picture import Size
from service.tasks.base import Options
from service.tasks.classify import Classify, ClassifyOptions, Ensemble

STAGES = ("decode", "preprocess", "queue", "infer", "postprocess")


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
        """Put the request's picture to every model, and return their answers in order.

        Refuses before the body is read when a model could not take it in time anyway.
        """
        deadline = deadline_of(request, self.timeout_ms)
        for model in models:
            model.pipeline.admission.check(deadline)
        async with before(deadline), self.intake.receive(request) as pictures:
            source = Encoded(pictures["image"], self.decode)
            futures = (model.pipeline.submit(source, options, deadline) for model in models)
            return await answers(futures, request)


def router(tasks: Tasks) -> APIRouter:
    """Return the routes of the synchronous tasks."""
    routes = APIRouter(tags=["tasks"])

    @routes.post(
        "/classify",
        operation_id="classify",
        summary="Name what a picture shows",
        response_model=ClassifyAnswer,
        openapi_extra=IMAGE_BODY,
    )
    async def classify(request: Request, query: Annotated[ClassifyQuery, Query()]) -> Response:
        names: list[str | None] = [*dict.fromkeys(query.model)] or [None]
        models = [tasks.models.find("classify", name) for name in names]
        options = ClassifyOptions(**query.model_dump(exclude={"model"}))
        ensemble = Ensemble([cast(Classify, model.pipeline.task) for model in models])
        answered = await tasks.ask(request, models, options)
        first = answered[0]
        if len(models) == 1:
            return respond(models, first.result.answer(), first.size, first.timings)
        result = ensemble.average([answer.result for answer in answered], options)
        slowest = max(answered, key=lambda answer: sum(answer.timings.values()))
        return respond(models, result.answer(), first.size, slowest.timings)

    return routes


def respond(
    models: Sequence[Model], members: dict[str, Any], size: Size, timings: Timings
) -> Response:
    """Return the JSON answer on a picture: model, frame, the task's own members, and timings."""
    names = [model.name for model in models]
    document = {
        "model": names[0] if len(names) == 1 else names,
        "image": {"width": size[1], "height": size[0]},
        **members,
    }
    return Response(
        to_json(document),
        media_type="application/json",
        headers=answer_headers(models, timings),
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
