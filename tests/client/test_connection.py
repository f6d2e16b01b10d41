"""Both clients against a server that is a function: what is sent, what is tried again."""

import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service import __version__
from service.client import ChiasmProblem
from service.client.attempts import BACKOFF_S
from tests.client.answers import classes, job_answer, problem
from tests.client.both import Script

pytestmark = pytest.mark.anyio

Speak = Callable[..., Any]
LOST = httpx.ReadError("the connection broke")


async def test_what_is_sent(speak: Speak) -> None:
    server = Script(classes())
    chiasm = speak(server, "http://host/under/here", api_key="a-key")

    await chiasm.classify(
        b"pixels", model=["a", "b"], top_k=3, min_score=0.25, crops=None, deadline_ms=200
    )

    [request] = server.requests
    assert server.asked == ["POST /under/here/classify?model=a&model=b&top_k=3&min_score=0.25"]
    assert request.read() == b"pixels"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Authorization"] == "Bearer a-key"
    assert request.headers["X-Deadline-Ms"] == "200"
    assert request.headers["User-Agent"] == f"chiasm-python/{__version__}"


async def test_nothing_is_sent_that_was_not_asked_for(speak: Speak) -> None:
    server = Script(classes())

    await speak(server).classify(b"pixels")

    assert server.asked == ["POST /classify"]
    assert server.requests[0].headers.keys().isdisjoint({"authorization", "x-deadline-ms"})


async def test_yes_no_and_lists_as_the_server_reads_them(speak: Speak) -> None:
    server = Script(httpx.Response(200, content=b"painted", headers={"Content-Type": "image/png"}))

    drawn = await speak(server).detect_picture(
        b"pixels", format="image/png", class_agnostic=True, classes=("cup", "wine glass")
    )

    assert drawn == b"painted"
    assert server.asked == ["POST /detect?class_agnostic=true&classes=cup&classes=wine+glass"]
    assert server.requests[0].headers["Accept"] == "image/png"


async def test_names_stay_within_their_part_of_the_path(speak: Speak) -> None:
    server = Script(problem(404, "model_not_found"))

    with pytest.raises(ChiasmProblem, match="model_not_found"):
        await speak(server).model("../style?x")

    assert server.asked == ["GET /models/..%2Fstyle%3Fx"]


async def test_an_overloaded_server_is_asked_again_when_it_says(
    speak: Speak, pauses: list[float]
) -> None:
    server = Script(problem(503, "overloaded", headers={"Retry-After": "7"}), classes())

    answer = await speak(server).classify(io.BytesIO(b"pixels"))

    assert answer.predictions[0].label == "seven"
    assert pauses == [7.0]
    assert [request.read() for request in server.requests] == [b"pixels", b"pixels"]


async def test_a_broken_connection_is_made_again_soon(speak: Speak, pauses: list[float]) -> None:
    server = Script(LOST, LOST, classes())

    await speak(server).classify(b"pixels")

    assert len(server.requests) == 3
    assert 0 <= pauses[0] <= BACKOFF_S
    assert 0 <= pauses[1] <= 2 * BACKOFF_S


@pytest.mark.parametrize(("retries", "asked"), [(0, 1), (2, 3)])
async def test_it_gives_up(speak: Speak, pauses: list[float], retries: int, asked: int) -> None:
    server = Script(problem(503, "overloaded", headers={"Retry-After": "1"}))

    with pytest.raises(ChiasmProblem) as caught:
        await speak(server, retries=retries).classify(b"pixels")

    assert (caught.value.code, caught.value.retry_after_s) == ("overloaded", 1.0)
    assert len(server.requests) == asked


async def test_it_does_not_wait_longer_than_its_caller(speak: Speak, pauses: list[float]) -> None:
    server = Script(problem(503, "overloaded", headers={"Retry-After": "6"}))

    with pytest.raises(ChiasmProblem, match="overloaded"):
        await speak(server, timeout_s=5).classify(b"pixels")

    assert (len(server.requests), pauses) == (1, [])


