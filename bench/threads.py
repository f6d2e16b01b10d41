"""How a machine's cores are best shared out: networks that run at once, times threads of each.

    python -m bench threads --rounds 5 --seconds 3

`runs x threads`: a run a core with one thread each is what Chiasm does unless a manifest or a
setting says otherwise; its opposite is one run at a time that has all cores. Told are the rate with
eight requests in flight, which is what a busy server is asked for, and the median of a request that
is alone, which gains most from several threads.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from bench.contestants import CHIASM, SERVERS
from bench.contestants.contestant import Contestant
from bench.report import publish
from bench.rounds import Spread, ratios
from bench.running import Running
from bench.workloads import WORKLOADS, Workload

CONCURRENCY = 8
WARM_UP_S = 0.5
DEFAULT_WORKLOADS = ("classify-small", "detect-small")


@dataclass(frozen=True, slots=True)
class Run:
    """One round: answers a second of a busy server, and what one waits at an idle one."""

    rate: float
    alone_ms: float


def shares(cores: int) -> Iterator[tuple[int, int]]:
    """Yield (runs at once, threads of each) that use every core once, most runs first.

    >>> list(shares(4))
    [(4, 1), (2, 2), (1, 4)]
    """
    for threads in range(1, cores + 1):
        if cores % threads == 0:
            yield cores // threads, threads


def shared_out(runs: int, threads: int) -> Contestant:
    """Return Chiasm with its cores shared out like that."""
    chosen = {"CHIASM_INSTANCES": str(runs), "CHIASM_THREADS": str(threads)}
    return replace(SERVERS[CHIASM], name=f"{runs} x {threads}", environment=chosen)


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and publish."""
    options = _options(arguments)
    measured: dict[tuple[str, str], list[Run]] = defaultdict(list)
    ways = [shared_out(*share) for share in shares(len(os.sched_getaffinity(0)))]
    with ExitStack() as stack:
        servers = [stack.enter_context(Running(way)) for way in ways]
        for server in servers:
            server.tree.pause()
        for _ in range(options.rounds):
            for name in options.workloads:
                for server in servers:
                    run = _measure(server, WORKLOADS[name], options.seconds)
                    measured[name, server.contestant.name].append(run)
    rows = [
        {
            "workload": WORKLOADS[name].title,
            "runs x threads": way.name,
            "answers/s": Spread.of([run.rate for run in measured[name, way.name]]).median,
            "of the first": str(_compared(measured, name, way, ways[0], "rate")),
            "alone, p50 ms": Spread.of([run.alone_ms for run in measured[name, way.name]]).median,
            "of the first's": str(_compared(measured, name, way, ways[0], "alone_ms")),
        }
        for name in options.workloads
        for way in ways
    ]
    how = f"{options.rounds} rounds of {options.seconds:g} s"
    publish("threads", f"Cores shared out in several ways, {how}", rows)


def _compared(
    measured: dict[tuple[str, str], list[Run]],
    workload: str,
    one: Contestant,
    other: Contestant,
    field: str,
) -> Spread:
    ours, theirs = measured[workload, one.name], measured[workload, other.name]
    return ratios([getattr(run, field) for run in ours], [getattr(run, field) for run in theirs])


def _measure(server: Running, workload: Workload, seconds: float) -> Run:
    server.tree.resume()
    server.closed_loop(workload, concurrency=CONCURRENCY, seconds=WARM_UP_S)
    alone = server.closed_loop(workload, concurrency=1, seconds=seconds / 2)
    busy = server.closed_loop(workload, concurrency=CONCURRENCY, seconds=seconds)
    server.tree.pause()
    return Run(rate=busy.goodput, alone_ms=alone.percentile_ms(50))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench threads", description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=DEFAULT_WORKLOADS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args(arguments)
