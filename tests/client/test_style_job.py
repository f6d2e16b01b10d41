"""Jobs in the hands of both clients: waited for, watched, listed, fetched."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service.client import ChiasmProblem
from service.client.attempts import PAUSE_S
from service.client.connection import SILENCE_S
from service.client.events import MAX_SILENT
from tests.client.answers import event, job_answer, page, problem, stream
from tests.client.both import Script

pytestmark = pytest.mark.anyio

Speak = Callable[..., Any]
ID = "ab" * 16
BROKEN = httpx.ReadError("the connection broke")


def picture(data: bytes) -> httpx.Response:
    return httpx.Response(200, content=data, headers={"Content-Type": "image/webp"})


async def test_a_job_from_order_to_picture(speak: Speak, pauses: list[float]) -> None:
    server = Script(
        job_answer("queued", http=202),
        job_answer("running", step=1),
        picture(b"a sketch"),
        job_answer("running", step=2),
        job_answer("succeeded", step=10),
        picture(b"painted"),
        job_answer("succeeded", step=10),
    )

    job = await speak(server).style(b"content", method="fast", preset="3")
    assert (job.id, job.status, job.progress, job.finished) == (ID, "queued", 0.0, False)
    await job.refresh()
    assert (job.status, job.answer.step, job.progress) == ("running", 1, 0.1)
    assert await job.preview("image/webp") == b"a sketch"
    await job.wait()
    assert job.finished
    assert await job.result("image/webp") == b"painted"
    await job.cancel()

    assert server.asked == [
        "POST /style?method=fast&preset=3",
        f"GET /style/{ID}",
        f"GET /style/{ID}/preview",
        f"GET /style/{ID}?wait=20.0",
        f"GET /style/{ID}?wait=20.0",
        f"GET /style/{ID}/result",
        f"DELETE /style/{ID}",
    ]
    assert server.requests[2].headers["Accept"] == "image/webp"
    assert set(pauses) == {0.0}  # every answer told something new


async def test_a_server_that_sends_waiters_home_is_not_pestered(
    speak: Speak, pauses: list[float]
) -> None:
    server = Script(
        job_answer("running", step=1), job_answer("running", step=1), job_answer("failed")
    )
    job = await speak(server).job(ID)

    await job.wait()

    assert pauses == [PAUSE_S, 0.0]


async def test_to_wait_may_take_too_long(speak: Speak) -> None:
    server = Script(job_answer("running"))
    job = await speak(server).job(ID)

    with pytest.raises(ChiasmProblem) as caught:
        await job.wait(timeout_s=0)

    assert (caught.value.status, caught.value.code) == (0, "timeout")
    assert len(server.requests) == 1


async def test_a_finished_job_is_not_waited_for(speak: Speak) -> None:
    server = Script(job_answer("succeeded"))
    job = await speak(server).job(ID)

    await job.wait(timeout_s=0)

    assert len(server.requests) == 1


async def test_events_go_on_where_a_connection_broke(speak: Speak, pauses: list[float]) -> None:
    first = event(2)
    server = Script(
        job_answer(),
        stream(event(1), first[:20], first[20:], event(3)[:-1], BROKEN),
        httpx.ConnectError("refused"),
        problem(503, "overloaded", headers={"Retry-After": "9"}),
        stream(b": still there\n\n", event(3)),
        stream(event(5, "succeeded"), BROKEN),
    )
    job = await speak(server).job(ID)

    steps = [news.step async for news in job.events()]

    assert steps == [1, 2, 3, 5]
    resumed = [request.headers.get("Last-Event-ID") for request in server.requests[1:]]
    assert resumed == [None, "2", "2", "2", "3"]
    assert pauses[2] >= 9
    assert {request.headers["Accept"] for request in server.requests[1:]} == {"text/event-stream"}


async def test_a_stream_may_be_silent_for_longer_than_an_answer(speak: Speak) -> None:
    server = Script(job_answer(), stream(event(1, "failed")))
    job = await speak(server, timeout_s=5).job(ID)

    assert [news.status async for news in job.events()] == ["failed"]
    assert server.requests[1].extensions["timeout"]["read"] == SILENCE_S
    assert server.requests[1].extensions["timeout"]["connect"] == 5


async def test_events_end_with_the_server(speak: Speak, pauses: list[float]) -> None:
    server = Script(job_answer(), stream(event(1)), httpx.ConnectError("refused"))
    job = await speak(server).job(ID)
    events = job.events()

    assert (await anext(events)).step == 1
    with pytest.raises(ChiasmProblem, match="unreachable"):
        await anext(events)

    assert len(server.requests) == 2 + MAX_SILENT
    assert len(pauses) == MAX_SILENT


async def test_events_of_a_job_that_is_gone(speak: Speak, pauses: list[float]) -> None:
    server = Script(job_answer(), problem(404, "job_not_found"))
    job = await speak(server).job(ID)

    with pytest.raises(ChiasmProblem, match="job_not_found"):
        await anext(job.events())

    assert pauses == []


async def test_jobs_come_page_by_page(speak: Speak) -> None:
    server = Script(page("a", "b", next="further"), page(next="on"), page("c"))

    found = [job.id async for job in speak(server).jobs(page_size=2)]

    assert found == ["a", "b", "c"]
    assert server.asked == [
        "GET /style?limit=2", "GET /style?limit=2&cursor=further", "GET /style?limit=2&cursor=on",
    ]  # fmt: skip


async def test_no_more_pages_than_are_looked_at(speak: Speak) -> None:
    server = Script(page("a", "b", next="further"))

    async for job in speak(server).jobs():
        if job.id == "b":
            break

    assert server.asked == ["GET /style"]


async def test_why_there_is_no_picture(speak: Speak) -> None:
    server = Script(job_answer("failed"), problem(409, "job_failed", reason="corrupt_image"))
    job = await speak(server).job(ID)

    with pytest.raises(ChiasmProblem) as caught:
        await job.result()

    assert caught.value.members == {"reason": "corrupt_image"}


async def test_a_job_says_how_it_is(speak: Speak) -> None:
    job = await speak(Script(job_answer("running", step=4))).job(ID)

    assert repr(job).endswith(f"StyleJob {ID} running 40%>")
