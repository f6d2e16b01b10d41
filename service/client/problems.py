"""What a call may fail with."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import ValidationError

from service.api.schemas import Problem

MEDIA_TYPE = "application/problem+json"


class ChiasmProblem(Exception):
    """An error that the server meant, a server that cannot be reached, or one that is late.

    Attributes:
        status: the HTTP status; 0 if there was no answer.
        code: the stable name of what went wrong, such as `no_face` or `overloaded`; without an
            answer `unreachable` or `timeout`; `http_error` and `unexpected_answer` if something
            else than Chiasm answered.
        detail: a sentence for people.
        members: what the error tells besides, such as `available` where no such model is.
        request_id: what the server's log calls the request; empty if it did not say.
        retry_after_s: after how long to try again, if the server said.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        members: Mapping[str, Any] | None = None,
        request_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        # All of them are the exception's `args`, so that it can be copied and pickled.
        super().__init__(status, code, detail, members, request_id, retry_after_s)
        self.status = status
        self.code = code
        self.detail = detail
        self.members = dict(members or {})
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        status = f"{self.status} " if self.status else ""
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{status}{self.code}: {self.detail}{request}"


def answered(response: httpx.Response) -> ChiasmProblem:
    """Return the error that an answer is."""
    request_id = response.headers.get("X-Request-ID", "")
    retry_after_s = seconds_until(response.headers.get("Retry-After"), datetime.now(UTC))
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:  # of something in between, which may answer with a page
        detail = f"the server answered {response.status_code} {response.reason_phrase}".rstrip()
        return ChiasmProblem(
            response.status_code, "http_error", detail, None, request_id, retry_after_s
        )
    return ChiasmProblem(
        response.status_code,
        problem.code,
        problem.detail,
        problem.model_extra,
        problem.request_id or request_id,
        retry_after_s,
    )


def unexpected(response: httpx.Response) -> ChiasmProblem:
    """Return the error of an answer that is none of Chiasm's."""
    return ChiasmProblem(
        response.status_code,
        "unexpected_answer",
        f"{response.request.url} did not answer as Chiasm does",
        request_id=response.headers.get("X-Request-ID", ""),
    )


def unanswered(error: httpx.RequestError) -> ChiasmProblem:
    """Return the error of a request without an answer."""
    if isinstance(error, httpx.TimeoutException):
        problem = ChiasmProblem(0, "timeout", "the server did not answer in time")
    else:
        reason = str(error) or type(error).__name__
        problem = ChiasmProblem(0, "unreachable", f"the server cannot be reached: {reason}")
    problem.__cause__ = error
    return problem


def seconds_until(value: str | None, now: datetime) -> float | None:
    """Return what `Retry-After` says, seconds; None if it is missing or makes no sense.

    Source: RFC 9110, section 10.2.3.

    >>> seconds_until("2", datetime(2030, 1, 1, tzinfo=UTC))
    2.0
    >>> seconds_until("Tue, 01 Jan 2030 00:00:03 GMT", datetime(2030, 1, 1, tzinfo=UTC))
    3.0
    """
    if value is None:
        return None
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:  # the zone -0000, which is UTC all the same
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
