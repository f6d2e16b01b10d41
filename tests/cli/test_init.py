"""`chiasm models init`, from the shell's side."""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from service.cli import main
from service.engine.manifest import read_folder
from tests.planted import EXPORTS

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of models, which is not there yet."""
    models = tmp_path / "some" / "models"
    monkeypatch.setenv("CHIASM_MODELS_DIR", str(models))
    return models


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    path = tmp_path / "Best YOLO (v8).onnx"
    EXPORTS["yolov8n.onnx"]().save(path)
    return path


def init(*arguments: object) -> int:
    return main(["models", "init", *map(str, arguments)])


def test_the_manifest_is_printed_and_nothing_written(
    models: Path, yolo: Path, capsys: Capture
) -> None:
    assert init("--onnx", yolo, "--decoder", "yolov8") == 0

    out, err = capsys.readouterr()
    manifest = tomllib.loads(out)
    assert manifest["name"] == "best-yolo-v8"
    assert manifest["sha256"] == hashlib.sha256(yolo.read_bytes()).hexdigest()
    assert manifest["input"]["name"] == "images"
    assert err == "labels.txt has 80 lines; --write makes both\n"
    assert not models.exists()


def test_the_folder_that_is_written_is_a_model(models: Path, yolo: Path, capsys: Capture) -> None:
    assert init("--onnx", yolo, "--name", "mine", "--write") == 0

    folder = read_folder(models / "mine")
    assert folder.graph_path.read_bytes() == yolo.read_bytes()
    assert folder.manifest.license.startswith("AGPL-3.0")
    labels = (models / "mine" / "labels.txt").read_text().splitlines()
    assert labels == [f"thing {number}" for number in range(80)]
    readme = (models / "mine" / "README.md").read_text()
    assert readme.startswith("# mine\n\nyolov8 detector, 80 classes, 256x256\n")
    assert "chiasm models golden mine PICTURE" in capsys.readouterr().out
    assert main(["models", "check"]) == 0
    assert capsys.readouterr().out.split()[:2] == ["mine", "ready"]


def test_a_folder_that_is_there_is_left_alone(models: Path, yolo: Path, capsys: Capture) -> None:
    (models / "mine").mkdir(parents=True)

    assert init("--onnx", yolo, "--name", "mine", "--write") == 1

    assert "is there already; choose another --name" in capsys.readouterr().err
    assert list((models / "mine").iterdir()) == []


@pytest.mark.parametrize("arguments", [["--name", "Not A Name"], ["--decoder", "yolox"]])
def test_nothing_is_written_for_a_mistake(
    models: Path, yolo: Path, capsys: Capture, arguments: list[str]
) -> None:
    assert init("--onnx", yolo, "--write", *arguments) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("chiasm: ")
    assert not models.exists()


def test_labels_are_read_from_a_file(
    models: Path, tmp_path: Path, yolo: Path, capsys: Capture
) -> None:
    labels = tmp_path / "names"
    labels.write_text("\n".join(f"n{number}\tgröße {number} " for number in range(80)) + "\n\n")

    assert init("--onnx", yolo, "--labels", labels, "--name", "mine", "--write") == 0

    assert read_folder(models / "mine").config.labels[79].name == "größe 79"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "names no class"), (b" \n\n", "names no class"), (b"\xff", "UTF-8")]
)
def test_labels_that_cannot_be_used(
    models: Path, tmp_path: Path, yolo: Path, capsys: Capture, content: bytes, said: str
) -> None:
    labels = tmp_path / "names"
    labels.write_bytes(content)

    assert init("--onnx", yolo, "--labels", labels) == 1

    err = capsys.readouterr().err
    assert err.startswith("chiasm: labels: ")
    assert said in err


def test_a_classifier_has_no_decoder(models: Path, yolo: Path, capsys: Capture) -> None:
    assert init("--onnx", yolo, "--task", "classify", "--decoder", "yolov8") == 1

    assert "chiasm: decoder: classifiers have none" in capsys.readouterr().err


@pytest.mark.parametrize(("task", "notes"), [("classify", {}), (None, {"task": "classify"})])
def test_the_task_is_named_or_in_the_metadata(
    models: Path, tmp_path: Path, capsys: Capture, task: str | None, notes: dict[str, str]
) -> None:
    export = EXPORTS["classifier.onnx"]()
    model = export.model()
    for key, value in notes.items():
        model.metadata_props.add(key=key, value=value)
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())

    assert init("--onnx", path, *(["--task", task] if task else [])) == 0

    assert tomllib.loads(capsys.readouterr().out)["task"] == "classify"


@pytest.mark.parametrize("content", [None, b"not a graph"])
def test_a_file_that_cannot_be_read(
    models: Path, tmp_path: Path, capsys: Capture, content: bytes | None
) -> None:
    path = tmp_path / "net.onnx"
    if content is not None:
        path.write_bytes(content)

    assert init("--onnx", path) == 1

    assert str(path) in capsys.readouterr().err


def test_a_file_without_a_usable_name(models: Path, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "最好.onnx"
    EXPORTS["yolov8n.onnx"]().save(path)

    assert init("--onnx", path) == 0

    assert tomllib.loads(capsys.readouterr().out)["name"] == "model"


def test_the_other_commands_do_without_onnx() -> None:
    code = "import sys, service.cli; sys.exit('onnx' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
