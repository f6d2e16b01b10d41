import copy
import pickle
from datetime import UTC, datetime

import httpx
import pytest

from service.client import ChiasmProblem
from service.client.problems import answered, seconds_until, unanswered
from tests.client.answers import problem

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_problem_says_all_that_the_server_said() -> None:
    headers = {"Retry-After": "3"}

    error = answered(problem(404, "model_not_found", headers=headers, available=["a", "b"]))

    assert (error.status, error.code, error.detail) == (
        404, "model_not_found", "because of model_not_found",
    )  # fmt: skip
    assert error.members == {"available": ["a", "b"]}
    assert (error.request_id, error.retry_after_s) == ("a-request", 3.0)
    assert str(error) == "404 model_not_found: because of model_not_found (request a-request)"


def test_what_something_in_between_answers() -> None:
    error = answered(httpx.Response(502, html="<h1>Sorry</h1>", headers={"X-Request-ID": "an-id"}))

    assert (error.status, error.code, error.request_id) == (502, "http_error", "an-id")
    assert error.detail == "the server answered 502 Bad Gateway"


@pytest.mark.parametrize("same", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_problem_may_travel(same: object) -> None:
    error = answered(problem(422, "invalid_option", option="top_k"))

    other = same(error)  # type: ignore[operator]

    assert vars(other) == vars(error)
    assert str(other) == str(error)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (httpx.ReadTimeout("late"), "timeout", "timeout: the server did not answer in time"),
        (httpx.ConnectError("refused"), "unreachable", "the server cannot be reached: refused"),
        (httpx.ReadError(""), "unreachable", "the server cannot be reached: ReadError"),
    ],
)
def test_no_answer_is_a_problem_too(error: httpx.RequestError, code: str, said: str) -> None:
    found = unanswered(error)

    assert (found.status, found.code) == (0, code)
    assert said in str(found)
    assert found.__cause__ is error


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        ("Tue, 01 Jan 2030 00:01:00 GMT", 60.0),
        ("Tue, 01 Jan 2030 00:01:00 -0000", 60.0),
        ("Mon, 31 Dec 2029 23:00:00 GMT", 0.0),  # past
        ("-1", None),
        ("²", None),
        ("soon", None),
    ],
)
def test_when_to_come_back(value: str | None, expected: float | None) -> None:
    assert seconds_until(value, NOW) == expected


def test_it_is_an_exception() -> None:
    with pytest.raises(ChiasmProblem) as caught:
        raise ChiasmProblem(0, "unreachable", "nobody there")

    assert str(caught.value) == "unreachable: nobody there"
    assert caught.value.members == {}
