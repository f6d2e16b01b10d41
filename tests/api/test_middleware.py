import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from service.api.entrance import Entrance, Guard
from service.api.middleware import LastResort, Telemetry
from service.logs import request_id
from service.tasks.classify import Classify
from service.telemetry import Metrics
from tests.answers import predictions, problem, sample
from tests.serving import DIGITS, Serve

pytestmark = pytest.mark.anyio

Lines = Callable[[], list[dict[str, Any]]]


def access(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["logger"] == "service.access"]


# The id of a request


@pytest.mark.parametrize("given", ["a", "Trace.01_b-C", "x" * 64])
async def test_a_sane_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/healthz", headers={"X-Request-ID": given})

    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "a;b", "a\tb", "<b>", "é", "a/b"])
async def test_any_other_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/healthz", headers={b"X-Request-ID": given.encode()})

    assert re.fullmatch("[0-9a-f]{16}", response.headers["x-request-id"])


async def test_every_request_gets_its_own_id(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/healthz")).headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3


async def test_the_id_does_not_outlive_its_request(client: httpx.AsyncClient) -> None:
    await client.get("/healthz", headers={"X-Request-ID": "short-lived"})

    assert request_id.get() == ""


async def test_no_answer_is_to_be_sniffed(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/nowhere", "/docs"):
        assert (await client.get(path)).headers["x-content-type-options"] == "nosniff"


# What is left of a request: one log line, and the metrics


async def test_one_line_a_request(serve: Serve, log_lines: Lines, picture: bytes) -> None:
    served = await serve()
    before = len(log_lines())

    response = await served.client.post(
        "/classify?top_k=1", content=picture, headers={"X-Request-ID": "mine"}
    )

    (line,) = log_lines()[before:]
    assert line["request_id"] == "mine"
    assert line["level"] == "info"
    assert line["message"] == "POST /classify 200"
    assert line["method"] == "POST"
    assert line["path"] == "/classify"
    assert line["status"] == 200
    assert line["duration_ms"] > 0
    assert line["bytes_out"] == len(response.content)
    assert "code" not in line


@pytest.mark.parametrize(
    ("content_type", "code"),
    [("image/jpeg", "unsupported_format"), ("multipart/form-data; boundary=edge", "invalid_body")],
)
async def test_one_line_a_refusal(
    serve: Serve, log_lines: Lines, content_type: str, code: str
) -> None:
    served = await serve()
    before = len(log_lines())

    response = await served.client.post(
        "/classify", content=b"nothing", headers={"Content-Type": content_type}
    )

    (line,) = log_lines()[before:]
    assert line["code"] == code
    assert line["request_id"] == response.headers["x-request-id"]


async def test_a_path_cannot_forge_a_line(client: httpx.AsyncClient, log_lines: Lines) -> None:
    await client.get('/a%0A{"level":"error"}')

    (line,) = access(log_lines())
    assert line["path"] == '/a\n{"level":"error"}'


async def test_the_metrics_move(serve: Serve, picture: bytes) -> None:
    served = await serve()

    await served.client.post("/classify", content=picture)
    await served.client.post("/classify", content=b"text")
    await served.client.get("/models/unknown")
    await served.client.get("/nowhere/at/all")
    found = (await served.client.get("/metrics")).text

    requests = "chiasm_requests_total"
    assert sample(found, requests, route="/classify", status="200") == 1
    assert sample(found, requests, route="/classify", status="415") == 1
    assert sample(found, requests, route="/models/{name}", status="404") == 1
    assert sample(found, requests, route="unmatched", status="404") == 1
    assert sample(found, "chiasm_request_seconds_count", route="/classify") == 2
    assert sample(found, "chiasm_request_seconds_sum", route="/classify") > 0
    for code in ("unsupported_format", "model_not_found", "not_found"):
        assert sample(found, "chiasm_rejections_total", code=code) == 1


# Bugs, callers that leave, and the end of the service


async def test_a_bug_shows_in_the_log_and_not_in_the_answer(
    serve: Serve, log_lines: Lines, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    before = len(log_lines())

    def broken(*_: object) -> None:
        raise ZeroDivisionError("divided by zero in row 17")

    monkeypatch.setattr(Classify, "postprocess", broken)
    response = await served.client.post("/classify", content=picture)

    document = problem(response, 500, "internal_error")
    for internal in ("ZeroDivisionError", "row 17", "Traceback", ".py"):
        assert internal not in response.text
    told, answered = log_lines()[before:]
    assert told["level"] == "error"
    assert "ZeroDivisionError: divided by zero in row 17" in told["traceback"]
    assert answered["status"] == 500
    assert told["request_id"] == answered["request_id"] == document["request_id"]


async def test_after_a_bug_the_service_goes_on(
    serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    with monkeypatch.context() as patch:
        patch.setattr(Classify, "preprocess", None)
        problem(await served.client.post("/classify", content=picture), 500, "internal_error")

    assert predictions(await served.client.post("/classify", content=picture))
    assert served.models.models[DIGITS].pipeline.in_flight == 0


class Exchange:
    """One request to an ASGI application, without a client between."""

    def __init__(self, *messages: Message, path: str = "/") -> None:
        self.scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        self.sent: list[Message] = []
        self._messages = list(messages)

    async def receive(self) -> Message:
        return self._messages.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def answer(self) -> dict[str, Any]:
        start, body = self.sent
        return {"status": start["status"], **json.loads(body["body"])}


async def test_a_bug_in_the_middle_of_an_answer_ends_it(log_lines: Lines) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    exchange = Exchange()
    await LastResort(app)(exchange.scope, exchange.receive, exchange.send)

    assert [message["type"] for message in exchange.sent] == ["http.response.start"]
    assert [line["level"] for line in log_lines()] == ["error"]


async def test_a_caller_that_leaves_while_sending_gets_no_answer(log_lines: Lines) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    exchange = Exchange(
        {"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}
    )
    metrics = Metrics()
    await Telemetry(LastResort(app), metrics)(exchange.scope, exchange.receive, exchange.send)

    assert exchange.sent == []
    (line,) = log_lines()
    assert line["status"] == 499
    assert sample(metrics, "chiasm_requests_total", route="unmatched", status="499") == 1


async def test_a_request_cut_off_by_the_end_of_the_service_is_told_so() -> None:
    started = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.set()
        await asyncio.Event().wait()

    exchange = Exchange()
    task = asyncio.create_task(LastResort(app)(exchange.scope, exchange.receive, exchange.send))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert exchange.answer["status"] == 503
    assert exchange.answer["code"] == "shutting_down"


@pytest.mark.parametrize(
    "wrap",
    [
        lambda app: Telemetry(app, Metrics()),
        lambda app: Guard(app, cast(Entrance, None)),  # which is not asked
        lambda app: LastResort(app),
    ],
)
async def test_what_is_not_http_passes_untouched(wrap: Callable[[Any], Any]) -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    exchange = Exchange()
    scope: Scope = {"type": "lifespan"}
    await wrap(app)(scope, exchange.receive, exchange.send)

    assert seen == [(scope, exchange.receive, exchange.send)]
