import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service import app as module
from service.app import create_app, open_models
from service.engine.repository import scan
from service.errors import DeviceUnavailable, JobsUnavailable, ManifestError
from service.settings import Settings
from service.telemetry import Metrics
from tests import pictures
from tests.answers import sample
from tests.serving import (
    DIGITS,
    Brake,
    Serve,
    copy_model,
    edit_manifest,
    serving,
    until,
)

pytestmark = pytest.mark.anyio

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def no_threads_left() -> Iterator[None]:
    """Check that the service ends every thread that it starts, however it ends."""
    before = set(threading.enumerate())
    yield
    ours = [
        thread.name
        for thread in set(threading.enumerate()) - before
        if thread.name.startswith("cpu-")
    ]
    assert ours == []


def messages(lines: list[dict[str, Any]]) -> list[str]:
    return [line["message"] for line in lines]


# Starting


@pytest.mark.usefixtures("no_threads_left")
async def test_the_lifespan_ends_what_the_start_began(models_dir: Path) -> None:
    async with serving(Settings(models_dir=models_dir, cpus=2)) as served:
        session = served.models.models[DIGITS].session
        assert {"cpu-0", "cpu-1"} <= {thread.name for thread in threading.enumerate()}

    with pytest.raises(RuntimeError, match="closed"):
        session.run({})


@pytest.mark.usefixtures("no_threads_left")
@pytest.mark.parametrize(
    ("keys", "file", "key"),
    [
        ({"sha256": f'"{"0" * 64}"'}, "model.toml", "sha256"),
        ({"task": '"guess"'}, "model.toml", "task"),
        ({"size": "[28, 28]"}, "model.toml", "input.size"),
        ({"output": '"softmax"'}, "model.toml", "config.output"),
        ({"labels": '"no.txt"'}, "model.toml", "config.labels"),
        ({"layout": '"WHCN"'}, "model.toml", "input.layout"),
    ],
)
def test_a_broken_manifest_stops_the_start(
    models_dir: Path, keys: dict[str, str], file: str, key: str
) -> None:
    edit_manifest(models_dir / DIGITS, keys)

    with pytest.raises(ManifestError) as caught:
        create_app(Settings(models_dir=models_dir))

    assert str(caught.value).startswith(f"{models_dir / DIGITS / file}: {key}: ")


@pytest.mark.usefixtures("no_threads_left")
def test_a_missing_device_stops_the_start(models_dir: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="openvino"):
        create_app(Settings(models_dir=models_dir, device="openvino"))


def test_a_missing_directory_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such directory"):
        create_app(Settings(models_dir=tmp_path / "none"))


async def test_the_start_is_announced(serve: Serve, log_lines: Lines) -> None:
    await serve(
        cpus=1.5, api_keys=("0123456789abcdef",), cors_origins=("https://a.org", "https://b.org")
    )

    said = messages(log_lines())
    assert "planning with 1.50 CPUs: 1 threads for decoding, pre- and postprocessing" in said
    loaded = f"{DIGITS}: ready on CPUExecutionProvider, 1 at once with 1 threads each, loaded in "
    assert [line for line in said if line.startswith(loaded)]
    assert "API keys are on (1)" in said
    assert "CORS is https://a.org, https://b.org" in said


async def test_what_is_off_is_announced_too(serve: Serve, log_lines: Lines) -> None:
    await serve()

    assert "API keys are off" in messages(log_lines())
    assert "CORS is off" in messages(log_lines())


# Models that have to be pulled


@pytest.fixture
def not_pulled(models_dir: Path) -> str:
    """Add a model whose network is still to be pulled."""
    folder = copy_model(models_dir, name="faraway")
    (folder / "model.onnx").unlink()
    with (folder / "model.toml").open("a") as manifest:
        manifest.write('\n[pull]\nurl = "https://example.org/faraway.onnx"\nsize_bytes = 9\n')
    return folder.name


async def test_a_model_that_is_not_pulled_is_left_out_and_said_so(
    serve: Serve, not_pulled: str, log_lines: Lines
) -> None:
    served = await serve()

    assert list(served.models.models) == [DIGITS]
    assert f"{not_pulled} is not installed: `chiasm models pull {not_pulled}`" in messages(
        log_lines()
    )


def test_only_the_given_folders_are_loaded(models_dir: Path) -> None:
    copy_model(models_dir, name="another")
    folders = scan(models_dir)

    models = open_models(Settings(models_dir=models_dir), Metrics(), folders[:1])
    models.close()

    assert list(models.models) == ["another"]


# What the gauges read


async def test_the_gauges_follow_the_work_in_hand(
    serve: Serve, brake: Brake, picture: bytes
) -> None:
    served = await serve(cpus=2, instances=1)  # one thread is held, the other prepares

    async def gauge(name: str, **labels: str) -> float:
        return sample((await served.client.get("/metrics")).text, name, **labels)

    assert await gauge("chiasm_buffered_body_bytes") == 0
    runs = brake.runs
    brake.press()
    asked = [
        asyncio.create_task(served.client.post("/classify", content=picture)) for _ in range(3)
    ]
    pipeline = served.models.models[DIGITS].pipeline
    await until(lambda: brake.runs == runs + 1 and pipeline.waiting == 2)

    assert await gauge("chiasm_buffered_body_bytes") == 3 * len(picture)
    assert await gauge("chiasm_in_flight", model=DIGITS) == 3
    assert await gauge("chiasm_queue_depth", model=DIGITS) == 2
    assert await gauge("chiasm_predicted_wait_seconds", model=DIGITS) > 0
    brake.release()
    assert [response.status_code for response in await asyncio.gather(*asked)] == [200] * 3
    assert await gauge("chiasm_buffered_body_bytes") == 0
    assert await gauge("chiasm_in_flight", model=DIGITS) == 0


async def test_the_loop_s_lag_is_measured(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    monkeypatch.setattr(module, "Metrics", lambda **_: metrics)
    monkeypatch.setattr(module, "LAG_TICK_S", 0.0)

    await serve()

    await until(lambda: sample(metrics, "chiasm_event_loop_lag_seconds") > 0)


async def test_the_jobs_that_wait_are_counted(
    serve: Serve, models_dir: Path, brake: Brake, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    monkeypatch.setattr(module, "Metrics", lambda **_: metrics)
    monkeypatch.setattr(module, "JOBS_TICK_S", 0.0)
    for name in ("multistyle26", "magenta-style-predict", "magenta-style-transform"):
        copy_model(models_dir, name)
    client = (await serve()).client

    brake.press()
    for _ in range(3):
        accepted = await client.post("/style?preset=3", files={"content": pictures.jpeg(80, 48)})
        assert accepted.status_code == 202, accepted.text

    await until(lambda: sample(metrics, "chiasm_jobs_waiting") == 2)  # one is with its painter
    brake.release()
    await until(lambda: sample(metrics, "chiasm_jobs_waiting") == 0)


async def test_counting_goes_on_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        tries = 0

        def waiting(self) -> int:
            self.tries += 1
            if self.tries < 3:
                raise [JobsUnavailable("away"), KeyError("a bug")][self.tries - 1]
            return 7

    metrics = Metrics()
    monkeypatch.setattr(module, "JOBS_TICK_S", 0.0)
    counting = asyncio.create_task(module._count_jobs(metrics, Broken()))  # type: ignore[arg-type]
    await until(lambda: sample(metrics, "chiasm_jobs_waiting") == 7)
    counting.cancel()
