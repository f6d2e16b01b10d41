import httpx
import pytest

from service.tasks.classify import Classify
from tests.serving import Serve

pytestmark = pytest.mark.anyio

KEY = "0123456789abcdef"
ORIGIN = {"Origin": "https://example.org"}


async def test_without_origins_no_browser_is_let_in(client: httpx.AsyncClient) -> None:
    response = await client.get("/healthz", headers=ORIGIN)

    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        (("https://example.org",), "https://example.org"),
        (("https://other.org", "https://example.org"), "https://example.org"),
        (("*",), "*"),
        (("https://other.org",), None),
    ],
)
async def test_an_origin_that_is_allowed_reads_the_answer(
    serve: Serve, origins: tuple[str, ...], allowed: str | None
) -> None:
    served = await serve(cors_origins=origins)

    response = await served.client.get("/healthz", headers=ORIGIN)

    assert response.headers.get("access-control-allow-origin") == allowed
    exposed = response.headers["access-control-expose-headers"].split(", ")
    assert exposed == ["Server-Timing", "X-Request-ID", "X-Execution-Provider", "Retry-After"]


async def test_a_preflight_needs_no_key(serve: Serve) -> None:
    served = await serve(cors_origins=("https://example.org",), api_keys=(KEY,))
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, content-type",
    }

    response = await served.client.options("/classify", headers=ORIGIN | asked)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://example.org"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "x-api-key" in response.headers["access-control-allow-headers"]
    assert response.headers["x-request-id"]


async def test_a_browser_can_read_every_error(
    serve: Serve, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve(cors_origins=("https://example.org",), api_keys=(KEY,))
    headers = ORIGIN | {"X-API-Key": KEY}
    monkeypatch.setattr(Classify, "postprocess", None)

    responses = [
        await served.client.post("/classify", headers=ORIGIN, content=picture),
        await served.client.get("/nowhere", headers=headers),
        await served.client.post("/classify?top_k=0", headers=headers, content=picture),
        await served.client.post("/classify", headers=headers, content=picture),
    ]

    assert [response.status_code for response in responses] == [401, 404, 422, 500]
    for response in responses:
        assert response.headers["access-control-allow-origin"] == "https://example.org"
        assert response.headers["x-request-id"]
