from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.client.both import Handler, asynchronous, blocking
from tests.servers import Server
from tests.serving import copy_model

NETWORKS = (
    "efficientnet-lite0",
    "centernet-mobilenetv3",
    "centerface",
    "face-landmarks-68",
    "dlib-resnet-face",
    "selfie-person",
    "edges",
    "multistyle26",
    "magenta-style-predict",
    "magenta-style-transform",
)


@pytest.fixture(params=[blocking, asynchronous], ids=["blocking", "async"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return what makes either client."""
    maker: Callable[..., Any] = request.param
    return maker


@pytest.fixture
def speak(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes a client of a server that is a function."""

    def client(handler: Handler, url: str = "http://chiasm", **settings: Any) -> Any:
        return make(url, transport=httpx.MockTransport(handler), **settings)

    return client


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long the clients would have slept."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("service.client.connection.sleep", slept.append)
    monkeypatch.setattr("service.client.style_job.sleep", slept.append)
    monkeypatch.setattr(anyio, "sleep", sleep)
    return slept


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with a bundled network for each task."""
    directory = tmp_path_factory.mktemp("bundled")
    for name in NETWORKS:
        copy_model(directory / "models", name)
    server = Server(directory, directory / "models", device="cpu")
    with closing(server):
        yield server.listen()


@pytest.fixture
async def here(make: Callable[..., Any], bundled: Server) -> AsyncIterator[Any]:
    """Return a client of the real server."""
    client = make(bundled.url)
    yield client
    await client.close()


@pytest.fixture(scope="session")
def samples() -> Path:
    return Path(__file__).parents[2] / "docs" / "samples"
