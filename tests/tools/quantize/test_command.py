"""`python -m tools.quantize`, as it is typed."""

from pathlib import Path

import pytest

from service.engine.manifest import read_folder
from tools.quantize.__main__ import main


def test_a_folder_and_a_table(
    digit_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = str(digit_files)
    folders = ["--calibrate", pictures, "--measure", pictures, "--out", str(tmp_path)]

    status = main(["lenet5-digits", *folders, "--rounds", "2", "--runs", "1"])

    printed = capsys.readouterr().out
    assert status == 0
    assert read_folder(tmp_path / "lenet5-digits-int8").manifest.task == "classify"
    assert "calibrated on 40 pictures" in printed
    assert "| top-1, % | 100.0 | 100.0 |" in printed
    assert "times as fast" in printed


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no-such-model", "--calibrate", "{}"], "no-such-model"),
        (["lenet5-digits", "--calibrate", "{}/missing"], "missing"),
        (["lenet5-digits", "--calibrate", "{}", "--keep", "nothing"], "no node is called"),
    ],
)
def test_a_mistake_is_told_in_a_line(
    digit_files: Path,
    tmp_path: Path,
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [one.format(digit_files) for one in arguments]

    assert main([*given, "--out", str(tmp_path)]) == 1
    assert complaint in capsys.readouterr().err
