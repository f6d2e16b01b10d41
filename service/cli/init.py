"""`chiasm models init`: a model folder for an .onnx file of your own."""

import argparse
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.engine.manifest import MANIFEST, read_folder
from service.errors import InvalidOption
from service.settings import Settings
from service.tasks.decoders import DECODERS

if TYPE_CHECKING:
    from service.engine.templates import Draft

README = """# {name}

{description}

| | |
|---|---|
| licence | {license} (fill in: of the weights, not of the code that trained them) |
| source | {source} (fill in: who trained it, on what; where to get it, with its SHA-256) |
| exported | fill in: the command and the versions |

## Measured

Fill in: accuracy and time, on which pictures and which machine.
"""


def add_action(actions: Any) -> None:
    """Add `init` to the actions of `chiasm models`."""
    init = actions.add_parser(
        "init",
        help="print the manifest of an .onnx file of your own, or make its folder",
        description="Reads what the graph and its metadata say, fills in how such networks are "
        "trained and fed, and says in comments what is left to check.",
    )
    init.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="the graph")
    init.add_argument(
        "--decoder",
        help=f"{', '.join(DECODERS)}; or what the network is called, such as yolov4, yolov7, "
        "yolo11, faster_rcnn, detr; without it, the one that fits",
    )
    init.add_argument("--task", choices=("detect", "classify"), help="detect, if nothing says else")
    init.add_argument("--name", help="of the model; else the file's name")
    init.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="class names, one a line; needed where the graph does not say how many there are",
    )
    init.add_argument(
        "--write", action="store_true", help="make the folder in CHIASM_MODELS_DIR, graph and all"
    )
    init.set_defaults(run=_init)


def _init(settings: Settings, options: argparse.Namespace) -> int:
    name = options.name or _as_name(options.onnx.stem)
    draft = _draft(options, name)
    if not options.write:
        print(draft.manifest, end="")
        print(f"labels.txt has {len(draft.labels)} lines; --write makes both", file=sys.stderr)
        return 0
    folder = settings.models_dir / name
    if folder.exists():
        raise InvalidOption("name", f"{folder} is there already; choose another --name")
    _write(folder, options.onnx, draft)
    print(f"{folder}: fill in licence and source, check what the comments say, then")
    print(f"chiasm models golden {name} PICTURE")
    print("chiasm models check")
    return 0


def _draft(options: argparse.Namespace, name: str) -> "Draft":
    # They bring in `onnx`: only this needs it.
    from service.engine.graph.metadata import GraphFile
    from service.engine.templates import draft_classifier, draft_detector

    graph = GraphFile(options.onnx)
    names = None if options.labels is None else _names(options.labels)
    task = options.task or ("classify" if graph.notes.task == "classify" else "detect")
    if task == "detect":
        return draft_detector(graph, name=name, decoder=options.decoder, names=names)
    if options.decoder is not None:
        raise InvalidOption("decoder", "classifiers have none")
    return draft_classifier(graph, name=name, names=names)


def _names(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidOption("labels", f"{path} is not UTF-8") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise InvalidOption("labels", f"{path} names no class")
    return names


def _write(folder: Path, onnx: Path, draft: "Draft") -> None:
    """Make the folder; its manifest comes last, so that half a folder is not taken for a model."""
    from service.engine.templates import FILE, LABELS

    folder.mkdir(parents=True)
    shutil.copyfile(onnx, folder / FILE)
    (folder / LABELS).write_text("\n".join(draft.labels) + "\n", encoding="utf-8")
    (folder / MANIFEST).write_text(draft.manifest, encoding="utf-8")
    known = read_folder(folder).manifest.model_dump()
    (folder / "README.md").write_text(README.format(**known), encoding="utf-8")


def _as_name(stem: str) -> str:
    """Return a file's name as a model's name.

    >>> _as_name("My YOLO (v8)")
    'my-yolo-v8'
    """
    return re.sub(r"[^a-z0-9._]+", "-", stem.casefold()).strip("-._") or "model"
