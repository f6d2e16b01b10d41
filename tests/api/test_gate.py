"""Overload is refused in front of everything: no route, no body, no work."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from tests import pictures
from tests.answers import problem, sample
from tests.serving import DIGITS, Brake, Serve, until

pytestmark = pytest.mark.anyio


async def test_what_a_full_model_cannot_take_is_refused_unread(serve: Serve, brake: Brake) -> None:
    served = await serve(max_in_flight=1)
    brake.press()
    held = asyncio.ensure_future(served.client.post("/classify", content=pictures.jpeg()))
    admission = served.models.find("classify").pipeline.admission
    await until(lambda: admission.in_flight == 1)
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
    path: str, serve: Serve, brake: Brake, picture: bytes
) -> None:
    served = await serve(max_in_flight=1)
    brake.press()
    held = asyncio.ensure_future(served.client.post("/classify", content=picture))
    admission = served.models.find("classify").pipeline.admission
    full: Callable[[], bool] = lambda: admission.in_flight == 1  # noqa: E731
    await until(full)
    assert (await served.client.get(path)).status_code == 200
    brake.release()
    assert (await held).status_code == 200
