"""The demo page in a real Chromium, against a real server."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests import planted_masks
from tests.servers import Server
from tests.serving import MODELS, copy_model
from tests.web.demo import Demo

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
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
        pytest.skip(f"no Chromium at {CHROMIUM}: `apt-get install chromium`, or set CHROMIUM")
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
