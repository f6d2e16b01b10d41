"""Whether a caller who sends ten times what the service can do takes anything from a modest one.

    python -m bench fairness --rounds 5 --seconds 8

Two callers have a key each. In every round the capacity is measured, then the modest caller
sends half of it alone, and then the same while the greedy one sends ten times the capacity.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.load import Load, Post, open_loop
from bench.pictures import photograph
from bench.report import publish
from bench.rounds import Spread
from tools.served import Served

GREEDY, MODEST = "greedy-caller-0123456789", "modest-caller-0123456789"
CAPACITY_PROBE = 400.0  # a second, offered to find out how many are answered
MODEST_SHARE, GREEDY_TIMES = 0.5, 10.0
WARM_UP_S = 3.0

Round = tuple[Load, Load, Load]


def main(arguments: Sequence[str] = ()) -> None:
    """Measure and publish."""
    options = _options(arguments)
    picture = photograph(500, 375)
    rounds: list[Round] = []
    with Served({"CHIASM_API_KEYS": f"{GREEDY},{MODEST}"}) as server:

        def load(key: str, rate: float, seconds: float) -> Load:
            post = Post(f"{server.url}/classify", picture, "application/octet-stream", key)
            return open_loop([post], rate=rate, seconds=seconds)

        capacity = load(GREEDY, CAPACITY_PROBE, WARM_UP_S).goodput
        for _ in range(options.rounds):
            capacity = load(GREEDY, 1.2 * capacity, options.seconds).goodput
            rate = MODEST_SHARE * capacity
            alone = load(MODEST, rate, options.seconds)
            with ThreadPoolExecutor() as callers:
                greedy = callers.submit(load, GREEDY, GREEDY_TIMES * capacity, options.seconds)
                beside = load(MODEST, rate, options.seconds)
                rounds.append((alone, beside, greedy.result()))
    publish(
        "fairness",
        f"/classify 500x375, {options.rounds} rounds: a caller at half the capacity, alone and "
        f"beside one at ten times",
        [
            _row("modest, alone", [one[0] for one in rounds]),
            _row("modest, beside greedy", [one[1] for one in rounds]),
            _row("greedy", [one[2] for one in rounds]),
        ],
    )


def _row(caller: str, loads: Sequence[Load]) -> dict[str, object]:
    return {
        "caller": caller,
        "offered/s": Spread.of([_asked(load) / load.duration_s for load in loads]).median,
        "answered/s": Spread.of([load.goodput for load in loads]).median,
        "answered, of offered": str(
            Spread.of([load.by_status[200] / _asked(load) for load in loads])
        ),
        "p50 ms": Spread.of([load.percentile_ms(50) for load in loads]).median,
        "p99 ms": Spread.of([load.percentile_ms(99) for load in loads]).median,
        "429": sum(load.by_status[429] for load in loads),
        "503": sum(load.by_status[503] for load in loads),
        "no answer": sum(load.errors for load in loads),
    }


def _asked(load: Load) -> int:
    return len(load.statuses) + load.errors


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench fairness", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    return parser.parse_args(arguments)
