"""How long answers take at 70 % of what a server can do, beside an idle one.

    python -m bench latency --workloads classify-small --contestants chiasm fastapi --rounds 5

Each round measures, one after the other: the median with one request in flight (`h2load`); the
capacity with eight; and an open loop, whose requests arrive evenly at 70 % of that capacity
whether or not answers come, and whose latency counts from the appointed moment. Told is the 99th
percentile of the last, as a multiple of the first.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.contestants import CHIASM, SERVERS
from bench.report import Row, publish
from bench.rounds import Spread, ratios
from bench.running import Running
from bench.workloads import WORKLOADS, Workload

SHARE = 0.7
CONCURRENCY = 8
WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One round of one server.

    Attributes:
        idle_p50_ms: with one request in flight.
        capacity: answers a second with eight.
        p50_ms, p99_ms: at 70 % of it.
        failed: requests of the last that were not answered with 200.
        generator_cores: what the open loop's generator took meanwhile.
    """

    idle_p50_ms: float
    capacity: float
    p50_ms: float
    p99_ms: float
    failed: int
    generator_cores: float


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and publish."""
    options = _options(arguments)
    runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(Running(SERVERS[name])) for name in options.contestants
        }
        for server in servers.values():
            server.tree.pause()
        for _ in range(options.rounds):
            for name in options.workloads:
                for contestant, server in servers.items():
                    server.tree.resume()
                    runs[name, contestant].append(measure(server, WORKLOADS[name], options.seconds))
                    server.tree.pause()
    publish(
        "latency",
        f"Open loop at {SHARE:.0%} of the capacity, {options.rounds} rounds of "
        f"{options.seconds:g} s",
        [_row(name, contestant, found) for (name, contestant), found in runs.items()],
    )


def measure(server: Running, workload: Workload, seconds: float) -> Run:
    """Measure one server once."""
    server.closed_loop(workload, concurrency=CONCURRENCY, seconds=WARM_UP_S)
    idle = server.closed_loop(workload, concurrency=1, seconds=seconds / 2)
    capacity = server.closed_loop(workload, concurrency=CONCURRENCY, seconds=seconds).goodput
    load = server.open_loop(workload, rate=capacity * SHARE, seconds=seconds)
    return Run(
        idle_p50_ms=idle.percentile_ms(50),
        capacity=capacity,
        p50_ms=load.percentile_ms(50),
        p99_ms=load.percentile_ms(99),
        failed=load.failed,
        generator_cores=load.generator_cpu_s / load.duration_s,
    )


def _row(name: str, contestant: str, runs: list[Run]) -> Row:
    def middle(field: str) -> float:
        return Spread.of([getattr(run, field) for run in runs]).median

    multiple = ratios([run.p99_ms for run in runs], [run.idle_p50_ms for run in runs])
    return {
        "workload": WORKLOADS[name].title,
        "contestant": contestant,
        "idle p50 ms": middle("idle_p50_ms"),
        "capacity/s": middle("capacity"),
        "p50 ms": middle("p50_ms"),
        "p99 ms": middle("p99_ms"),
        "p99, times idle p50": str(multiple),
        "failed": sum(run.failed for run in runs),
        "generator CPU, cores": middle("generator_cores"),
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench latency", description=__doc__.splitlines()[0])
    default = ["classify-small", "detect-small"]
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=default)
    parser.add_argument("--contestants", nargs="+", choices=SERVERS, default=[CHIASM])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser.parse_args(arguments)
