"""What of the image can be told without building it; `make image-test` builds and drives it."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from service.settings import Settings
from tests.deploy.composed import ROOT
from tests.servers import Server
from tools.served import free_port

DOCKERFILES = {path.name: path for path in (ROOT / "Dockerfile", ROOT / "docker/cuda.Dockerfile")}
PACKAGES = Path(np.__file__).parents[1]
IMPORTED = """
import sys
import service.app, service.cli, service.engine.graph, service.jobs.worker
print("\\n".join(getattr(module, "__file__", None) or "" for module in sys.modules.values()))
"""


def load(path: Path) -> ModuleType:
    """Return a script as a module; its folder is none, and has the name of a package of others'."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


slim = load(ROOT / "docker" / "slim.py")


def final_stage(name: str) -> list[str]:
    """Return the instructions of a file's last stage, continued lines joined."""
    text = DOCKERFILES[name].read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    joined = re.sub(r"\s*\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", text))
    return joined.splitlines()[1:]


def test_both_images_are_run_the_same_way() -> None:
    kept = ("COPY", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD", "LABEL")
    cpu, cuda = (
        [line for line in final_stage(name) if line.startswith(kept)] for name in DOCKERFILES
    )
    assert cpu == cuda
    assert "USER 10001:10001" in cpu


@pytest.mark.parametrize("name", DOCKERFILES)
def test_variables_are_settings(name: str) -> None:
    (line,) = (line for line in final_stage(name) if line.startswith("ENV"))
    found = dict(re.findall(r"CHIASM_(\w+)=(\S+)", line))
    assert found.pop("HOST") == "0.0.0.0"
    assert found.pop("DATA_DIR") == "/data"
    assert {key.lower() for key in found} <= Settings.model_fields.keys()


@pytest.mark.parametrize("pattern", slim.UNUSED)
def test_what_is_left_out_is_there_and_is_never_imported(
    pattern: str, imported: list[Path]
) -> None:
    left_out = list(PACKAGES.glob(pattern))
    assert left_out
    assert not [path for path in imported for one in left_out if path.is_relative_to(one)]


@pytest.fixture(scope="module")
def imported() -> list[Path]:
    """Return the files of all modules that a server and a painter import."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [Path(line) for line in done.stdout.splitlines() if line]


def test_nothing_is_left_out_by_a_pattern_that_is_out_of_date(tmp_path: Path) -> None:
    (tmp_path / "lib/python3.11/site-packages").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="nothing fits"):
        slim.slim(tmp_path)


def test_slimming_removes_files_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "lib/python3.11/site-packages"
    (packages / "one/tests").mkdir(parents=True)
    (packages / "one/tests/data").write_bytes(bytes(30))
    (packages / "one/lib.a").write_bytes(bytes(12))
    (packages / "one/code.py").touch()
    monkeypatch.setattr(slim, "UNUSED", {"one/tests": "tests", "*/*.a": "for linking"})
    assert slim.slim(tmp_path) == 42
    assert [path.name for path in (packages / "one").iterdir()] == ["code.py"]


def healthcheck(port: int) -> int:
    """Run the image's health check, and return its status."""
    command = [sys.executable, "-IS", str(ROOT / "docker/healthcheck.py")]
    environment = {**os.environ, "CHIASM_PORT": str(port)}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_the_health_check_tells_a_ready_server_from_none(server: Server) -> None:
    assert healthcheck(server.port) == 0
    assert healthcheck(free_port()) == 1
