"""The endpoints about faces: where they are, and whether two are of one person."""

import time
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from service.api.face_schemas import (
    NO_LIVENESS,
    PRIVACY,
    TWO_IMAGES_BODY,
    FacesAnswer,
    FacesQuery,
    VerifyAnswer,
    VerifyQuery,
)
from service.api.keys import owner
from service.api.query import parameters, read_query
from service.api.routes import DirectRoute
from service.api.schemas import IMAGE_BODY, PICTURE_ANSWER
from service.api.tasks import Tasks, answer_headers, wanted_picture
from service.api.waiting import DEADLINE_PARAMETER, answers, before, deadline_of
from service.engine.faces import Face, FaceModels, FacePipeline, FaceRequest, Faces, Pick
from service.engine.pipeline import Encoded
from service.engine.pool import Lane
from service.engine.repository import Model
from service.imaging.decode import full_size
from service.imaging.draw import annotate
from service.imaging.encode import PictureFormat, encode
from service.imaging.picture import Size
from service.tasks.faces import FaceDetect, FaceEmbed
from service.tasks.faces.calibration import Calibration, operating_point
from service.tasks.faces.detect import FaceDetectOptions, face_mark, plain_box, plain_points
from service.tasks.faces.verdict import Verdict, compare

GUARDED = {"/faces": FaceDetect.name, "/verify": FaceEmbed.name}
"""The paths that the gate guards, and the task that each asks for."""

PAIR = ("image1", "image2")


def router(tasks: Tasks) -> APIRouter:
    """Return the routes about faces."""
    routes = APIRouter(tags=["faces"], route_class=DirectRoute)

    @routes.post(
        "/faces",
        operation_id="faces",
        summary="Find faces, their landmarks and their encodings",
        description=PRIVACY,
        response_model=FacesAnswer,
        responses=PICTURE_ANSWER,
        openapi_extra={
            **IMAGE_BODY,
            "parameters": [*parameters(FacesQuery), DEADLINE_PARAMETER],
        },
    )
    async def faces(request: Request) -> Response:
        query = read_query(request, FacesQuery)
        models = FaceModels.of(tasks.models, detect=query.model)
        wanted = FaceRequest(
            landmarks=query.landmarks,
            embed=query.embed,
            accuracy=query.accuracy,
            detect=FaceDetectOptions(
                score_threshold=query.score_threshold, max_faces=query.max_faces
            ),
        )
        asked = models.asked(wanted)
        media_type = wanted_picture(request.headers.get("accept", ""), render=query.render)
        found, drawn = await _find(tasks, request, models, wanted, media_type)
        if drawn is None:
            return _json(_faces_document(asked, found, query), asked, found)
        headers = answer_headers(asked, found.timings)
        return Response(drawn, media_type=media_type, headers={**headers, "Vary": "Accept"})

    @routes.post(
        "/verify",
        operation_id="verify",
        summary="Say whether two pictures show one person",
        description=f"{NO_LIVENESS}\n\n{PRIVACY}",
        response_model=VerifyAnswer,
        openapi_extra={
            **TWO_IMAGES_BODY,
            "parameters": [*parameters(VerifyQuery), DEADLINE_PARAMETER],
        },
    )
    async def verify(request: Request) -> Response:
        query = read_query(request, VerifyQuery)
        models = FaceModels.of(tasks.models, embed=query.model)
        calibration, curve = models.encoder.calibration(query.accuracy)
        point = operating_point(
            calibration,
            curve,
            threshold=query.threshold,
            max_false_match_rate=query.max_false_match_rate,
        )
        wanted = [
            FaceRequest(embed=True, pick=Pick(query.faces), accuracy=query.accuracy, part=part)
            for part in PAIR
        ]
        pair = await _encode_pair(tasks, request, models, wanted)
        one, other = (found.faces[0] for found in pair)
        comparable = not one.flaws and not other.flaws
        verdict = compare(
            one.encoded(),
            other.encoded(),
            point,
            usual_threshold=curve.default_threshold,
            comparable=comparable,
        )
        slower = max(pair, key=lambda found: sum(found.timings.values()))
        document = _verdict_document(models.embed, calibration, verdict, pair)
        return _json(document, models.asked(wanted[0]), slower)

    return routes


