"""Neither client leaves an operation of the HTTP interface out."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests import pictures
from tests.faces import astronaut, jpeg
from tests.servers import Server, eventually
from tests.serving import PATIENCE_S

pytestmark = pytest.mark.anyio


def operations(server: Server) -> dict[tuple[str, str], re.Pattern[str]]:
    """Return method and path of every operation, with what the paths of its requests look like."""
    document = server.client.get("/openapi.json").json()
    return {
        (method.upper(), path): re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for path, methods in document["paths"].items()
        for method in methods
    }


async def test_every_operation_is_driven(here: Any, bundled: Server, samples: Path) -> None:
    known = operations(bundled)
    before = len(bundled.lines)

    face = jpeg(astronaut())
    assert (await here.health()).status == "ok"
    assert await here.ready()
    assert 'chiasm_requests_total{route="/readyz"' in await here.metrics()
    for row in (await here.models()).models:
        assert (await here.model(row.name)).manifest["sha256"]
    assert (await here.classify(samples / "cat.jpg")).predictions
    assert (await here.detect(samples / "coffee.jpg")).detections
    assert (await here.segment(face, mask="none")).classes
    assert (await here.faces(face, landmarks=False)).faces
    assert (await here.verify(face, face)).verified
    job = await here.style(pictures.jpeg(80, 48), preset="3")
    assert [event.status async for event in job.events()][-1] == "succeeded"
    assert (await job.wait(timeout_s=PATIENCE_S)).finished
    assert (await here.job(job.id)).finished
    assert await job.preview()
    assert await job.result()
    assert job.id in [one.id async for one in here.jobs()]
    await job.cancel()

    def driven() -> set[tuple[str, str]]:
        asked = [line for line in bundled.lines[before:] if "path" in line]
        return {
            (method, path)
            for (method, path), pattern in known.items()
            if any(it["method"] == method and pattern.fullmatch(it["path"]) for it in asked)
        }

    eventually(lambda: driven() == known.keys())
