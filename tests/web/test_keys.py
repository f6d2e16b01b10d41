"""Servers that want a key, and pages of other origins."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.servers import Server, StartServer, eventually
from tests.web.conftest import KEY
from tests.web.demo import Demo

pytestmark = pytest.mark.browser

ASK = """async ([server, key]) => {
  const { Chiasm } = await import(`${server}/web/client.js`);
  const chiasm = new Chiasm(undefined, { apiKey: key });
  const canvas = new OffscreenCanvas(32, 32);
  canvas.getContext('2d').fillRect(8, 8, 16, 16);
  const picture = await canvas.convertToBlob();
  const { predictions, meta } = await chiasm.classify(picture, { top_k: 1 });
  return { found: predictions.length, ...meta };
}"""


def test_the_page_asks_for_the_key_and_keeps_it(context: Any, guarded_server: Server) -> None:
    demo = Demo(context.new_page(), guarded_server.url)
    page = demo.page
    page.goto(demo.url)

    page.get_by_text("This server wants an API key.").wait_for()
    page.get_by_label("Key", exact=True).fill("a-wrong-key-0123456789")
    page.get_by_role("button", name="Use this key").click()
    page.get_by_text("That key was not accepted.").wait_for()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.keyboard.press("Enter")
    panel = demo.panel("Classify")
    panel.wait_for()
    demo.choose(panel, {"name": "7.png", "mimeType": "image/png", "buffer": PIXEL})
    panel.locator("tbody").wait_for()

    page.reload()
    page.get_by_role("tab").first.wait_for()
    assert page.get_by_role("dialog").count() == 0
    page.get_by_role("link", name="API").click()
    page.get_by_role("heading", name="POST /classify").wait_for()
    assert page.get_by_role("dialog").count() == 0
    assert demo.complaints == []


def test_who_has_no_key_is_told(context: Any, guarded_server: Server) -> None:
    demo = Demo(context.new_page(), guarded_server.url)
    demo.page.goto(demo.url)

    demo.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    demo.page.get_by_role("alert").filter(has_text="unauthorized").wait_for()
    demo.page.get_by_role("button", name="Try again").click()
    demo.page.get_by_text("This server wants an API key.").wait_for()


TRY = """([url, key]) => {
  const request = url.endsWith('classify')
    ? { method: 'POST', headers: { 'X-API-Key': key }, body: new Blob(['picture']) }
    : {};
  return fetch(url, request).then(() => 'read', (error) => error.name);
}"""


@contextmanager
def origin() -> Iterator[str]:
    """Serve an empty page at an origin of its own."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><link rel=icon href=data:,>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_other_origins_may_call_if_they_are_named(context: Any, start_server: StartServer) -> None:
    with origin() as friend, origin() as stranger:
        server = start_server(cors_origins=friend, api_keys=KEY)
        page = context.new_page()

        page.goto(friend)
        answer = page.evaluate(ASK, [server.url, KEY])
        assert answer["found"] == 1
        assert answer["requestId"]
        assert answer["provider"] == "CPUExecutionProvider"
        assert answer["timings"][0]["name"] == "decode"

        page.goto(stranger)
        with pytest.raises(Exception, match="Failed to fetch dynamically imported module"):
            page.evaluate(ASK, [server.url, KEY])
        for path in ("healthz", "classify"):
            assert page.evaluate(TRY, [f"{server.url}/{path}", KEY]) == "TypeError"
        server.client.get("/readyz")  # whose line comes behind all others
        eventually(lambda: server.lines[-1].get("path") == "/readyz")
        asked = [(line.get("method"), line.get("path")) for line in server.lines]
        assert asked.count(("POST", "/classify")) == 1  # the friend's: it asked whether it may


# The smallest PNG: one grey pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c6368000000820081"
    "77cd72b60000000049454e44ae426082"
)
