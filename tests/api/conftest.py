from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.serving import copy_model, serving

FACE_NETWORKS = ("centerface", "face-landmarks-68", "dlib-resnet-face")


@pytest.fixture(scope="session")
def face_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the three networks for faces; not to be changed."""
    directory = tmp_path_factory.mktemp("faces") / "models"
    for name in FACE_NETWORKS:
        copy_model(directory, name)
    return directory


@pytest.fixture
async def face_client(face_models: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a patient service with the three networks for faces."""
    settings = Settings(models_dir=face_models, device="cpu", cpus=1, max_wait_ms=60_000)
    async with serving(settings) as served:
        yield served.client
