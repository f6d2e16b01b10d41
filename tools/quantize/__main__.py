"""Quantise a model folder to eight-bit integers and say what it gains and loses.

    python -m tools.quantize efficientnet-lite0 --calibrate PICTURES --measure LABELLED

writes `models/efficientnet-lite0-int8/` and prints a table: size, accuracy, agreement with the
float network, milliseconds of a run with one thread in turns, memory. Calibrate on other pictures
than those you measure on. docs/quantize.md has the walk and what came of it for the bundled models.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from service.engine.manifest import ModelFolder, read_folder
from service.errors import ChiasmError
from service.tasks.base import ConfigError
from tools.graph import MODELS
from tools.quantize import accuracy, speed
from tools.quantize.bound import Bound
from tools.quantize.folder import write_folder
from tools.quantize.recipe import Activations, Method, Pictures, Recipe, quantize

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
Figures = dict[str, tuple[str, str]]
"""By name, of the float and of the quantised network."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the module says."""
    options = _parser().parse_args(arguments)
    recipe = Recipe(
        method=options.method,
        percentile=options.percentile,
        activations=options.activations,
        per_channel=not options.per_tensor,
        seven_bit=not options.eight_bit_weights,
        ops=tuple(options.ops or ()),
        keep=tuple(options.keep),
    )
    try:
        source = read_folder(options.models / options.name)
        target = (options.out or options.models) / (options.called or f"{options.name}-int8")
        paths = _pictures(options.calibrate)[: options.limit]
        model = quantize(source.graph_path, Pictures(Bound(source), paths), recipe)
        written = write_folder(source, model, target, recipe.text())
        print(f"{target}: {recipe.text()}, calibrated on {len(paths)} pictures\n")
        print(_table(_figures(source, written, paths[0], options)))
    except (ChiasmError, ConfigError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.quantize", description="a model folder in eight-bit integers"
    )
    add = parser.add_argument
    add("name", help="of the model folder to quantise")
    add("--calibrate", type=Path, required=True, metavar="FOLDER", help="pictures like yours")
    add("--limit", type=int, metavar="N", help="calibrate on the first N of them")
    add("--models", type=Path, default=MODELS, metavar="FOLDER", help="where model folders are")
    add("--out", type=Path, metavar="FOLDER", help="where to write one; default: there, too")
    add("--called", metavar="NAME", help="of the new model; default: NAME-int8")
    add("--method", type=Method, choices=list(Method), default=Method.MINMAX, help="of calibration")
    add("--percentile", type=float, default=99.99, help="for that method (99.99)")
    add("--activations", type=Activations, choices=list(Activations), default=Activations.UINT8)
    add("--per-tensor", action="store_true", help="one scale a weight, not one a channel")
    add("--eight-bit-weights", action="store_true", help="not 7: saturates without VNNI")
    add("--ops", nargs="+", metavar="OP", help="quantise only these operators, e.g. Conv")
    add("--keep", nargs="+", default=[], metavar="PATTERN", help="nodes that stay float: head/*")
    add("--measure", type=Path, metavar="FOLDER", help="photographs to measure accuracy on")
    add("--annotations", type=Path, metavar="FILE", help="of these, for a detector: COCO's JSON")
    add("--rounds", type=int, default=30, help="of timing, at least 2 (30)")
    add("--runs", type=int, default=3, help="of each network in a round (3)")
    return parser


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def _figures(
    source: ModelFolder, written: ModelFolder, picture: Path, options: argparse.Namespace
) -> Figures:
    before, after = Bound(source), Bound(written)
    sizes = [folder.graph_path.stat().st_size / 1e6 for folder in (source, written)]
    figures = {"file, MB": _pair(sizes, "{:.1f}")}
    figures |= _accuracy(source, before, after, options)
    prepared = before.prepare(picture)
    turns = speed.take_turns(
        partial(before.run, prepared),
        partial(after.run, prepared),
        rounds=options.rounds,
        runs=options.runs,
    )
    low, _, high = quantiles(turns.ratios, n=4)
    figures["run, ms"] = _pair([median(turns.first_ms), median(turns.second_ms)])
    figures["times as fast"] = ("1", f"{turns.ratio:.2f} (middle half {low:.2f} to {high:.2f})")
    figures["memory, MB"] = _pair(
        [speed.resident_mb(folder.graph_path) for folder in (source, written)], "{:.0f}"
    )
    return figures


def _accuracy(
    source: ModelFolder, before: Bound, after: Bound, options: argparse.Namespace
) -> Figures:
    if options.measure is None:
        return {}
    if source.manifest.task == "classify":
        photographs = _pictures(options.measure)
        first, second = (accuracy.classify(one, photographs) for one in (before, after))
        old, new = first.figures(first), second.figures(first)
    elif source.manifest.task == "detect" and options.annotations:
        seen = [
            accuracy.detect(one, source, options.measure, options.annotations)
            for one in (before, after)
        ]
        old, new = seen[0].figures(seen[0]), seen[1].figures(seen[0])
    else:
        raise ValueError("accuracy is measured of classifiers, and of detectors --annotations")
    return {f"{name}, %": _pair([value, new[name]], "{:.1f}") for name, value in old.items()}


def _pair(values: Sequence[float], pattern: str = "{:.2f}") -> tuple[str, str]:
    before, after = values
    return pattern.format(before), pattern.format(after)


def _table(figures: Figures) -> str:
    cpu = ", ".join(name if there else f"no {name}" for name, there in speed.cpu_flags().items())
    heading = f"| CPU: {cpu or 'unknown'} | float | int8 |\n|---|---|---|"
    rows = (f"| {name} | {before} | {after} |" for name, (before, after) in figures.items())
    return "\n".join([heading, *rows])


if __name__ == "__main__":
    sys.exit(main())