async def _find(
    tasks: Tasks,
    request: Request,
    models: FaceModels,
    wanted: FaceRequest,
    media_type: PictureFormat | None,
) -> tuple[Faces, bytes | None]:
    """Return a picture's faces, and the picture with them drawn if a format is given.

    As for /detect, the whole picture is decoded again to be drawn on: it is then only ever held
    by a thread of the pool, and never in a queue.
    """
    deadline = deadline_of(request, tasks.timeout_ms)
    async with before(deadline), tasks.intake.receive(request) as pictures:
        source = Encoded(pictures["image"], tasks.decode)
        pipeline = FacePipeline(models)
        asked = pipeline.submit(source, wanted, deadline, caller=owner(request))
        [found] = await answers([asked], request)
        if media_type is None:
            return found, None
        started = time.perf_counter()
        marks = [face_mark(face.box, face.score, face.points) for face in found.faces]

        def paint() -> bytes:
            return encode(annotate(source.open(full_size), marks), media_type)

        [drawn] = await answers([tasks.models.pool.run(paint, Lane.FINISH)], request)
        found.stages["render"] = {"render": (time.perf_counter() - started) * 1000}
        return found, drawn


async def _encode_pair(
    tasks: Tasks, request: Request, models: FaceModels, wanted: Sequence[FaceRequest]
) -> list[Faces]:
    """Return the one face of each of the two pictures, encoded."""
    deadline = deadline_of(request, tasks.timeout_ms)
    async with before(deadline), tasks.intake.receive(request, PAIR) as pictures:
        pipeline = FacePipeline(models)
        futures = (
            pipeline.submit(
                Encoded(pictures[one.part], tasks.decode), one, deadline, caller=owner(request)
            )
            for one in wanted
        )
        return await answers(futures, request)


def _json(document: dict[str, Any], asked: Sequence[Model], found: Faces) -> Response:
    return Response(
        to_json(document),
        media_type="application/json",
        headers=answer_headers(asked, found.timings),
    )


def _faces_document(asked: Sequence[Model], found: Faces, query: FacesQuery) -> dict[str, Any]:
    return {
        "model": asked[0].name,
        "models": [model.name for model in asked],
        "image": _frame(found.size),
        "faces": [
            _face_row(face, landmarks=query.landmarks, encoding=query.embed) for face in found.faces
        ],
        "truncated": found.truncated,
    }


def _verdict_document(
    model: Model, calibration: Calibration, verdict: Verdict, pair: Sequence[Faces]
) -> dict[str, Any]:
    facts = {"data", "people", "pairs_same", "pairs_different"}
    return {
        "model": model.name,
        "model_sha256": model.folder.manifest.sha256,
        "verified": verdict.verified,
        "distance": round(verdict.distance, 6),
        "similarity": round(verdict.similarity, 6),
        **verdict.point.model_dump(),
        "calibration": calibration.model_dump(include=facts),
        "faces": [
            {
                "picture": part,
                "image": _frame(found.size),
                **_face_row(found.faces[0], landmarks=True, encoding=False),
            }
            for part, found in zip(PAIR, pair, strict=True)
        ],
    }


def _face_row(face: Face, *, landmarks: bool, encoding: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "box": plain_box(face.box),
        "score": round(face.score, 6),
        "share": round(face.share, 6),
        "keypoints": {name: plain_points(point[None])[0] for name, point in face.keypoints.items()},
    }
    if landmarks and face.landmarks is not None:
        row["landmarks"] = plain_points(face.landmarks)
    if encoding and face.encoding is not None:
        row["encoding"] = [round(value, 6) for value in face.encoding.tolist()]
    if face.quality is not None:
        row["quality"] = {
            "side": round(face.quality.side, 1),
            "sharpness": round(face.quality.sharpness, 5),
            "outside": round(face.quality.outside, 4),
            "disagreement": round(face.quality.disagreement, 4),
            "flaws": [flaw.value for flaw in face.flaws],
        }
    return row


def _frame(size: Size) -> dict[str, int]:
    return {"width": size[1], "height": size[0]}
