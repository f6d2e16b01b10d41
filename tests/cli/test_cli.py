from pathlib import Path

import pytest

from service import __version__
from service.cli import main
from tests.serving import DIGITS, MODELS, edit_manifest

Capture = pytest.CaptureFixture[str]


def test_the_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["models"],
        ["models", "summary"],
        ["models", "pull"],
        ["models", "pull", "a", "--all"],
        ["predict"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "-1"],
        ["serve", "--port", "http"],
    ],
)
def test_what_is_no_command_ends_with_2(arguments: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: chiasm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CHIASM_PORT", "http", "valid integer"),
        ("CHIASM_DEVICE", "abacus", "match pattern"),
        ("CHIASM_API_KEYS", "hunter2", "at least 16 characters"),
    ],
)
def test_a_wrong_setting_is_named_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert main(["models", "list"]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"chiasm: {variable}: ")
    assert said in line
    assert "hunter2" not in line


def test_all_wrong_settings_are_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("CHIASM_PORT", "http")
    monkeypatch.setenv("CHIASM_MAX_PIXELS", "0")

    assert main(["models", "list"]) == 2

    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["CHIASM_PORT", "CHIASM_MAX_PIXELS"]


@pytest.mark.parametrize(
    "arguments", [["serve"], ["models", "check"], ["predict", str(MODELS / DIGITS / "golden.png")]]
)
def test_a_broken_manifest_ends_with_1_and_names_file_and_key(
    models_dir: Path, capsys: Capture, arguments: list[str]
) -> None:
    edit_manifest(models_dir / DIGITS, {"size": "[28, 28]"})

    assert main(arguments) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"chiasm: {models_dir / DIGITS / 'model.toml'}: input.size: ")


def test_a_missing_device_ends_with_1(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("CHIASM_DEVICE", "openvino")

    assert main(["serve"]) == 1

    assert "chiasm: device 'openvino' was asked for" in capsys.readouterr().err
