"""What goes wrong is said in a sentence, and can be tried again."""

from typing import Any

import pytest
from PIL import Image

from service.api.problems import MEDIA_TYPE
from tests.servers import Server
from tests.web.conftest import KEY
from tests.web.demo import SAMPLES, Demo

pytestmark = pytest.mark.browser


def test_a_file_that_is_no_picture(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.choose(panel, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"milk, eggs"})

    alert = panel.get_by_role("alert").filter(has_text="unsupported_format")
    alert.get_by_text("Not a JPEG, PNG, WebP, BMP, GIF or TIFF picture.").wait_for()


def test_a_picture_that_was_cut_off(demo: Demo) -> None:
    panel = demo.open("Detect")
    cut = (SAMPLES / "cat.jpg").read_bytes()[:9000]
    demo.choose(panel, {"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": cut})

    panel.get_by_role("alert").filter(has_text="truncated_image").wait_for()
    assert panel.locator("tbody").count() == 0


def test_a_picture_that_only_the_server_can_read(demo: Demo, tmp_path: Any) -> None:
    Image.open(SAMPLES / "cat.jpg").save(tmp_path / "cat.tif")
    panel = demo.open("Classify")
    demo.choose(panel, tmp_path / "cat.tif")

    panel.get_by_text("Egyptian cat", exact=True).wait_for()


def test_a_server_that_is_gone_and_comes_back(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.page.route("**/classify*", lambda route: route.abort())
    demo.pick(panel, "A cat")
    panel.get_by_text("The server cannot be reached.").wait_for()
    demo.complaints.clear()  # the browser itself reports that the connection failed

    demo.page.unroute("**/classify*")
    panel.get_by_role("button", name="Try again").click()

    panel.get_by_text("Egyptian cat", exact=True).wait_for()


def test_an_overloaded_server_says_when_to_come_back(demo: Demo) -> None:
    document = '{"code": "overloaded", "detail": "the queue is full", "request_id": "1"}'
    panel = demo.open("Classify")
    demo.page.route(
        "**/classify*",
        lambda route: route.fulfill(
            status=503, body=document, headers={"Content-Type": MEDIA_TYPE, "Retry-After": "7"}
        ),
    )
    demo.pick(panel, "A cat")

    panel.get_by_text("The queue is full. Try again in 7 s.").wait_for()


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_a_request_can_be_aborted(demo: Demo, demo_server: Server, way: str) -> None:
    demo_server.press_brake()
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.get_by_text("Asking the server…").wait_for()

    with demo.page.expect_event("requestfailed") as failed:
        if way == "button":
            panel.get_by_role("button", name="Cancel").click()
        else:
            demo.page.keyboard.press("Escape")

    assert failed.value.url.startswith(f"{demo.url}/classify")
    panel.get_by_text("Canceled.").wait_for()
    assert panel.get_by_role("button", name="Cancel").count() == 0
    demo_server.release_brake()
    panel.get_by_role("button", name="Try again").click()
    panel.get_by_text("Egyptian cat", exact=True).wait_for()


def test_only_the_last_picture_counts(demo: Demo, demo_server: Server) -> None:
    demo_server.press_brake()
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.get_by_text("Asking the server…").wait_for()

    with demo.page.expect_event("requestfailed"):
        demo.pick(panel, "A cup of coffee")
    demo_server.release_brake()

    panel.get_by_text("espresso", exact=True).wait_for()
    assert "Egyptian cat" not in demo.rows(panel)


def test_a_task_without_a_network_says_how_to_get_one(context: Any, guarded_server: Server) -> None:
    demo = Demo(context.new_page(), guarded_server.url)
    context.add_init_script(f"sessionStorage.setItem('chiasm-api-key', '{KEY}')")
    demo.visit()

    for tab in ("Detect", "Segment", "Verify"):
        panel = demo.open(tab)
        assert "chiasm models pull --all" in panel.locator(".notice").inner_text(), tab
    assert "chiasm models pull --all" in demo.open("Style").locator(".notice").first.inner_text()
    assert demo.complaints == []
