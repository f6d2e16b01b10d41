import json
from pathlib import Path

import pytest

from service.cli import main
from tests import pictures
from tests.pictures import brief
from tests.serving import DIGITS

Capture = pytest.CaptureFixture[str]


def test_predict_for_people(seven: Path, capsys: Capture) -> None:
    assert main(["predict", str(seven)]) == 0

    first, *classes, timings = capsys.readouterr().out.splitlines()
    assert first == f"golden.png: 64 x 64 pixels, {DIGITS}"
    assert len(classes) == 3
    assert classes[0].split()[1] == "7"
    stages = [part.split()[0] for part in timings.split(", ")]
    assert sorted(stages) == ["decode", "infer", "postprocess", "preprocess", "queue"]


def test_predict_for_programs(seven: Path, capsys: Capture) -> None:
    assert main(["predict", str(seven), "--json", "--model", DIGITS, "--task", "classify"]) == 0

    answer = json.loads(capsys.readouterr().out)
    assert answer["model"] == DIGITS
    assert answer["image"] == {"width": 64, "height": 64}
    assert answer["predictions"][0]["label"] == "7"
    assert answer["predictions"][0].keys() >= {"class_id", "label", "score"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "resnet"], "no model named 'resnet'"),
        (["--task", "guess"], "no model is there"),
    ],
)
def test_predict_without_such_a_model(
    seven: Path, capsys: Capture, arguments: list[str], said: str
) -> None:
    assert main(["predict", str(seven), *arguments]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("chiasm: ")
    assert said in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "the body is empty"),
        (b"text", "not a JPEG, PNG"),
        (pictures.png()[:-30], "ends before its data"),
    ],
    ids=brief,
)
def test_predict_without_a_picture(
    tmp_path: Path, capsys: Capture, content: bytes | None, said: str
) -> None:
    path = tmp_path / "picture"
    if content is not None:
        path.write_bytes(content)

    assert main(["predict", str(path)]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("chiasm: ")
    assert said in err
    assert "Traceback" not in err
