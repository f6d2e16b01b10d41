import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from service import errors
from service.api import problems
from service.logs import request_id
from tests import pictures
from tests.answers import problem
from tests.pictures import JPEG_HEADER, MEGABYTE, PNG_HEADER, brief
from tests.serving import DIGITS, Brake, Serve, until

pytestmark = pytest.mark.anyio

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'


def leaves(base: type[errors.ChiasmError]) -> Iterator[type[errors.ChiasmError]]:
    children = base.__subclasses__()
    if not children:
        yield base
    for child in children:
        yield from leaves(child)


REACH_A_CALLER = [*leaves(errors.BadRequest), *leaves(errors.Unavailable)]


def test_every_error_that_a_caller_can_meet_has_a_status() -> None:
    assert set(problems.STATUS) == set(REACH_A_CALLER)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty_body"),
        (b"no picture at all", 415, "unsupported_format"),
        (SVG, 415, "unsupported_format"),
        (pictures.noise(JPEG_HEADER), 422, "corrupt_image"),
        (pictures.noise(JPEG_HEADER, seed=1), 422, "corrupt_image"),
        (pictures.noise(PNG_HEADER), 422, "corrupt_image"),
        (pictures.jpeg()[:-100], 422, "truncated_image"),
        (pictures.png()[:-30], 422, "truncated_image"),
        (JPEG_HEADER + bytes(21 * MEGABYTE), 413, "image_too_large"),
        (pictures.png_header(60_000, 60_000), 413, "image_too_large"),
    ],
    ids=brief,
)
async def test_a_body_that_is_no_picture(
    client: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    problem(await client.post("/classify", content=body), status, code)


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ("colour=red", "colour"),  # unknown
        ("top_k=0", "top_k"),  # out of range
        ("top_k=1001", "top_k"),
        ("top_k=", "top_k"),  # malformed
        ("top_k=two", "top_k"),
        ("top_k=1&top_k=2", "top_k"),  # which of them?
        ("crops=3", "crops"),
        ("crops=five", "crops"),
        ("min_score=1.5", "min_score"),
        ("min_score=nan", "min_score"),
        ("model=", "model"),  # empty
        ("model=a&model=", "model"),
        ("&".join(f"model={name}" for name in "abcdefghi"), "model"),  # more than eight
        ("Top_K=1", "Top_K"),  # names are exact
    ],
)
async def test_a_wrong_option_is_named(
    client: httpx.AsyncClient, picture: bytes, query: str, option: str
) -> None:
    document = problem(
        await client.post(f"/classify?{query}", content=picture), 422, "invalid_option"
    )

    assert document["option"] == option
    assert document["detail"].startswith(f"{option}: ")


@pytest.mark.parametrize("value", ["", "soon", "0", "-5", "nan", "1,5"])
async def test_a_malformed_deadline_is_named(
    client: httpx.AsyncClient, picture: bytes, value: str
) -> None:
    response = await client.post("/classify", content=picture, headers={"X-Deadline-Ms": value})

    assert problem(response, 422, "invalid_option")["option"] == "X-Deadline-Ms"


async def test_an_unknown_model_lists_what_there_is(
    client: httpx.AsyncClient, picture: bytes
) -> None:
    document = problem(
        await client.post("/classify?model=resnet", content=picture), 404, "model_not_found"
    )

    assert document["available"] == [DIGITS]
    assert "resnet" in document["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/classify/", 404, "not_found"),  # no redirect that would lose the body
        ("GET", "/classify", 405, "method_not_allowed"),
        ("DELETE", "/models", 405, "method_not_allowed"),
    ],
)
async def test_the_router_speaks_in_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    problem(await client.request(method, path), status, code)


async def test_a_wrong_method_says_which_is_right(client: httpx.AsyncClient) -> None:
    assert (await client.get("/classify")).headers["allow"] == "POST"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_missing_or_wrong_key(
    serve: Serve, picture: bytes, headers: dict[str, str]
) -> None:
    served = await serve(api_keys=("0123456789abcdef",))

    response = await served.client.post("/classify", content=picture, headers=headers)

    problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_deadline_that_passes_while_the_network_runs(
    serve: Serve, brake: Brake, picture: bytes
) -> None:
    served = await serve()
    brake.press()

    response = await served.client.post(
        "/classify", content=picture, headers={"X-Deadline-Ms": "20"}
    )

    problem(response, 504, "deadline_exceeded")


async def test_a_deadline_that_has_passed_on_arrival(
    client: httpx.AsyncClient, picture: bytes
) -> None:
    response = await client.post("/classify", content=picture, headers={"X-Deadline-Ms": "1e-9"})

    problem(response, 504, "deadline_exceeded")


async def test_overload_says_when_to_come_back(serve: Serve, brake: Brake, picture: bytes) -> None:
    served = await serve(max_in_flight=2)
    admission = served.models.models[DIGITS].pipeline.admission
    brake.press()
    admitted = [
        asyncio.create_task(served.client.post("/classify", content=picture)) for _ in range(2)
    ]
    await until(lambda: admission.in_flight == 2)
    admission.seed(0.7)  # seconds a request, so that the two ahead take 1.4

    refused = await served.client.post("/classify", content=picture)
    brake.release()

    problem(refused, 503, "overloaded")
    assert refused.headers["retry-after"] == "2"
    assert [response.status_code for response in await asyncio.gather(*admitted)] == [200, 200]


async def test_a_wait_that_would_be_too_long_is_refused(
    serve: Serve, brake: Brake, picture: bytes
) -> None:
    served = await serve(max_wait_ms=500)
    admission = served.models.models[DIGITS].pipeline.admission
    brake.press()
    admitted = asyncio.create_task(served.client.post("/classify", content=picture))
    await until(lambda: admission.in_flight == 1)
    admission.seed(3.2)

    refused = await served.client.post("/classify", content=picture)
    brake.release()

    problem(refused, 503, "overloaded")
    assert refused.headers["retry-after"] == "4"
    assert (await admitted).status_code == 200


async def test_a_draining_service_takes_no_more_work(serve: Serve, picture: bytes) -> None:
    served = await serve()
    served.models.drain(0.0)

    response = await served.client.post("/classify", content=picture)

    problem(response, 503, "shutting_down")
    assert response.headers["retry-after"] == "1"


@pytest.fixture
async def faulty() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of an application that gives no answer but problems."""
    app = FastAPI()
    problems.install(app)

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", headers={"X-Handle": "here"})

    @app.get("/startup")
    async def startup() -> None:
        raise errors.DeviceUnavailable("no cuda in rack 7")

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://chiasm"
    ) as client:
        token = request_id.set("the-request")
        yield client
        request_id.reset(token)


async def test_another_status_of_the_framework(faulty: httpx.AsyncClient) -> None:
    response = await faulty.get("/teapot")

    assert response.headers["content-type"] == problems.MEDIA_TYPE
    assert response.headers["x-handle"] == "here"
    assert response.json() == {
        "type": "urn:chiasm:problem:http_error",
        "title": "Error",
        "status": 418,
        "code": "http_error",
        "detail": "short and stout",
        "request_id": "the-request",
    }


async def test_an_error_that_no_request_should_meet_is_a_bug(
    faulty: httpx.AsyncClient, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    response = await faulty.get("/startup")

    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert "rack 7" not in response.text
    (line,) = log_lines()
    assert "rack 7" in line["traceback"]
