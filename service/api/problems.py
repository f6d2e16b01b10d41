"""Every error as `application/problem+json` (RFC 9457); the one table from error to status."""

import logging
import math
from collections.abc import Mapping

from fastapi import FastAPI, Request
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service import errors
from service.api import openapi
from service.api.examples import DETAILS
from service.logs import request_id

log = logging.getLogger(__name__)

MEDIA_TYPE = openapi.PROBLEM
PROBLEM_CODE = "chiasm.problem"  # where a request's scope keeps the code of what went wrong

STATUS: Mapping[type[errors.ChiasmError], int] = {
    errors.EmptyBody: 400,
    errors.InvalidBody: 400,
    errors.Unauthorized: 401,
    errors.ModelNotFound: 404,
    errors.JobNotFound: 404,
    errors.JobNotFinished: 409,
    errors.JobFailed: 409,
    errors.JobCanceled: 409,
    errors.ImageTooLarge: 413,
    errors.UnsupportedFormat: 415,
    errors.CorruptImage: 422,
    errors.TruncatedImage: 422,
    errors.InvalidOption: 422,
    errors.NoFace: 422,
    errors.MultipleFaces: 422,
    errors.IdempotencyConflict: 422,
    errors.ShareExceeded: 429,
    errors.Overloaded: 503,
    errors.ModelNotReady: 503,
    errors.ShuttingDown: 503,
    errors.JobsUnavailable: 503,
    errors.DeadlineExceeded: 504,
    errors.StorageFull: 507,
}

RETRIED = frozenset({429, 503})  # a later attempt may be taken

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
    504: "Gateway timeout",
    507: "Insufficient storage",
}
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}


class _ProblemResponse(Response):
    """A problem document that leaves its code in the scope, for the metrics and the log."""

    media_type = MEDIA_TYPE

    def __init__(
        self, code: str, document: bytes, status: int, headers: Mapping[str, str] | None
    ) -> None:
        super().__init__(document, status, headers)
        self._code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PROBLEM_CODE] = self._code
        await super().__call__(scope, receive, send)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document; `code` is the stable name, `detail` a sentence for people."""
    document = {**_document(status, code, detail, request_id.get()), **(members or {})}
    return _ProblemResponse(code, to_json(document), status, headers)


def _document(status: int, code: str, detail: str, identity: str) -> dict[str, object]:
    return {
        "type": f"urn:chiasm:problem:{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": identity,
    }


def examples() -> dict[str, dict[str, object]]:
    """Return a document for every code that there is, for the OpenAPI document."""
    statuses = {error.code: status for error, status in STATUS.items()}
    return {
        code: _document(statuses.get(code, 500), code, detail, "5f2b9c01d2e3f4a5")
        for code, detail in DETAILS.items()
    }


def problem_of(error: errors.ChiasmError) -> Response:
    """Return the problem document of a deliberate error."""
    status = STATUS.get(type(error))
    if status is None:
        return internal_error(error)
    headers: dict[str, str] = {}
    if isinstance(error, errors.Unavailable) and status in RETRIED:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    elif status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    _let_go(error)
    return problem(status, error.code, error.detail, members=error.members, headers=headers)


def _let_go(error: BaseException) -> None:
    """Drop the frames that an error came through: nobody reads them, and they hold the picture.

    The future of an answer holds its error, and some frame of the error holds the future. Such a
    circle stays in memory until the collector comes by, which is seldom.
    """
    reason: BaseException | None = error
    while reason is not None:
        reason.__traceback__ = None
        reason = reason.__cause__ or reason.__context__


def internal_error(error: BaseException) -> Response:
    """Log a bug with its traceback, and return a document that shows nothing of it."""
    log.error("unexpected error", exc_info=error)
    return problem(500, "internal_error", "an unexpected error; the log has it under request_id")


def install(app: FastAPI) -> None:
    """Make every error that leaves a route a problem document, and let OpenAPI say so."""

    @app.exception_handler(errors.ChiasmError)
    async def deliberate(_: Request, error: errors.ChiasmError) -> Response:
        return problem_of(error)

    @app.exception_handler(HTTPException)
    async def by_router(_: Request, error: HTTPException) -> Response:
        code = _HTTP_CODES.get(error.status_code, "http_error")
        return problem(error.status_code, code, str(error.detail), headers=error.headers)

    openapi.install(app, examples())
