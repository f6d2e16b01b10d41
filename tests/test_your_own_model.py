"""docs/your-own-model.md, followed to the letter, with a small graph of each kind."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.cli import main
from tests.exports import BOX, HEIGHT, WIDTH, street
from tests.planted import EXPORTS, LISTS
from tests.serving import edit_manifest
from tools.served import Served

PAGE = Path(__file__).parents[1] / "docs" / "your-own-model.md"
ADDRESS = "http://127.0.0.1:8000"
LINES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]
CURLS = [line for line in LINES if line.startswith("curl ")]
WRITTEN = {
    words[words.index("--onnx") + 1]: words
    for words in map(shlex.split, LINES)
    if words[:3] == ["chiasm", "models", "init"] and "--write" in words
}
"""The commands that make folders, by the file that they are given."""


def folder_of(file: str) -> str:
    words = WRITTEN[file]
    return words[words.index("--name") + 1] if "--name" in words else Path(file).stem


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the page's files, in which its commands have been run."""
    desk = tmp_path_factory.mktemp("desk")
    for file, export in EXPORTS.items():
        export().save(desk / file)
    for file, words in LISTS.items():
        (desk / file).write_text("\n".join(words.split()) + "\n")
    (desk / "street.jpg").write_bytes(street())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        patch.setenv("CHIASM_CPUS", "1")
        for line in LINES:
            command, *words = shlex.split(line)
            if command == "export":
                name, _, value = words[0].partition("=")
                patch.setenv(name, value.replace("$PWD", str(desk)))
            elif command == "chiasm" and words[0] != "serve":
                assert main(words) == 0, line
    return desk


@pytest.fixture(scope="module")
def served(desk: Path) -> Iterator[str]:
    """Return the address of the server that the page starts."""
    (command,) = (line for line in LINES if line.startswith("chiasm serve"))
    assert shlex.split(command)[2:] == ["--port", ADDRESS.rpartition(":")[2]]
    settings = {"CHIASM_MODELS_DIR": str(desk / "models"), "CHIASM_CPUS": "1"}
    with Served(settings) as server:
        yield server.url


def test_the_page_has_a_command_for_every_export() -> None:
    assert WRITTEN.keys() == EXPORTS.keys()


def test_the_page_shows_a_command_for_every_decoder(desk: Path) -> None:
    manifests = [path.read_text() for path in desk.glob("models/*/model.toml")]
    found = {name for text in manifests for name in re.findall(r'^decoder = "(\w+)"$', text, re.M)}

    assert found == {
        *("yolov2", "yolov3", "yolov5", "yolov8", "yolo_end2end", "yolox"),
        *("nanodet", "centernet", "boxes_scores_labels"),
    }


@pytest.mark.parametrize("file", [file for file in EXPORTS if file != "classifier.onnx"])
def test_what_was_planted_is_found(served: str, file: str) -> None:
    query = {"model": folder_of(file)}
    response = httpx.post(f"{served}/detect", params=query, content=street(), timeout=60)

    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["image"] == {"width": WIDTH, "height": HEIGHT}
    (found,) = answer["detections"]
    assert found["label"] == EXPORTS[file]().label
    assert found["score"] > 0.9
    assert list(found["box"].values()) == pytest.approx(BOX, abs=1.0)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", CURLS)
def test_curl_gets_an_answer(desk: Path, served: str, command: str) -> None:
    words = [word.replace(ADDRESS, served) for word in shlex.split(command)]
    done = subprocess.run(words, cwd=desk, capture_output=True, check=True)

    if "-o" in words:
        assert (desk / words[words.index("-o") + 1]).read_bytes().startswith(b"\xff\xd8\xff")
        return
    answer = json.loads(done.stdout)
    first = next(iter(answer.get("detections") or answer["predictions"]))
    assert first["label"] == {"my-yolo": "thing 7", "my-classifier": "bicycle"}[answer["model"]]


def test_golden_answers_are_kept_and_checked(desk: Path, served: str) -> None:
    golden = json.loads((desk / "models" / "my-yolo" / "golden.json").read_text())
    (found,) = golden["expected"]["detections"]

    assert found["label"] == "thing 7"
    assert httpx.get(f"{served}/models/my-yolo").json()["state"] == "ready"


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("yolox_s", {"color": '"RGB"'}),
        ("yolox_s", {"align": '"center"'}),
        ("yolox_s", {"scale": "0.00392156862745098"}),
        ("yolov5s", {"scale": "1.0"}),
        ("yolov5s", {"resize": '"stretch"'}),
        ("yolov4", {"resize": '"letterbox"'}),
        ("nanodet_m", {"mean": "[123.675, 116.28, 103.53]"}),
        ("centernet", {"std": "[1.0, 1.0, 1.0]"}),
    ],
)
def test_nothing_is_found_by_a_network_that_is_fed_otherwise(
    desk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    model: str,
    change: dict[str, str],
) -> None:
    folder = tmp_path / model
    shutil.copytree(desk / "models" / model, folder)
    edit_manifest(folder, change)
    monkeypatch.setenv("CHIASM_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("CHIASM_CPUS", "1")
    picture = str(desk / "street.jpg")

    assert main(["predict", picture, "--task", "detect", "--model", model, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["detections"] == []
