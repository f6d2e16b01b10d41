"""Tables for people, JSON for machines."""

import json
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
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(_cell(value) for value in row.values()) + " |", flush=True)
    RESULTS.mkdir(exist_ok=True)
    document = {"title": title, "machine": on, "rows": [dict(row) for row in rows]}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2), encoding="utf-8")


def _cell(value: object) -> str:
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and value < 100
        else (f"{value:,.0f}" if isinstance(value, float) else str(value))
    )
