import shutil
from pathlib import Path

import pytest

from service.engine.golden import GOLDEN
from tests.serving import DIGITS, MODELS


@pytest.fixture(autouse=True)
def _on_copied_models(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHIASM_MODELS_DIR", str(models_dir))
    monkeypatch.setenv("CHIASM_CPUS", "1")


@pytest.fixture
def seven() -> Path:
    """Return the picture of a handwritten seven."""
    return MODELS / DIGITS / "golden.png"


@pytest.fixture
def golden(models_dir: Path, seven: Path) -> Path:
    """Give the digits the golden answer that they were committed with."""
    folder = models_dir / DIGITS
    shutil.copy(seven, folder)
    return Path(shutil.copy(MODELS / DIGITS / GOLDEN, folder))
