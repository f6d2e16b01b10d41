"""The README's "Measured" tables, made of what the measurements left in `bench/results/`.

    python -m bench.readme           # prints them
    python -m bench.readme --write   # and puts them between the marks in README.md

Nothing is picked by hand: a workload in which Chiasm is slower than a rival is marked in its row,
and named again below the table. A measurement that was not made has no table.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.contestants import CEILING, CHIASM, CHIASM_WORKERS, RIVALS, SERVERS
from bench.report import RESULTS, markdown
from bench.rounds import Spread, ratios
from bench.workloads import WORKLOADS

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- measured: python -m bench.readme --write -->", "<!-- end of measured -->"

Document = Mapping[str, Any]
Rates = Mapping[tuple[str, str], Sequence[float]]
"""A figure by workload and contestant, one for each round."""


def peers(document: Document) -> str:
    """Return who answers how many requests a second, and where Chiasm is the slower one."""
    rates, cpu_ms = _by_pair(document, "rate"), _by_pair(document, "cpu_ms")
    there = [name for name in (CEILING, *SERVERS) if any(pair[1] == name for pair in rates)]
    rows, lost = [], []
    for workload in dict.fromkeys(pair[0] for pair in rates):
        title = WORKLOADS[workload].title
        row: dict[str, object] = {"answers a second": title}
        for name in there:
            row[name] = _figure(Spread.of(rates[workload, name]).median)
        row["of the ceiling"] = _against([CEILING], workload, rates)[0]
        row["CPU time, of the ceiling's"] = _against([CEILING], workload, cpu_ms)[0]
        row["of the best rival"], slower = _against(RIVALS, workload, rates)
        if CHIASM_WORKERS in there:
            row["workers, of the ceiling"] = _against([CEILING], workload, rates, CHIASM_WORKERS)[0]
            row["workers, of the best rival"] = _against(RIVALS, workload, rates, CHIASM_WORKERS)[0]
        rows.append(row)
        lost += [f"{title}: {name} is faster" for name in slower]
    rounds = max(len(values) for values in rates.values())
    verdict = "; ".join(lost) if lost else "nothing in this table, at the median"
    return (
        f"Concurrency 8, medians of {rounds} interleaved rounds (least..greatest), all on the same "
        f"cores as the load generator, which the ceiling has not beside it.\n\n{markdown(rows)}\n\n"
        f"What was not faster than every rival: {verdict}."
    )


def _against(
    names: Sequence[str], workload: str, figures: Rates, own: str = CHIASM
) -> tuple[str, list[str]]:
    """Return the ratio of `own` to the greatest of `names`, and who of them are greater than it."""
    others = {name: figures[workload, name] for name in names if (workload, name) in figures}
    ours = figures.get((workload, own))
    if not others or ours is None:
        return "", []
    spreads = {name: ratios(ours, theirs) for name, theirs in others.items()}
    hardest = min(spreads.values(), key=lambda spread: spread.median)
    greater = [name for name, spread in spreads.items() if spread.median < 1]
    marked = f"**slower** {hardest}" if greater and CEILING not in names else str(hardest)
    return marked, greater


def _by_pair(document: Document, field: str) -> Rates:
    figures: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in document["rows"]:
        figures[row["workload"], row["contestant"]].append(row[field])
    return figures


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(document: Document, *left_out: str) -> str:
    """Return a measurement's own table under its own title, without some of its columns."""
    rows = [
        {name: value for name, value in row.items() if name not in left_out}
        for row in document["rows"]
    ]
    return f"{document['title']}.\n\n{markdown(rows)}"


def overload(document: Document) -> str:
    """Return what becomes of too many requests, with what else happened in a sentence."""
    other = {row["other"] for row in document["rows"]} - {"none"}
    silent = sum(row["no answer"] for row in document["rows"])
    left_out = ("other", "no answer", "probes failed", "refused 503")
    return (
        f"{table(document, *left_out)}\n\nAll others were refused with 503 and `Retry-After`; "
        f"other statuses: {', '.join(sorted(other)) or 'none'}; without an answer: {silent}."
    )


PARTS: Mapping[str, Callable[[Document], str]] = {
    "peers_rounds": peers,
    "peers_memory": table,
    "latency": table,
    "overload": overload,
    "overload_apart": overload,
    "fairness": table,
    "decoding": table,
}


def measured(results: Path = RESULTS) -> str:
    """Return every table that there are results for.

    Raises:
        FileNotFoundError: there are none.
        ValueError: they were not all measured on the same machine.
    """
    files = {name: results / f"{name}.json" for name in PARTS}
    documents = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if path.exists()
    }
    if not documents:
        raise FileNotFoundError(f"there is nothing in {results}; `make bench` measures")
    machines = {json.dumps(document["machine"]) for document in documents.values()}
    if len(machines) > 1:
        raise ValueError(f"the results are of several machines: {'; '.join(sorted(machines))}")
    machine = next(iter(documents.values()))["machine"]
    head = f"On {machine['cores']} cores ({machine['cpu']}), by `make bench`."
    return "\n\n".join([head, *(PARTS[name](document) for name, document in documents.items())])


def with_measured(text: str, block: str) -> str:
    """Return the README with what is between its marks replaced.

    Raises:
        ValueError: it has lost the marks.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(f"README.md has lost {BEGIN!r} or {END!r}")
    pattern = f"{re.escape(BEGIN)}.*?{re.escape(END)}"
    return re.sub(pattern, lambda _: f"{BEGIN}\n{block}\n{END}", text, flags=re.DOTALL)


def main() -> int:
    """Print the tables, and write them where that is asked for."""
    parser = argparse.ArgumentParser(prog="bench.readme", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put them into README.md")
    block = measured()
    if parser.parse_args().write:
        text = with_measured(README.read_text(encoding="utf-8"), block)
        README.write_text(text, encoding="utf-8")
    print(block)
    return 0


if __name__ == "__main__":
    sys.exit(main())
