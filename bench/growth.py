"""How cost grows: latency with the pixels of a JPEG, throughput with the requests in flight.

    python -m bench growth --rounds 3 --seconds 3

Pixels: one request at a time, from 0.1 to 50 megapixels, so that the median is what one picture
costs and nothing else. Concurrency: a small JPEG, from 1 to 256 in flight; beyond the service's
own limits it refuses with 503 at once, which `h2load` answers by asking again, so that the refusals
of a closed loop say nothing but that there were some.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from bench.contestants import CHIASM, SERVERS
from bench.load import Load
from bench.pictures import photograph
from bench.report import publish
from bench.rounds import Spread
from bench.running import Running
from bench.workloads import WORKLOADS, Question, Workload

# Width and height of 4:3 pictures; the last is just within the default limit of 50 megapixels.
SIZES = (
    *((364, 273), (632, 474), (1156, 867), (2000, 1500)),
    *((4000, 3000), (5656, 4242), (8160, 6120)),
)
IN_FLIGHT = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TASKS = ("classify", "detect")
WARM_UP_S = 1.0


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and publish."""
    options = _options(arguments)
    with Running(SERVERS[CHIASM]) as server:
        small = WORKLOADS["classify-small"]
        server.closed_loop(small, concurrency=8, seconds=WARM_UP_S)
        _pixels(server, options.rounds, options.seconds)
        _concurrency(server, small, options.rounds, options.seconds)


def _pixels(server: Running, rounds: int, seconds: float) -> None:
    streams = {
        (task, size): Workload(title=task, questions=(Question(task, partial(photograph, *size)),))
        for task in TASKS
        for size in SIZES
    }
    loads: dict[tuple[str, tuple[int, int]], list[Load]] = defaultdict(list)
    cpu_ms: dict[tuple[str, tuple[int, int]], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for key, stream in streams.items():
            cpu_s = server.tree.cpu_seconds()
            loads[key].append(server.closed_loop(stream, concurrency=1, seconds=seconds))
            cpu_s = server.tree.cpu_seconds() - cpu_s
            cpu_ms[key].append(cpu_s / len(loads[key][-1].statuses) * 1000)
    publish(
        "growth_pixels",
        f"A JPEG of more and more pixels, one at a time, {rounds} rounds of {seconds:g} s",
        [
            {
                "task": task,
                "megapixels": size[0] * size[1] / 1e6,
                "file MB": len(photograph(*size)) / 1e6,
                "p50 ms": Spread.of([load.percentile_ms(50) for load in found]).median,
                "p99 ms": Spread.of([load.percentile_ms(99) for load in found]).median,
                "CPU ms": Spread.of(cpu_ms[task, size]).median,
                "failed": sum(load.failed for load in found),
            }
            for (task, size), found in loads.items()
        ],
    )


def _concurrency(server: Running, workload: Workload, rounds: int, seconds: float) -> None:
    loads: dict[int, list[Load]] = defaultdict(list)
    for _ in range(rounds):
        for count in IN_FLIGHT:
            loads[count].append(server.closed_loop(workload, concurrency=count, seconds=seconds))
    publish(
        "growth_concurrency",
        f"{workload.title}, more and more in flight, {rounds} rounds of {seconds:g} s",
        [
            {
                "in flight": count,
                "answers/s": Spread.of([load.goodput for load in found]).median,
                "p50 ms": Spread.of([load.percentile_ms(50) for load in found]).median,
                "p99 ms": Spread.of([load.percentile_ms(99) for load in found]).median,
                "refused 503": sum(load.by_status[503] for load in found),
                "failed otherwise": sum(load.failed - load.by_status[503] for load in found),
            }
            for count, found in loads.items()
        ],
    )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench growth", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args(arguments)
