"""Where one process becomes the limit: what its event loop costs a request, with 1 and 2 workers.

A process's event loop is one thread, its main one: however many cores there are, it answers no more
requests a second than fit into one second of that thread.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from bench.load import Post, closed_loop
from bench.pictures import photograph
from bench.report import publish
from tools.served import TICKS_PER_SECOND, Served

MODELS = Path(__file__).parents[1] / "models"
CONCURRENCY = 16
SECONDS = 4.0
ROUNDS = 5
WORKERS = (1, 2)


def main() -> None:
    """Measure both in turns, and publish medians."""
    digit = (MODELS / "lenet5-digits" / "golden.png").read_bytes()
    workloads = {
        "lenet5-digits": (digit, ROUNDS),
        "efficientnet-lite0": (photograph(500, 375), 1),
    }
    measured: dict[tuple[str, int], list[Mapping[str, float]]] = defaultdict(list)
    for workers in WORKERS * ROUNDS:
        with Served({"CHIASM_WORKERS": str(workers)}) as server:
            _await_workers(server.url, workers)
            for model, (body, rounds) in workloads.items():
                if len(measured[model, workers]) < rounds:
                    measured[model, workers].append(_measure(server, model, body))
    rows = [
        {"model": model, "workers": workers}
        | {name: median(row[name] for row in found) for name in found[0]}
        for (model, workers), found in sorted(measured.items(), reverse=True)
    ]
    publish("workers", f"/classify, {CONCURRENCY} at once, medians of {ROUNDS} rounds", rows)


def _measure(server: Served, model: str, body: bytes) -> Mapping[str, float]:
    post = Post(f"{server.url}/classify?model={model}", body, "application/octet-stream")
    closed_loop(post, concurrency=CONCURRENCY, seconds=0.5)
    processes = _children(server.process.pid) or [server.process.pid]
    before = _cpu_s(processes)
    load = closed_loop(post, concurrency=CONCURRENCY, seconds=SECONDS)
    spent = [after - was for was, after in zip(before, _cpu_s(processes), strict=True)]
    answers = load.by_status[200]
    return {
        "answers/s": load.goodput,
        "refused": float(len(load.statuses) - answers),
        "CPU ms each": 1000 * spent[0] / answers,
        "of which event loop": 1000 * spent[1] / answers,
        "generator CPU ms each": 1000 * load.generator_cpu_s / answers,
    }


def _await_workers(url: str, workers: int) -> None:
    """Wait until all of them answer; that the server is ready says it of one only."""
    wanted = f"chiasm_workers {float(workers)}".encode()
    while True:
        with urlopen(f"{url}/metrics", timeout=5) as answer:
            if wanted in answer.read():
                return
        time.sleep(0.05)


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in path.read_text(encoding="ascii").split()]


def _cpu_s(processes: list[int]) -> tuple[float, float]:
    """Return the CPU time of processes, and that of their main threads alone."""
    return (
        sum(_time(Path(f"/proc/{one}/stat")) for one in processes),
        sum(_time(Path(f"/proc/{one}/task/{one}/stat")) for one in processes),
    )


def _time(stat: Path) -> float:
    fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


if __name__ == "__main__":
    main()
