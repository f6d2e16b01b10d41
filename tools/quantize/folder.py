"""The quantised model's folder: graph, manifest, labels, golden answer, the start of a README."""

import hashlib
import re
import shutil
import tomllib
from pathlib import Path

import onnx

from service.engine.checks import file_sha256
from service.engine.golden import Golden, read_golden, write_golden
from service.engine.manifest import MANIFEST, ModelFolder, read_folder
from tools.quantize.bound import Bound

GRAPH = "model.onnx"
# Copied from the source's folder where they are; the rest is written anew.
_FILES = ("*.txt", "golden.*")


def write_folder(
    source: ModelFolder, model: onnx.ModelProto, target: Path, how: str
) -> ModelFolder:
    """Write a model folder that differs from its source in its graph alone, and read it back.

    Its golden answer is what the new graph says of the source's golden picture. A README is only
    written where there is none.

    Args:
        source: what was quantised.
        model: the quantised graph.
        target: the folder to write; its name is the model's.
        how: the recipe in words.

    Raises:
        ManifestError: the source's manifest has no line of its own for a key that must change.
    """
    target.mkdir(parents=True, exist_ok=True)
    for pattern in _FILES:
        for path in source.path.glob(pattern):
            shutil.copy(path, target / path.name)
    content = model.SerializeToString(deterministic=True)
    (target / GRAPH).write_bytes(content)
    text = derived_manifest(
        source.manifest_path.read_text("utf-8"),
        name=target.name,
        sha256=hashlib.sha256(content).hexdigest(),
        origin=f"{source.manifest.name} (sha256 {file_sha256(source.graph_path)}), {how}",
    )
    (target / MANIFEST).write_text(text, "utf-8")
    folder = read_folder(target)
    _answer_anew(folder)
    readme = target / "README.md"
    if not readme.exists():
        readme.write_text(_README.format(name=target.name, source=source.manifest.name, how=how))
    return folder


def derived_manifest(text: str, *, name: str, sha256: str, origin: str) -> str:
    """Return a manifest with another name, graph and digest, and without `[pull]`.

    Comments and order stay. `source` says what was quantised and how, then where that came from.

    Raises:
        ValueError: one of the keys has no line of its own.
    """
    document = tomllib.loads(text)
    text = re.sub(r"(?ms)^\[pull\]\n.*?(?=^\[|\Z)", "", text)
    values = {
        "name": name,
        "file": GRAPH,
        "sha256": sha256,
        "source": f"{origin}; {document['source']}",
        "description": f"{document.get('description', '')}, eight-bit".lstrip(", "),
    }
    for key, value in values.items():
        # In a replacement a backslash is special, so it is doubled once more.
        line = f'{key} = "{_escaped(value)}"'.replace("\\", "\\\\")
        text, replaced = re.subn(rf"(?m)^{key} = .*$", line, text, count=1)
        if not replaced and key in document:
            raise ValueError(f"{key} has no line of its own in the manifest")
    return text.rstrip() + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _answer_anew(folder: ModelFolder) -> None:
    check = read_golden(folder.path)
    if check is None:
        return
    golden = check.golden
    options = folder.task_type.options_type.model_validate(golden.options)
    answer = Bound(folder).answer(folder.path / golden.image, options).answer()
    write_golden(
        folder.path,
        Golden(
            image=golden.image,
            options=golden.options,
            expected=answer,
            tolerance=golden.tolerance,
        ),
    )


_README = """# {name}

[{source}](../{source}/README.md) in eight-bit integers: {how}.

## How it was made

    python -m tools.quantize {source} --calibrate PICTURES

## Measured

What the recipe printed: accuracy beside speed, against the float network.
"""
