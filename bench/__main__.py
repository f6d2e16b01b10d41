"""`make bench`: all measurements, or those that are named: `python -m bench overload soak`."""

import sys
from importlib import import_module

from bench.load import NoGenerator

NAMES = ("decoding", "overload", "soak", "verify", "segment")


def main(names: list[str]) -> int:
    """Run the measurements one after the other."""
    for name in names or NAMES:
        if name not in NAMES:
            print(f"there is no {name!r}; there are {', '.join(NAMES)}")
            return 2
        try:
            import_module(f"bench.{name}").main()
        except NoGenerator as error:
            print(f"\n{name} is skipped: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
