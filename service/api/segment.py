"""The endpoint for dense answers: masks of classes, single things, and maps without classes."""

from base64 import b64encode
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.query import parameters, read_query
from service.api.routes import DirectRoute
from service.api.schemas import IMAGE_BODY, PICTURE_ANSWER
from service.api.segment_schemas import Render, SegmentAnswer, SegmentQuery
from service.api.tasks import Tasks, answer_headers, document, wanted_picture
from service.api.waiting import DEADLINE_PARAMETER
from service.engine.pipeline import Answer, Encoded
from service.errors import InvalidOption
from service.imaging.decode import full_size
from service.imaging.encode import PictureFormat, encode
from service.imaging.masks import cutout, gray_png, overlay, palette_png, sixteen_bit_png
from service.tasks.segment import DenseMap, Segment, Segmentation, SegmentOptions

GUARDED = {"/segment": Segment.name}
"""The path that the gate guards, and the task that it asks for."""

JSON = "application/json"


def router(tasks: Tasks) -> APIRouter:
    """Return the route of dense answers."""
    routes = APIRouter(tags=["tasks"], route_class=DirectRoute)

    @routes.post(
        "/segment",
        operation_id="segment",
        summary="Say of every pixel what it belongs to",
        response_model=SegmentAnswer,
        responses=PICTURE_ANSWER,
        openapi_extra={
            **IMAGE_BODY,
            "parameters": [*parameters(SegmentQuery), DEADLINE_PARAMETER],
        },
    )
    async def segment(request: Request) -> Response:
        query = read_query(request, SegmentQuery)
        model = tasks.models.find(Segment.name, query.model)
        has_classes = not cast(Segment, model.pipeline.task).config.filters
        negotiate = _of_classes if has_classes else _of_map
        render, media_type = negotiate(request.headers.get("accept", ""), query.render)

        def paint(answer: Answer, source: Encoded) -> bytes:
            if media_type is None:  # the masks are encoded here, where the loop does not wait
                return document([model], _members(answer.result), answer.size)
            if isinstance(answer.result, DenseMap):
                return gray_png(answer.result.values)
            return _painted(answer.result, source, render, query, media_type)

        answer, body = await tasks.draw(request, model, query, paint)
        headers = {**answer_headers([model], answer.timings), "Vary": "Accept"}
        return Response(body, media_type=media_type or JSON, headers=headers)

    return routes


def _of_classes(accept: str, render: Render | None) -> tuple[Render, PictureFormat | None]:
    """Return what to paint and as which file, or None for JSON.

    Raises:
        InvalidOption: the file's format cannot hold what is to be painted.
    """
    media_type = wanted_picture(accept, render=render is not None, otherwise=PictureFormat.PNG)
    if render is None:
        render = Render.MASK if media_type is PictureFormat.PNG else Render.OVERLAY
    if render is not Render.OVERLAY and media_type is not PictureFormat.PNG:
        raise InvalidOption("render", f"{render.value} is only answered as image/png")
    return render, media_type


def _of_map(accept: str, render: Render | None) -> tuple[Render, PictureFormat | None]:
    """Return that a map is a grey PNG, unless JSON is asked for by name.

    Raises:
        InvalidOption: the network has no classes to paint.
    """
    if render is not None:
        raise InvalidOption("render", "the model has no classes; its map is answered as image/png")
    return Render.MASK, None if JSON in accept.lower() else PictureFormat.PNG


def _members(result: Segmentation | DenseMap) -> dict[str, Any]:
    members = result.answer()
    if isinstance(result, DenseMap):
        picture = b64encode(gray_png(result.values)).decode("ascii")
        return {"map": {**cast(dict[str, Any], members["map"]), "png": picture}}
    return members


def _painted(
    result: Segmentation,
    source: Encoded,
    render: Render,
    options: SegmentOptions,
    media_type: PictureFormat,
) -> bytes:
    if render is Render.CUTOUT:
        canvas = source.open(full_size)
        return cutout(canvas, result.cutout_alpha(canvas))
    ids = result.instance_map() if options.instances else result.class_map
    if render is Render.OVERLAY:
        return encode(overlay(source.open(full_size), ids), media_type)
    return sixteen_bit_png(ids) if options.instances else palette_png(result.class_map)
