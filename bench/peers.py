"""Chiasm beside its rivals and its own ceiling, in one interleaved run.

    python -m bench peers --workloads classify-small tiny --contestants ceiling chiasm --rounds 5

Every server is started once and asked every question once; a run is refused where their answers
do not agree. Then each round takes each workload, and within it each contestant in turn: A B C
A B C. All but the one that is measured are stopped (SIGSTOP), so that nobody pays for another's
idle loops. `h2load` keeps eight requests in flight, on the same cores as the server; the mixed
stream, which it cannot send, comes from `bench.arrivals`.

Rates are answers with 200 a second as the generator saw them. `of the ceiling` is what counts:
Chiasm's rate over the ceiling's, which has no generator beside it. `corrected` gives Chiasm the
cores that the generator took (`bench.rounds.without_generator`). CPU time is that of the whole
tree of processes, from /proc. Rows in which Chiasm is slower than a rival say so.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench import contestants
from bench.agreement import disagreement
from bench.contestants import CEILING, CHIASM, SERVERS, ceiling
from bench.models import folder_of
from bench.report import Row, publish, write
from bench.rounds import Spread, ratios, without_generator
from bench.running import Running
from bench.workloads import WORKLOADS

CONCURRENCY = 8
WARM_UP_S = 1.0
LOST = " **slower**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One contestant, once, on one workload.

    Attributes:
        rate: answers with 200 a second.
        corrected: the rate without the generator's share of the cores.
        cpu_ms: of the server, for each answer.
        generator_cpu_ms: likewise.
        p50_ms, p99_ms: NaN for the ceiling, which has no requests.
        failed: requests that were not answered with 200.
    """

    rate: float
    corrected: float
    cpu_ms: float
    generator_cpu_ms: float = 0.0
    p50_ms: float = float("nan")
    p99_ms: float = float("nan")
    failed: int = 0


class Disagreement(RuntimeError):
    """Contestants do not answer the same, so their speeds cannot be compared."""


Runs = dict[tuple[str, str], list[Run]]
"""By workload and contestant, a run for each round."""


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and publish."""
    options = _options(arguments)
    runs: Runs = defaultdict(list)
    with ExitStack() as stack:
        servers: dict[str, Running] = {}
        for name in options.contestants:
            if name != CEILING:
                servers[name] = stack.enter_context(Running(SERVERS[name]))
        check_agreement(servers, options.workloads)
        for server in servers.values():
            server.tree.pause()
        for number in range(options.rounds):
            for workload in options.workloads:
                for name in options.contestants:
                    server = servers.get(name)
                    run = measure(server, workload, options.seconds, options.concurrency)
                    runs[workload, name].append(run)
                    print(f"# {number + 1} {workload} {name}: {run.rate:.1f}/s", flush=True)
        memory = [_memory(name, server) for name, server in servers.items()]
    _publish(options, runs, memory)


def measure(server: Running | None, workload: str, seconds: float, concurrency: int) -> Run:
    """Run one contestant, or the ceiling if `server` is None, on one workload."""
    if server is None:
        reached = ceiling.run(workload, seconds)
        return Run(rate=reached.rate, corrected=reached.rate, cpu_ms=reached.cpu_ms)
    server.tree.resume()
    stream = WORKLOADS[workload]
    server.closed_loop(stream, concurrency=concurrency, seconds=WARM_UP_S)
    server.settle()
    cpu_s = server.tree.cpu_seconds()
    load = server.closed_loop(stream, concurrency=concurrency, seconds=seconds)
    cpu_s = server.tree.cpu_seconds() - cpu_s
    server.tree.pause()
    answers = load.by_status[200]
    return Run(
        rate=load.goodput,
        corrected=without_generator(
            load.goodput,
            cores=len(os.sched_getaffinity(0)),
            generator_cpu_s=load.generator_cpu_s,
            seconds=load.duration_s,
        ),
        cpu_ms=cpu_s / answers * 1000,
        generator_cpu_ms=load.generator_cpu_s / answers * 1000,
        p50_ms=load.percentile_ms(50),
        p99_ms=load.percentile_ms(99),
        failed=load.failed,
    )


def check_agreement(servers: dict[str, Running], workloads: Sequence[str]) -> None:
    """Ask every server everything once.

    Raises:
        Disagreement: one says something else than Chiasm, or than the first where Chiasm is out.
    """
    judge = servers.get(CHIASM) or next(iter(servers.values()), None)
    for name in workloads:
        for question in dict.fromkeys(WORKLOADS[name].questions):
            picture = question.picture()
            reference = judge.ask(question.task, picture) if judge else {}
            for server in servers.values():
                wrong = disagreement(server.ask(question.task, picture), reference)
                if wrong:
                    raise Disagreement(f"{server.contestant.name}, {name}: {wrong}")


def _memory(name: str, server: Running) -> Row:
    server.tree.resume()
    return {
        "contestant": name,
        "processes": len(server.tree.pids()),
        "RSS MB": server.tree.resident_mb(),
        "PSS MB": server.tree.proportional_mb(),
        "ready after s": server.seconds_to_ready,
    }


def _publish(options: argparse.Namespace, runs: Runs, memory: list[Row]) -> None:
    how = (
        f"concurrency {options.concurrency}, {options.rounds} rounds of {options.seconds:g} s, "
        f"detector {folder_of('detect').manifest.name}"
    )
    rows = [
        row(workload, name, runs) for workload in options.workloads for name in options.contestants
    ]
    publish("peers", f"Chiasm and others, {how}", rows)
    if memory:
        publish("peers_memory", "Memory of all processes after that, and the time to start", memory)
    write(
        "peers_rounds",
        "Every round",
        [
            {"workload": workload, "contestant": name, "round": number}
            | {field: getattr(run, field) for field in Run.__slots__}
            for (workload, name), all_runs in runs.items()
            for number, run in enumerate(all_runs, 1)
        ],
    )


def row(workload: str, name: str, runs: Runs) -> Row:
    """Return a line of the table: one contestant's medians, and Chiasm's ratio to it."""
    own = runs[workload, name]

    def middle(field: str) -> float:
        return Spread.of([getattr(run, field) for run in own]).median

    line: dict[str, object] = {
        "workload": WORKLOADS[workload].title,
        "contestant": name,
        "answers/s": middle("rate"),
        "p50 ms": middle("p50_ms"),
        "p99 ms": middle("p99_ms"),
        "CPU ms": middle("cpu_ms"),
        "generator CPU ms": middle("generator_cpu_ms"),
        "failed": sum(run.failed for run in own),
    }
    ours = runs.get((workload, CHIASM))
    if ours is None or name == CHIASM:
        return line | {"Chiasm is, times as fast": "", "corrected": "", "CPU, of its": ""}
    faster = ratios([run.rate for run in ours], [run.rate for run in own])
    lost = LOST if faster.median < 1 and name in contestants.RIVALS else ""
    corrected = ratios([run.corrected for run in ours], [run.corrected for run in own])
    cpu = ratios([run.cpu_ms for run in ours], [run.cpu_ms for run in own])
    return line | {
        "Chiasm is, times as fast": f"{faster}{lost}",
        "corrected": f"{corrected.median:.2f}",
        "CPU, of its": str(cpu),
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench peers", description=__doc__.splitlines()[0])
    everybody = [CEILING, *SERVERS]
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--contestants", nargs="+", choices=everybody, default=everybody)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--concurrency", type=int, default=CONCURRENCY)
    return parser.parse_args(arguments)
