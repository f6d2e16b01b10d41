import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from service.cli import main, models
from service.engine.golden import GOLDEN
from service.pull import PullFailed
from tests import pictures
from tests.pictures import brief
from tests.serving import DIGITS, copy_model

Capture = pytest.CaptureFixture[str]


def spoil(golden: Path) -> str:
    """Let the golden answer expect an eight, and return what the file says now."""
    text = golden.read_text().replace('"label": "7"', '"label": "8"')
    golden.write_text(text)
    return text


def test_models_list(models_dir: Path, capsys: Capture) -> None:
    (copy_model(models_dir, name="another") / "model.onnx").unlink()

    assert main(["models", "list"]) == 0

    another, digits = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert another[:4] == ["another", "classify", "not", "pulled"]
    assert digits[:5] == [DIGITS, "classify", "0.2", "MB", "Apache-2.0"]


@pytest.mark.usefixtures("golden")
def test_models_check(models_dir: Path, capsys: Capture) -> None:
    assert main(["models", "check"]) == 0

    out, err = capsys.readouterr()
    assert out.split()[:2] == [DIGITS, "ready"]
    assert "loaded and checked in" in out
    assert err == ""


def test_models_check_with_a_wrong_golden_answer(golden: Path, capsys: Capture) -> None:
    spoil(golden)

    assert main(["models", "check"]) == 1

    out, _ = capsys.readouterr()
    assert out.split()[:2] == [DIGITS, "failed"]
    assert "predictions.0.label: expected '8', got '7'" in out


def test_models_summary(capsys: Capture) -> None:
    assert main(["models", "summary", DIGITS]) == 0

    out, _ = capsys.readouterr()
    assert "Conv" in out
    assert "28" in out


def test_models_golden_records_what_a_check_then_finds(
    models_dir: Path, seven: Path, capsys: Capture
) -> None:
    arguments = ["models", "golden", DIGITS, str(seven), "--option", "top_k=2"]

    assert main(arguments) == 0

    written = models_dir / DIGITS / GOLDEN
    out, err = capsys.readouterr()
    assert (out.splitlines()[0], err) == (str(written), "")
    assert (models_dir / DIGITS / "golden.png").read_bytes() == seven.read_bytes()
    golden = json.loads(written.read_text())
    assert golden["options"] == {"top_k": 2}
    assert golden["expected"]["predictions"][0]["label"] == "7"
    assert len(golden["expected"]["predictions"]) == 2
    with Image.open(seven) as picture:
        assert golden["tolerance"]["pixels"] == 0.01 * picture.width * picture.height
    assert main(["models", "check"]) == 0


def test_models_golden_replaces_an_answer_that_is_wrong_by_now(golden: Path, seven: Path) -> None:
    spoil(golden)

    assert main(["models", "golden", DIGITS, str(seven)]) == 0

    assert main(["models", "check"]) == 0


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, [], "No such file"),
        (b"text", [], "not a JPEG, PNG"),
        (pictures.png(), ["--option", "top_k=0"], "top_k: "),
        (pictures.png(), ["--option", "colour=red"], "colour: "),
        (pictures.png(), ["--option", "top_k"], "top_k: "),
    ],
    ids=brief,
)
def test_models_golden_that_fails_changes_nothing(
    golden: Path,
    tmp_path: Path,
    capsys: Capture,
    content: bytes | None,
    options: list[str],
    said: str,
) -> None:
    before = golden.read_text()
    picture = tmp_path / "picture.png"
    if content is not None:
        picture.write_bytes(content)

    assert main(["models", "golden", DIGITS, str(picture), *options]) == 1

    assert said in capsys.readouterr().err
    assert golden.read_text() == before
    assert main(["models", "check"]) == 0


@pytest.mark.parametrize("action", ["summary", "golden", "pull"])
@pytest.mark.parametrize("name", ["resnet", "", "..", f"../models/{DIGITS}"])
def test_models_that_are_not_there(action: str, name: str, seven: Path, capsys: Capture) -> None:
    arguments = [str(seven)] if action == "golden" else []

    assert main(["models", action, name, *arguments]) == 1

    assert capsys.readouterr().err.startswith("chiasm: ")


# chiasm models pull


@pytest.fixture
def mirror(models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move the digits' network to a mirror, from where it has to be pulled."""
    network = models_dir / DIGITS / "model.onnx"
    with (models_dir / DIGITS / "model.toml").open("a") as manifest:
        manifest.write('\n[pull]\nurl = "https://nowhere.invalid/digits.onnx"\n')
        manifest.write(f"size_bytes = {network.stat().st_size}\n")
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    network.rename(mirror / "digits.onnx")
    monkeypatch.setenv("CHIASM_MODEL_MIRROR", str(mirror))
    return mirror


@pytest.mark.parametrize("which", [DIGITS, "--all"])
def test_models_pull(mirror: Path, models_dir: Path, which: str, capsys: Capture) -> None:
    assert main(["models", "pull", which]) == 0

    out, err = capsys.readouterr()
    assert out == f"{DIGITS}: pulled from {mirror / 'digits.onnx'}\n"
    assert err == ""
    installed = models_dir / DIGITS / "model.onnx"
    assert installed.read_bytes() == (mirror / "digits.onnx").read_bytes()
    assert main(["models", "check"]) == 0


@pytest.mark.usefixtures("mirror")
def test_models_pull_what_is_there_already(capsys: Capture) -> None:
    main(["models", "pull", "--all"])
    capsys.readouterr()

    assert main(["models", "pull", DIGITS]) == 0
    assert capsys.readouterr().out == f"{DIGITS}: is installed already\n"
    assert main(["models", "pull", "--all"]) == 0
    assert capsys.readouterr().out == "every network is installed\n"


@pytest.mark.usefixtures("mirror")
def test_models_pull_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def fail(*_: object, **__: object) -> str:
        raise PullFailed("the source is not there")

    monkeypatch.setattr(models, "pull", fail)

    assert main(["models", "pull", "--all"]) == 1
    assert capsys.readouterr().err == "chiasm: the source is not there\n"


@pytest.mark.usefixtures("mirror")
def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def pull(*_: object, progress: Callable[[int, int], None], **__: object) -> str:
        progress(1_000_000, 2_000_000)
        progress(2_000_000, 2_000_000)
        return "somewhere"

    monkeypatch.setattr(models, "pull", pull)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert main(["models", "pull", DIGITS]) == 0

    half = f"\r{DIGITS} [{'#' * 15}{'.' * 15}] 1.0 of 2.0 MB"
    whole = f"\r{DIGITS} [{'#' * 30}] 2.0 of 2.0 MB\n"
    assert capsys.readouterr().out == f"{half}{whole}{DIGITS}: pulled from somewhere\n"
