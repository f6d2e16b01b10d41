"""`make bench`: all measurements, or those that are named: `python -m bench overload soak`.

One alone may be given options: `python -m bench peers --workloads tiny --rounds 3`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import takewhile

from bench.contestants.contestant import NoRivals
from bench.load import NoGenerator

NAMES = (
    "peers",
    "overload",
    "fairness",
    "latency",
    "growth",
    "threads",
    "decoding",
    "soak",
    "verify",
    "segment",
    "footprint",
)


def main(arguments: Sequence[str]) -> int:
    """Run the measurements one after the other."""
    names = list(takewhile(lambda one: not one.startswith("-"), arguments))
    options = arguments[len(names) :]
    if unknown := set(names) - set(NAMES):
        print(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        return 2
    if options and len(names) != 1:
        print("options are for one measurement")
        return 2
    for name in names or NAMES:
        measure = import_module(f"bench.{name}").main
        try:
            measure(options) if options else measure()
        except (NoGenerator, NoRivals) as error:
            print(f"\n{name} is skipped: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
