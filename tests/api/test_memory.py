"""A picture is freed with its answer, and not when the garbage collector comes by."""

import gc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.engine.pipeline import Encoded
from tests import faces, pictures
from tests.api.conftest import FACE_NETWORKS
from tests.serving import Serve, copy_model, until

pytestmark = pytest.mark.anyio

FACE = faces.png(faces.astronaut())


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held() -> int:
    """Return how many uploaded pictures are still in memory."""
    return sum(type(one) is Encoded for one in gc.get_objects())


@pytest.mark.parametrize(
    ("path", "files", "status"),
    [
        ("/classify", {"image": pictures.jpeg()}, 200),
        ("/classify", {"image": pictures.jpeg()[:-40]}, 422),
        ("/classify?top_k=0", {"image": pictures.jpeg()}, 422),
        ("/faces", {"image": FACE}, 200),
        ("/faces", {"image": FACE[:-40]}, 422),
        ("/verify", {"image1": FACE, "image2": FACE}, 200),
        ("/verify", {"image1": FACE, "image2": pictures.jpeg()}, 422),
    ],
)
@pytest.mark.usefixtures("_no_collector")
async def test_nothing_of_a_picture_is_left(
    serve: Serve, models_dir: Path, path: str, files: dict[str, bytes], status: int
) -> None:
    for name in FACE_NETWORKS:
        copy_model(models_dir, name)
    client: httpx.AsyncClient = (await serve()).client
    before = held()

    response = await client.post(path, files=files)

    assert response.status_code == status, response.text
    await until(lambda: held() <= before)  # a thread of the pool may be about to let go
