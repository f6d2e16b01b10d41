"""The service in this process, with models that are copied and changed for one test."""

import asyncio
import re
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
from fastapi import FastAPI

from service.app import create_app
from service.arrays import Array
from service.engine.repository import Repository
from service.engine.session import OrtSession
from service.settings import Settings

MODELS = Path(__file__).parents[1] / "models"
DIGITS = "lenet5-digits"
Run = Callable[[OrtSession, Mapping[str, Array], Sequence[str] | None], dict[str, Array]]
PATIENCE_S = 60.0  # so that a test that waits for what never comes fails instead of hanging


@dataclass(frozen=True, slots=True)
class Served:
    """A running application, and a client that speaks ASGI with it."""

    app: FastAPI
    client: httpx.AsyncClient

    @property
    def models(self) -> Repository:
        models: Repository = self.app.state.models
        return models


class Serve(Protocol):
    """Starts the service with the settings that a test cares about."""

    def __call__(self, **settings: Any) -> Awaitable[Served]: ...


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Served]:
    """Run the application, lifespan and all; a bug that gets past it fails the test."""
    app = await asyncio.to_thread(create_app, settings)  # which blocks, as at any start
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://chiasm") as client:
            yield Served(app, client)


def copy_model(
    models_dir: Path, source: str = DIGITS, *, name: str | None = None, **keys: str
) -> Path:
    """Copy a model without its golden answer, under another name and with other keys.

    Args:
        models_dir: where to.
        source: a folder of the checkout's `models`.
        name: of the copy.
        keys: for keys that the manifest has, the text to put behind the `=`.
    """
    folder = models_dir / (name or source)
    shutil.copytree(MODELS / source, folder, ignore=shutil.ignore_patterns("golden.*"))
    if name:
        keys = {"name": f'"{name}"', **keys}
    edit_manifest(folder, keys)
    return folder


def edit_manifest(folder: Path, keys: Mapping[str, str]) -> None:
    """Replace the values of keys that a folder's manifest has."""
    path = folder / "model.toml"
    text = path.read_text(encoding="utf-8")
    for key, value in keys.items():
        line = f"{key} = {value}".replace("\\", r"\\")
        text, count = re.subn(rf"(?m)^{key} = .*$", line, text)
        assert count == 1, f"{path} has {count} keys {key}"
    path.write_text(text, encoding="utf-8")


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until `condition` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  (it comes true on other threads)
            await asyncio.sleep(0.001)


class Brake:
    """Holds the runs of all sessions while it is pressed: networks as slow as a test needs."""

    def __init__(self) -> None:
        self.runs = 0
        self._released = threading.Event()
        self._released.set()

    def press(self) -> None:
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def on(self, run: Run) -> Run:
        """Return `run` with the brake on it."""

        def braked(
            session: OrtSession, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
        ) -> dict[str, Array]:
            self.runs += 1
            assert self._released.wait(PATIENCE_S)
            return run(session, feeds, outputs)

        return braked
