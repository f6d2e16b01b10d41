"""What happens at half, one, two and ten times the rate that the service can sustain.

    python -m bench overload --rounds 3 --seconds 12
    python -m bench overload --apart              # server and generator on CPUs of their own

Each round measures the peak anew, twice: in a closed loop (`h2load`, eight in flight), which sets
the rates of the round, and in the open loop at just that rate. The second is the stricter one:
its generator is the one that also makes the overload, so the difference between it and ten times
the capacity is what nine refusals for each answer cost, the generator's growing share included.
With `--apart` the server has one half of the CPUs and the generator the other, so that the
refusals are all that is missing.
Meanwhile /healthz is asked ten times a second, as an orchestrator would.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bench.contestants import CHIASM, SERVERS
from bench.load import Load
from bench.prober import Prober
from bench.report import Row, publish
from bench.rounds import Spread
from bench.running import Running
from bench.workloads import WORKLOADS

CONCURRENCY = 8
FACTORS = (0.5, 1.0, 2.0, 10.0)
SETTLE_S = 1.5
WARM_UP_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One rate, once.

    Attributes:
        load: what came back.
        peak: answers a second that the closed loop of the same round reached.
        open_peak: likewise, the open loop at that rate.
        slowest_probe_ms, probes_failed: of /healthz meanwhile.
        resident_mb: the most that the server's processes held meanwhile.
    """

    load: Load
    peak: float
    open_peak: float
    slowest_probe_ms: float
    probes_failed: int
    resident_mb: float


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and publish."""
    options = _options(arguments)
    runs: dict[float, list[Run]] = defaultdict(list)
    workload = WORKLOADS[options.workload]
    cpus = sorted(os.sched_getaffinity(0))
    half = len(cpus) // 2 if options.apart else 0
    os.sched_setaffinity(0, cpus[half:])  # a process has the CPUs of the one that starts it
    with Running(SERVERS[CHIASM]) as server:
        os.sched_setaffinity(0, cpus[:half] or cpus)
        server.closed_loop(workload, concurrency=CONCURRENCY, seconds=WARM_UP_S)
        idle_mb = server.tree.resident_mb()
        for _ in range(options.rounds):
            for factor, run in _round(server, options.workload, options.seconds).items():
                runs[factor].append(run)
    os.sched_setaffinity(0, cpus)
    peaks = Spread.of([run.peak for run in runs[1.0]])
    apart = ", server and generator apart" if options.apart else ""
    publish(
        "overload_apart" if options.apart else "overload",
        f"{workload.title}, open loop{apart}, {options.rounds} rounds of {options.seconds:g} s; "
        f"peak in a closed loop {peaks.median:.0f}/s ({peaks.least:.0f}..{peaks.most:.0f}), "
        f"{idle_mb:.0f} MB before",
        [_row(factor, runs[factor]) for factor in FACTORS],
    )


def _round(server: Running, name: str, seconds: float) -> dict[float, Run]:
    workload = WORKLOADS[name]
    peak = server.closed_loop(workload, concurrency=CONCURRENCY, seconds=seconds).goodput
    seen = {}
    for factor in FACTORS:
        prober = Prober(f"{server.base_url}/healthz", server.tree)
        load = server.open_loop(workload, rate=peak * factor, seconds=seconds)
        prober.stop()
        seen[factor] = load, prober
        time.sleep(SETTLE_S)
    return {
        factor: Run(
            load=load,
            peak=peak,
            open_peak=seen[1.0][0].goodput,
            slowest_probe_ms=prober.slowest_ms,
            probes_failed=prober.failures,
            resident_mb=prober.most_resident_mb,
        )
        for factor, (load, prober) in seen.items()
    }


def _row(factor: float, runs: list[Run]) -> Row:
    loads = [run.load for run in runs]
    other = sorted({status for load in loads for status in load.by_status} - {200, 503})
    return {
        "times capacity": factor,
        "offered/s": _middle([run.peak * factor for run in runs]),
        "answered/s": _middle([load.goodput for load in loads]),
        "of the peak": str(Spread.of([run.load.goodput / run.peak for run in runs])),
        "of the open loop's": str(Spread.of([run.load.goodput / run.open_peak for run in runs])),
        "p50 ms": _middle([load.percentile_ms(50) for load in loads]),
        "p99 ms": _middle([load.percentile_ms(99) for load in loads]),
        "refused 503": sum(load.by_status[503] for load in loads),
        "other": ", ".join(map(str, other)) or "none",
        "no answer": sum(load.errors for load in loads),
        "slowest probe ms": max(run.slowest_probe_ms for run in runs),
        "probes failed": sum(run.probes_failed for run in runs),
        "most RSS MB": max(run.resident_mb for run in runs),
        "generator CPU, cores": _middle([load.generator_cpu_s / load.duration_s for load in loads]),
    }


def _middle(values: Sequence[float]) -> float:
    return Spread.of(values).median


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench overload", description=__doc__.splitlines()[0])
    parser.add_argument("--workload", choices=WORKLOADS, default="classify-small")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument(
        "--apart", action="store_true", help="server and generator on CPUs of their own"
    )
    return parser.parse_args(arguments)
