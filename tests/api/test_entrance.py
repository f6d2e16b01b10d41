"""Overload is refused in front of everything: no route, no body, no work."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from starlette.types import Scope

from service.api.entrance import Door
from tests import pictures
from tests.answers import problem, sample
from tests.serving import DIGITS, Brake, Serve, Served, until

pytestmark = pytest.mark.anyio


async def full(
    served: Served, brake: Brake, headers: Mapping[str, str] = MappingProxyType({})
) -> asyncio.Future[httpx.Response]:
    """Return the request that holds all that the service admits, until the brake is released."""
    brake.press()
    held = asyncio.ensure_future(
        served.client.post("/classify", content=pictures.jpeg(), headers=headers)
    )
    admission = served.models.find("classify").pipeline.admission
    await until(lambda: admission.in_flight == 1)
    return held


async def test_what_a_full_model_cannot_take_is_refused_unread(serve: Serve, brake: Brake) -> None:
    served = await serve(max_in_flight=1)
    held = await full(served, brake)
    read: list[int] = []

    async def body():  # type: ignore[no-untyped-def]
        read.append(1)
        yield b"x"

    for query in ("", f"?model={DIGITS}", "?top_k=nonsense"):
        response = await served.client.post(f"/classify{query}", content=body())
        document = problem(response, 503, "overloaded")
        assert int(response.headers["retry-after"]) >= 1
        assert "queue is full" in document["detail"]
    assert read == []
    metrics = (await served.client.get("/metrics")).text
    assert sample(metrics, "chiasm_rejections_total", code="overloaded") == 3
    assert sample(metrics, "chiasm_requests_total", route="/classify", status="503") == 3

    brake.release()
    assert (await held).status_code == 200


async def test_a_caller_with_its_share_in_hand_does_not_keep_another_out(
    serve: Serve, brake: Brake, picture: bytes
) -> None:
    served = await serve(
        max_in_flight=4, api_keys=("greedy-key-0123456789", "modest-key-0123456789")
    )
    greedy, modest = ({"X-API-Key": f"{who}-key-0123456789"} for who in ("greedy", "modest"))
    brake.press()

    def ask(headers: dict[str, str]) -> asyncio.Future[httpx.Response]:
        return asyncio.ensure_future(
            served.client.post("/classify", content=picture, headers=headers)
        )

    admission = served.models.find("classify").pipeline.admission
    held = [ask(greedy) for _ in range(4)]
    await until(lambda: admission.in_flight == 4)
    problem(await ask(greedy), 503, "overloaded")  # nobody else is there
    held.append(ask(modest))
    await until(lambda: admission.in_flight == 5)
    refused = await ask(greedy)
    problem(refused, 429, "share_exceeded")
    assert int(refused.headers["retry-after"]) >= 1
    held.append(ask(modest))

    brake.release()
    assert {(await one).status_code for one in held} == {200}


async def test_an_unknown_model_is_left_to_the_route(serve: Serve) -> None:
    served = await serve()
    response = await served.client.post("/classify?model=nobody", content=pictures.jpeg())
    problem(response, 404, "model_not_found")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/models", "/metrics"])
async def test_other_paths_pass_while_a_model_is_full(
    path: str, serve: Serve, brake: Brake
) -> None:
    served = await serve(max_in_flight=1)
    held = await full(served, brake)
    assert (await served.client.get(path)).status_code == 200
    brake.release()
    assert (await held).status_code == 200


# The door, for a server that asks before it makes a task

KEY = "0123456789abcdef"
KNOWN = {"x-api-key": KEY}
ORIGIN = {"origin": "https://example.org"}


def asked(headers: Mapping[str, str], path: str = "/classify") -> Scope:
    """Return the scope of a POST."""
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


def at_once(served: Served, scope: Scope) -> httpx.Response:
    """Return what the door answers."""
    door: Door = served.app.state.door
    refusal = door.refuse(scope)
    assert refusal
    return httpx.Response(refusal.status, headers=refusal.headers, content=refusal.body)


def told(response: httpx.Response) -> tuple[Any, ...]:
    """Return what a refusal says, but for its id."""
    document = {**response.json(), "request_id": ""}
    return response.status_code, {**response.headers, "x-request-id": ""}, document


async def test_the_door_refuses_as_all_the_layers_do(
    serve: Serve, brake: Brake, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    served = await serve(max_in_flight=1, api_keys=(KEY,))
    held = await full(served, brake, KNOWN)
    cases = [({}, "/classify"), ({}, "/models"), (KNOWN | {"x-request-id": "mine"}, "/classify")]

    for headers, path in cases:
        long = await served.client.post(path, content=b"x", headers=headers)
        short = at_once(served, asked(headers, path))
        assert told(short) == told(long)
    problem(short, 503, "overloaded")
    assert short.headers["x-request-id"] == "mine"

    metrics = (await served.client.get("/metrics", headers=KNOWN)).text
    assert sample(metrics, "chiasm_rejections_total", code="overloaded") == 2
    assert sample(metrics, "chiasm_rejections_total", code="unauthorized") == 4
    assert sample(metrics, "chiasm_requests_total", route="/classify", status="503") == 2
    long_line, short_line = [line for line in log_lines() if line.get("code") == "overloaded"]
    assert long_line.keys() == short_line.keys()
    assert short_line["request_id"] == "mine"

    brake.release()
    assert (await held).status_code == 200


async def test_the_door_lets_in_what_is_not_refused(serve: Serve) -> None:
    served = await serve(api_keys=(KEY,))
    door: Door = served.app.state.door

    assert door.refuse(asked(KNOWN)) is None
    assert door.refuse(asked(KNOWN, "/models")) is None
    assert door.refuse(asked({}, "/healthz")) is None


async def test_who_was_let_in_is_not_refused_by_what_came_meanwhile(
    serve: Serve, brake: Brake
) -> None:
    served = await serve(max_in_flight=1)
    scope = asked({})
    door: Door = served.app.state.door
    assert door.refuse(scope) is None
    held = await full(served, brake)

    assert door.refuse(scope) is None
    assert door.refuse(asked({}))

    brake.release()
    assert (await held).status_code == 200


@pytest.mark.parametrize(("origins", "short"), [((), True), (("https://example.org",), False)])
async def test_what_needs_headers_from_further_in_goes_further_in(
    serve: Serve, origins: tuple[str, ...], short: bool
) -> None:
    served = await serve(api_keys=(KEY,), cors_origins=origins)
    door: Door = served.app.state.door

    assert bool(door.refuse(asked(ORIGIN))) is short
    assert door.refuse(asked({}))


async def test_a_bug_at_the_door_is_answered_by_the_application(
    serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    door: Door = served.app.state.door
    admission = served.models.find("classify").pipeline.admission
    monkeypatch.setattr(admission, "check", lambda *_: 1 / 0)

    assert door.refuse(asked({})) is None
    with pytest.raises(ZeroDivisionError):  # which a server answers with a 500
        await served.client.post("/classify", content=picture)
