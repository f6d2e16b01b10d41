"""The README says what is so: its settings, its links, its commands."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.imaging.decode import DecodeLimits, decode
from tools.readme import README, with_settings
from tools.served import Served

DOCUMENTS = sorted([*README.parent.glob("*.md"), *README.parent.glob("docs/*.md")])


def test_the_table_of_settings_is_generated() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_settings(text) == text, "run `python -m tools.readme`"


def test_a_readme_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has lost"):
        with_settings("# Chiasm\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"(?:\]\(|src=\"|srcset=\")([^)\"#:]+)[)\"#]", text):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def commands(program: str) -> list[str]:
    """Return the README's indented commands of a program."""
    lines = README.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.startswith(f"    {program} ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder to run commands in: the documents, and room for what is written."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("docs", "service"):
        (folder / name).symlink_to(README.parent / name)
    return folder


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Served() as server:
        yield server.port


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("command", commands("curl"))
def test_calls_get_their_answers(command: str, folder: Path, port: int) -> None:
    answer = run(command.replace("127.0.0.1:8000", f"127.0.0.1:{port}"), folder).stdout
    if written := re.search(r" -o (\S+)", command):
        picture = decode((folder / written[1]).read_bytes(), limits=DecodeLimits())
        assert picture.size == {"detected.jpg": (400, 600), "person.png": (512, 512)}[written[1]]
    else:
        document = json.loads(answer)
        assert any(document.get(key) for key in ("predictions", "detections", "status"))


@pytest.mark.parametrize("command", [one for one in commands("chiasm") if " eval " not in one])
def test_commands_run(command: str, folder: Path) -> None:
    assert run(command, folder).stdout
