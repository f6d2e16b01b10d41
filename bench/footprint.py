"""What the service costs before it does anything: imports, the start, and memory by models."""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from bench.pictures import photograph
from bench.report import publish
from service.engine.repository import scan
from service.engine.session import SHRINK_EVERY_S
from tools.served import ROOT, Served

ROUNDS = 9
IMPORTS = {
    "FastAPI and onnxruntime alone": "import fastapi, onnxruntime",
    "`import service.app`": "import service.app",
}
COUNTS = (0, 1, 2, 4, 7, 10)  # of models, then all of them
TURNS, SENDERS = 25, 4
MB = 1e6


def main() -> None:
    """Measure and publish."""
    _imports()
    _starts()
    _growth()


def _imports() -> None:
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in IMPORTS}
    for _ in range(ROUNDS):
        for name, code in IMPORTS.items():  # in turns, so that a noisy machine is noisy for both
            spent[name].append(_python(code))
    rows = [
        {
            "what": name,
            "elapsed s, median": statistics.median(wall for wall, _ in times),
            "least": min(wall for wall, _ in times),
            "CPU s, median": statistics.median(cpu for _, cpu in times),
        }
        for name, times in spent.items()
    ]
    publish("footprint-imports", f"Imports, {ROUNDS} times each", rows)


def _python(code: str) -> tuple[float, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _starts() -> None:
    """Time starts with every installed model, and look at memory before and after traffic."""
    seconds, cpu, sizes = [], [], []
    for _ in range(ROUNDS):
        with Served() as server:
            seconds.append(server.seconds_to_ready)
            cpu.append(server.cpu_seconds())
            sizes.append((server.resident_bytes() / MB, server.proportional_bytes() / MB))
    with Served({"CHIASM_MAX_WAIT_MS": "60000"}) as server:
        statuses = _traffic(server.url)
        assert statuses <= {200, 202, 422}, statuses  # 422: no face in a photograph of noise
        after = server.resident_bytes() / MB
        time.sleep(SHRINK_EVERY_S)
        assert httpx.post(f"{server.url}/classify", content=photograph(64, 64)).status_code == 200
        calm = server.resident_bytes() / MB
        peak = server.peak_resident_bytes() / MB
    publish(
        "footprint-start",
        f"{ROUNDS} starts with all {len(_installed())} models; traffic of every endpoint",
        [
            {
                "to ready s, median": statistics.median(seconds),
                "least": min(seconds),
                "most": max(seconds),
                "CPU s": statistics.median(cpu),
                "RSS MB": statistics.median(rss for rss, _ in sizes),
                "PSS MB": statistics.median(pss for _, pss in sizes),
                "RSS after traffic": after,
                f"one request {SHRINK_EVERY_S:.0f} s later": calm,
                "most RSS": peak,
            }
        ],
    )


def _traffic(url: str) -> set[int]:
    """Ask everything of a server, several callers at once, and return the statuses."""
    picture = photograph(640, 480)
    with (
        httpx.Client(base_url=url, timeout=120) as client,
        ThreadPoolExecutor(SENDERS) as senders,
    ):
        named = {"image1": picture, "image2": picture}
        models = client.get("/models").json()["models"]
        shared = [
            f"/{model['task']}?model={model['name']}"
            for model in models
            if model["task"] in ("classify", "detect", "segment")
        ]

        def send(path: str) -> int:
            if path == "/verify":
                return client.post(path, files=named).status_code
            if path == "/style":
                return _paint(client, picture)
            return client.post(path, content=picture).status_code

        paths = [*shared, "/faces", "/verify"] * TURNS + ["/style"] * 3
        return set(senders.map(send, paths))


def _paint(client: httpx.Client, picture: bytes) -> int:
    accepted = client.post("/style?method=fast&preset=1", files={"content": picture})
    while accepted.is_success:
        job = client.get(accepted.headers["Location"], params={"wait": 10}).json()
        if job["status"] in ("succeeded", "failed", "canceled"):
            assert job["status"] == "succeeded", job
            break
    return accepted.status_code


def _growth() -> None:
    """Serve more and more of the models, the largest last, and look at memory when ready."""
    folders = sorted(_installed(), key=lambda folder: (folder / "model.onnx").stat().st_size)
    rows = []
    for some in _prefixes(folders):
        with tempfile.TemporaryDirectory() as directory:
            for folder in some:
                (Path(directory) / folder.name).symlink_to(folder)
            with Served({"CHIASM_MODELS_DIR": directory}) as server:
                graphs = sum((folder / "model.onnx").stat().st_size for folder in some)
                rows.append(
                    {
                        "models": len(some),
                        "files MB": graphs / MB,
                        "RSS MB": server.resident_bytes() / MB,
                        "PSS MB": server.proportional_bytes() / MB,
                        "to ready s": server.seconds_to_ready,
                    }
                )
    publish("footprint-models", "Memory against the number of models, the smallest first", rows)


def _prefixes(folders: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for count in (*(one for one in COUNTS if one < len(folders)), len(folders)):
        yield folders[:count]


def _installed() -> list[Path]:
    return [folder.path for folder in scan(ROOT / "models") if folder.installed]
