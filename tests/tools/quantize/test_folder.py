"""The new folder differs from the old one in what must differ."""

import tomllib
from pathlib import Path

import onnx
import pytest

from service.engine.golden import read_golden
from service.engine.manifest import read_folder
from tools.graph import MODELS
from tools.quantize.folder import derived_manifest, write_folder

LENET = MODELS / "lenet5-digits"
PULLED = """name = "far"  # with a comment
file = "far.onnx"
sha256 = "00"
source = 'C:\\far'
description = "a detector"

[pull]
url = "https://example.org/far.onnx"
size_bytes = 1

[input]
size = [4, 4] # kept
"""


def test_a_manifest_keeps_its_sections_but_the_one_to_pull_by() -> None:
    text = derived_manifest(PULLED, name="near", sha256="11", origin='far "8-bit"')

    document = tomllib.loads(text)
    assert document == {
        "name": "near",
        "file": "model.onnx",
        "sha256": "11",
        "source": 'far "8-bit"; C:\\far',
        "description": "a detector, eight-bit",
        "input": {"size": [4, 4]},
    }
    assert "# kept" in text


def test_a_key_without_a_line_of_its_own_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="sha256 has no line"):
        derived_manifest('"sha256" = "0"\nsource = "x"\n', name="a", sha256="1", origin="b")


def test_a_folder_is_whole_and_says_what_it_was(tmp_path: Path) -> None:
    source = read_folder(LENET)
    target = tmp_path / "lenet5-digits-int8"

    folder = write_folder(source, onnx.load(LENET / "model.onnx"), target, "8-bit QDQ")

    assert folder.manifest.name == "lenet5-digits-int8"
    assert folder.manifest.source.startswith(f"lenet5-digits (sha256 {source.manifest.sha256})")
    assert folder.config == source.config
    before, after = read_golden(LENET), read_golden(target)
    assert before is not None
    assert after == before  # the same graph gives the same answer
    assert "tools.quantize lenet5-digits" in (target / "README.md").read_text("utf-8")


def test_a_readme_that_is_there_stays(tmp_path: Path) -> None:
    target = tmp_path / "lenet5-digits-int8"
    target.mkdir()
    (target / "README.md").write_text("measured", "utf-8")

    write_folder(read_folder(LENET), onnx.load(LENET / "model.onnx"), target, "")

    assert (target / "README.md").read_text("utf-8") == "measured"
