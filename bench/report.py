"""Tables for people, JSON for machines."""

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

Row = Mapping[str, object]


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), "")
    return {
        "cpu": model or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
    }


def publish(name: str, title: str, rows: Sequence[Row]) -> None:
    """Print the rows as a Markdown table, and write them to `bench/results/`."""
    on = machine()
    print(f"\n### {title}\n\n{on['cores']} cores ({on['cpu']}), Python {on['python']}\n")
    print(markdown(rows), flush=True)
    write(name, title, rows)


def write(name: str, title: str, rows: Sequence[Row]) -> None:
    """Write the rows to `bench/results/NAME.json`, with the machine that they are of."""
    RESULTS.mkdir(exist_ok=True)
    document = {"title": title, "machine": machine(), "rows": [dict(row) for row in rows]}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2), encoding="utf-8")


def markdown(rows: Sequence[Row]) -> str:
    """Return a table; all rows have the keys of the first.

    >>> print(markdown([{"what": "a", "ms": 1.234}, {"what": "b", "ms": 1234.5}]))
    | what | ms |
    |---|---|
    | a | 1.23 |
    | b | 1,234 |
    """
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
