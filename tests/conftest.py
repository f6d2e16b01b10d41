"""What every test may ask for: a clean environment, models to change, and the running service."""

import io
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.register_assert_rewrite("tests.answers", "tests.servers", "tests.serving")

from service.engine.session import OrtSession  # noqa: E402
from service.logs import JsonFormatter  # noqa: E402
from service.settings import Settings  # noqa: E402
from tests import pictures  # noqa: E402
from tests.servers import Server, StartServer  # noqa: E402
from tests.serving import Brake, Serve, Served, copy_model, serving  # noqa: E402


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CHIASM_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def log_lines() -> Callable[[], list[dict[str, Any]]]:
    """Return what the service logged so far, as the objects that its JSON lines hold."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    return lambda: [
        line
        for line in map(json.loads, stream.getvalue().splitlines())
        if line["logger"].startswith("service")
    ]


@pytest.fixture
def picture() -> bytes:
    """Return a small JPEG, 40 x 24."""
    return pictures.jpeg()


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """Return a directory of models with the digits in it, free to be changed."""
    directory = tmp_path / "models"
    copy_model(directory)
    return directory


@pytest.fixture
async def serve(models_dir: Path, tmp_path: Path) -> AsyncIterator[Serve]:
    """Return what starts the service on `models_dir`, patient and with one CPU by default."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Served:
            usual = {
                "models_dir": models_dir,
                "data_dir": str(tmp_path / "data"),
                "device": "cpu",
                "cpus": 1,
                "max_wait_ms": 60_000,
            }
            return await stack.enter_async_context(serving(Settings(**{**usual, **settings})))

        yield start


@pytest.fixture
async def client(serve: Serve) -> httpx.AsyncClient:
    """Return a client of the service as it comes."""
    return (await serve()).client


@pytest.fixture
def brake(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[Brake]:
    """Return a brake on every session, released; it is again before the service stops."""
    brake = Brake()
    monkeypatch.setattr(OrtSession, "run", brake.on(OrtSession.run))
    yield brake
    brake.release()


@pytest.fixture
def start_server(tmp_path: Path, models_dir: Path) -> Iterator[StartServer]:
    """Return what starts a server with the settings that a test cares about."""
    with ExitStack() as stack:

        def run(**settings: str) -> Server:
            server = Server(tmp_path, models_dir, **settings)
            stack.callback(server.close)
            return server.listen()

        yield run


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the server of the tests that leave it as it was."""
    directory = tmp_path_factory.mktemp("server")
    copy_model(directory / "models")
    server = Server(directory, directory / "models")
    with closing(server):
        yield server.listen()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Return threads that wait for answers while the test goes on."""
    with ThreadPoolExecutor(8) as pool:
        yield pool