async def test_an_attempt_may_take_what_is_left_of_the_time(speak: Speak) -> None:
    server = Script(classes())

    await speak(server, timeout_s=5).classify(b"pixels")

    timeout = server.requests[0].extensions["timeout"]
    assert timeout.keys() == {"connect", "read", "write", "pool"}
    assert all(0 < seconds <= 5 for seconds in timeout.values())


async def test_a_late_server(speak: Speak, pauses: list[float]) -> None:
    with pytest.raises(ChiasmProblem) as caught:
        await speak(Script(httpx.ReadTimeout("late"))).classify(b"pixels")

    assert (caught.value.status, caught.value.code) == (0, "timeout")


async def test_one_order_is_one_job(speak: Speak, pauses: list[float]) -> None:
    busy = problem(503, "overloaded", headers={"Retry-After": "0"})
    still_read = problem(422, "idempotency_conflict")
    server = Script(busy, LOST, still_read, job_answer("queued", http=202))
    chiasm = speak(server, retries=3)

    await chiasm.style(b"content", b"style", preset="3")
    await chiasm.style(b"content")
    await chiasm.style(b"content", idempotency_key="mine")

    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert len(set(keys[:4])) == 1
    assert keys[4] not in {keys[0], "mine"}
    assert keys[5] == "mine"
    assert b'name="style"' in server.requests[0].read()
    assert server.requests[4].read() == b"content"


async def test_what_may_have_been_done_is_not_done_again(speak: Speak, pauses: list[float]) -> None:
    server = Script(job_answer(), httpx.ConnectError("refused"), LOST)
    job = await speak(server).job("an-id")

    with pytest.raises(ChiasmProblem, match="unreachable"):
        await job.cancel()

    assert server.asked[1:] == [f"DELETE /style/{job.id}"] * 2  # the first one never left


async def test_not_to_be_ready_is_an_answer(speak: Speak, pauses: list[float]) -> None:
    body = {"ready": False, "draining": False, "models": {"a": "failed"}, "reasons": {"a": "why"}}
    server = Script(httpx.Response(503, json=body))
    chiasm = speak(server)

    assert await chiasm.ready() is False
    assert (await chiasm.readiness()).reasons == {"a": "why"}
    assert (len(server.requests), pauses) == (2, [])


async def test_a_server_that_ends_is_a_problem_even_there(speak: Speak) -> None:
    with pytest.raises(ChiasmProblem, match="shutting_down"):
        await speak(Script(problem(503, "shutting_down")), retries=0).ready()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>Welcome</h1>"),
        httpx.Response(200, json={"hello": "world"}),
        httpx.Response(200, content=b"{", headers={"Content-Type": "application/json"}),
    ],
    ids=["a page", "other JSON", "no JSON"],
)
async def test_another_server(speak: Speak, answer: httpx.Response) -> None:
    with pytest.raises(ChiasmProblem) as caught:
        await speak(Script(answer)).classify(b"pixels")

    assert (caught.value.status, caught.value.code) == (200, "unexpected_answer")


async def test_a_page_is_no_picture(speak: Speak) -> None:
    server = Script(httpx.Response(200, html="<h1>Welcome</h1>"))

    with pytest.raises(ChiasmProblem, match="unexpected_answer"):
        await speak(server).segment_picture(b"pixels", render="cutout")


async def test_members_that_are_new_do_no_harm(speak: Speak) -> None:
    document = {**json.loads(classes().content), "new": 1}

    answer = await speak(Script(httpx.Response(200, json=document))).classify(b"pixels")

    assert answer.model == "some-classifier"


async def test_a_picture_that_cannot_be_read_is_not_asked_about(speak: Speak) -> None:
    server = Script(classes())

    with pytest.raises(FileNotFoundError):
        await speak(server).classify("no/such/picture")

    assert server.requests == []
