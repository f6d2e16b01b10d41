"""The JavaScript client in Node, against a real server."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from service.api.web import FOLDER
from service.imaging.rle import encode
from tests import documents
from tests.servers import Server
from tools.sources import SourceError, npm_tarball

HERE = Path(__file__).parent
TYPESCRIPT = (
    "typescript",
    "6.0.3",
    "33cd0ee1beaa8c9e9d15a9da836c62ddea4c34a42d7c2d349dbc80d94165d22a",
)
OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "strict": True,
    "noEmit": True,
    "target": "es2023",
    "module": "es2022",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"],
    "types": [],
}


@pytest.fixture(scope="module")
def node() -> str:
    """Return Node; skip where there is none that is new enough."""
    return documents.node()


def passes(node: str, test: str, **environment: str) -> str:
    """Run a file of tests to its end, and return what it says."""
    done = subprocess.run(
        [node, "--test", "--test-reporter=spec", HERE / test],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_endpoint_is_driven(node: str, demo_server: Server) -> None:
    models = demo_server.client.get("/models").json()["models"]
    tasks = ",".join(sorted({model["task"] for model in models}))

    said = passes(node, "client.test.mjs", CHIASM_URL=demo_server.url, CHIASM_TASKS=tasks)

    assert "skipped 0" in said  # the committed networks do every task


def test_masks_are_decoded(node: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    masks = {
        "empty": np.zeros((3, 4), bool),
        "full": np.ones((3, 4), bool),
        "a column": np.eye(1, 5, 2, dtype=bool).repeat(4, axis=0),
        "a corner": np.eye(4, 4, -3, dtype=bool),
        "noise": rng.random((37, 23)) < 0.4,
        "long runs": np.indices((300, 200)).sum(0) > 250,
    }
    cases = [
        {
            "name": name,
            "size": mask.shape,
            "counts": encode(mask),
            "rows": mask.astype(int).tolist(),
        }
        for name, mask in masks.items()
    ]
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases), encoding="utf-8")

    passes(node, "rle.test.mjs", RLE_CASES=str(path))


def test_the_types_hold(node: str, tmp_path: Path) -> None:
    try:
        package = npm_tarball(*TYPESCRIPT)
    except SourceError as error:
        pytest.skip(str(error))
    with tarfile.open(package) as archive:
        archive.extractall(tmp_path, filter="data")
    config = tmp_path / "tsconfig.json"
    settings = {"compilerOptions": OPTIONS, "include": [f"{FOLDER}/*.js"]}
    config.write_text(json.dumps(settings), encoding="utf-8")

    compiler = tmp_path / "package" / "lib" / "tsc.js"
    done = subprocess.run(
        [node, compiler, "-p", config], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
