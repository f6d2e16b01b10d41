"""`chiasm style` and `chiasm worker`, as they are called."""

import io
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from service.cli import main
from tests import pictures
from tests.servers import environment
from tests.serving import copy_model

NETWORKS = ("multistyle26", "magenta-style-predict", "magenta-style-transform")


@pytest.fixture
def painting(models_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a directory with two pictures, beside models that can paint."""
    for name in NETWORKS:
        copy_model(models_dir, name)
    monkeypatch.setenv("CHIASM_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("CHIASM_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "content.jpg").write_bytes(pictures.jpeg(80, 48))
    (tmp_path / "brush.png").write_bytes(pictures.png(64, 64))
    return tmp_path


@pytest.mark.parametrize(
    ("how", "name", "kind"),
    [
        (["--preset", "3"], "out.png", "PNG"),
        (["--preset", "3:0.7,12:0.3", "--strength", "0.5"], "out.webp", "WEBP"),
        (["--style", "brush.png", "--preserve-color", "--size", "40"], "out.JPG", "JPEG"),
    ],
)
def test_a_picture_is_painted(
    painting: Path,
    how: list[str],
    name: str,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(painting)

    assert main(["style", "content.jpg", *how, "-o", name]) == 0

    with Image.open(io.BytesIO((painting / name).read_bytes())) as painted:
        assert painted.format == kind
        assert painted.size == ((40, 24) if "--size" in how else (80, 48))
    assert name in capsys.readouterr().out
    assert not (painting / "data").exists()  # no job was made of it


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "99"], "there is no preset 99"),
        (["--preset", "3", "--steps", "5"], "steps: is not an option of method=fast"),
        (["--preset", "3", "--method", "optimize"], "preset: is not an option of method=optimize"),
    ],
)
def test_what_cannot_be_painted_is_said_in_a_line(
    painting: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content, out = str(painting / "content.jpg"), str(painting / "out.png")

    assert main(["style", content, *arguments, "-o", out]) == 1

    assert said in capsys.readouterr().err
    assert not Path(out).exists()


def test_the_name_of_the_result_says_its_format(
    painting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["style", str(painting / "content.jpg"), "--preset", "3", "-o", "out.bmp"])
    assert "must end in one of .png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "CHIASM_JOBS_URL"),
        ({"jobs_url": "sqlite:///x.sqlite", "jobs_concurrency": "0"}, "never paint anything"),
    ],
)
def test_a_worker_that_cannot_work_refuses_to_start(
    models_dir: Path, settings: dict[str, str], said: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "service", "worker"],
        env=environment(models_dir, **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert said in ended.stderr


def test_a_worker_ends_when_it_is_told_to(painting: Path, models_dir: Path) -> None:
    url = f"sqlite:///{painting / 'jobs.sqlite'}"
    worker = subprocess.Popen(
        [sys.executable, "-m", "service", "worker"],
        env=environment(models_dir, jobs_url=url),
        stderr=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stderr is not None
        for line in worker.stderr:
            if "painting jobs, 1 at once" in line:
                worker.send_signal(signal.SIGTERM)
    assert worker.returncode == 0
