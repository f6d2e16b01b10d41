"""The blocks of code in a document, what they should print, and how to run them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.readme import README

ADDRESS = "http://127.0.0.1:8000"
# An answer that is an error ends a script, as a reader would want it to; which error is seen.
STRICT = """set -euo pipefail
curl() { command curl --no-progress-meter --show-error --fail-with-body "$@"; }
"""
HTTP_ERROR = 22  # how curl ends then
SAID = {"js": r"console\.log\(.*\); // (.*)$", "python": r"print\(.*\)  # (.*)$"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str


def blocks(document: str) -> list[Block]:
    """Return the blocks of a document of `docs/`, in order."""
    text = (README.parent / "docs" / document).read_text(encoding="utf-8")
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)]


def program(document: str, language: str) -> str:
    """Return the blocks of a language as one program."""
    return "\n".join(block.text for block in blocks(document) if block.language == language)


def promised(document: str, language: str) -> list[str]:
    """Return the lines that a program says it prints, in comments behind what prints them."""
    return re.findall(SAID[language], program(document, language), re.M)


def shell_scripts(document: str) -> list[tuple[str, Any]]:
    """Return every `sh` block with what the `json` block behind it says, or None."""
    found = blocks(document)
    following = [*found[1:], Block("", "")]
    return [
        (block.text, json.loads(after.text) if after.language == "json" else None)
        for block, after in zip(found, following, strict=True)
        if block.language == "sh"
    ]


def reader(folder: Path) -> Path:
    """Furnish a folder as the root of the checkout looks to a reader."""
    for name in ("docs", "service", "README.md"):
        (folder / name).symlink_to(README.parent / name)
    return folder


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """Return what a command prints; the installed commands are on its path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, HTTP_ERROR), done.stdout + done.stderr
    if done.returncode == HTTP_ERROR:
        assert any("code" in found for found in documents(done.stdout)), done.stderr
    return done.stdout


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in what a command printed, whatever is around them."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            yield found
        at = text.find("{", end)


def holds(stated: Any, real: Any) -> bool:
    """Return whether a document tells a part of an answer; numbers may be rounded."""
    if isinstance(stated, dict):
        return isinstance(real, dict) and all(
            name in real and holds(value, real[name]) for name, value in stated.items()
        )
    if isinstance(stated, list):
        return isinstance(real, list) and all(
            len(real) > index and holds(value, real[index]) for index, value in enumerate(stated)
        )
    if isinstance(stated, float):
        return stated == pytest.approx(real, rel=0.02, abs=0.002)
    return bool(stated == real)


def node() -> str:
    """Return Node; skip where there is none that is new enough."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"Node {version.stdout.strip()} is older than 20")
    return found
