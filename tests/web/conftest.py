"""The demo page in a real Chromium, against a real server."""

import json
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import planted_masks
from tests.servers import Server
from tests.serving import MODELS, copy_model
from tests.web.demo import Demo
from tools.sources import SourceError, npm_tarball

# Debian's two builds: the one without windows opens a page in half the time.
BUILDS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
CHROMIUM = Path(
    os.environ.get("CHROMIUM") or next((one for one in BUILDS if one.exists()), BUILDS[-1])
)
KEY = "a-key-for-the-page-0123456789"
NETWORKS = (
    "efficientnet-lite0",
    "lenet5-digits",
    "centernet-mobilenetv3",
    "centerface",
    "face-landmarks-68",
    "dlib-resnet-face",
    "edges",
    "selfie-person",
    "unet-nuclei",
    "multistyle26",
    "magenta-style-predict",
    "magenta-style-transform",
    "gatys-vgg16",
)
AXE = ("axe-core", "4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")
FEWEST_RULES = 20  # that have something to look at; fewer would be an empty page
# A camera that shows a moving picture, and no question whether the page may use it.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """Return the browser of these tests; skip where there is none.

    It is closed with the last of them: until then Playwright's own event loop runs in this thread,
    and no test of another package could run one.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: `apt-get install chromium-headless-shell`, or set CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=CAMERA)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with every network that is there, and one whose answers are painted."""
    directory = tmp_path_factory.mktemp("demo")
    for name in NETWORKS:
        if (MODELS / name / "model.onnx").exists():
            copy_model(directory / "models", name)
    planted_masks.folder(directory / "models")
    with closing(Server(directory, directory / "models")) as server:
        yield server.listen()


@pytest.fixture(scope="session")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that wants a key."""
    directory = tmp_path_factory.mktemp("guarded")
    copy_model(directory / "models")
    with closing(Server(directory, directory / "models", api_keys=KEY)) as server:
        yield server.listen()


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    """Return a fresh browser window's worth of storage and permissions."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 860}, permissions=["camera", "clipboard-write"]
    )
    yield context
    context.close()


@pytest.fixture
def demo(context: Any, demo_server: Server) -> Iterator[Demo]:
    """Return the page, to be opened; whatever it complained about at the end fails the test."""
    demo = Demo(context.new_page(), demo_server.url)
    yield demo
    demo_server.release_brake()
    assert demo.complaints == []


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], list[str]]:
    """Return what looks for barriers in a page, and says which rules they break, and where."""
    try:
        path = npm_tarball(*AXE)
    except SourceError as error:
        pytest.skip(str(error))
    with tarfile.open(path) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file
        script = file.read().decode()

    def look(page: Any) -> list[str]:
        if not page.evaluate("'axe' in window"):
            page.evaluate(script)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        assert len(found["passes"]) >= FEWEST_RULES
        return [
            f"{one['id']}: {json.dumps([node['target'] for node in one['nodes']])}"
            for one in found["violations"]
        ]

    return look
