"""What only a process that refuses to start shows."""

import json
import subprocess
import sys
from pathlib import Path

from service import __version__
from tests.servers import Server, run
from tests.serving import DIGITS, edit_manifest


def test_a_broken_manifest_is_named(models_dir: Path) -> None:
    edit_manifest(models_dir / DIGITS, {"sha256": f'"{"0" * 64}"'})

    ended = run("serve", "--port", "0", models_dir=models_dir)

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"chiasm: {models_dir / DIGITS / 'model.toml'}: sha256: ")


def test_a_missing_device_is_named(models_dir: Path) -> None:
    ended = run("serve", "--port", "0", models_dir=models_dir, device="cuda")

    assert ended.returncode == 1
    assert ended.stderr.startswith("chiasm: device 'cuda' was asked for")


def test_a_wrong_setting_is_named(models_dir: Path) -> None:
    ended = run("serve", models_dir=models_dir, max_pixels="many")

    assert ended.returncode == 2
    assert ended.stderr.startswith("chiasm: CHIASM_MAX_PIXELS: ")


def test_a_port_that_is_taken_is_an_error(models_dir: Path, server: Server) -> None:
    ended = run("serve", "--port", str(server.port), models_dir=models_dir)

    assert ended.returncode == 1
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    (error,) = [line["message"] for line in lines if line["level"] == "error"]
    assert "address already in use" in error


def test_the_package_runs_like_the_command() -> None:
    command = [sys.executable, "-m", "service", "--version"]

    assert subprocess.run(command, capture_output=True, check=True).stdout == (
        f"{__version__}\n".encode()
    )
