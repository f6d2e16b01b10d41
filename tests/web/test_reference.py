"""The reference of the endpoints at /docs, which needs no other host."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.servers import Server
from tests.web.conftest import KEY
from tests.web.demo import Demo

pytestmark = pytest.mark.browser


def test_every_operation_is_shown_and_nobody_else_is_asked(demo: Demo, demo_server: Server) -> None:
    document = demo_server.client.get("/openapi.json").json()
    ids = [it["operationId"] for path in document["paths"].values() for it in path.values()]
    page = demo.page

    page.goto(f"{demo.url}/docs#verify")

    verify = page.get_by_role("region", name="POST /verify")
    verify.wait_for()
    assert "max_false_match_rate" in verify.inner_text()
    assert '"verified": true' in verify.inner_text()
    assert "422 no_face" in verify.inner_text()
    sections = page.locator(".operation").evaluate_all("all => all.map(({ id }) => id)")
    assert sections == ids
    assert verify.evaluate("it => it.getBoundingClientRect().top") < 200
    page.get_by_role("navigation").get_by_role("link", name="GET /readyz").click()
    assert page.url.endswith("/docs#readiness")
    assert {urlsplit(url).netloc for url in demo.requests} == {urlsplit(demo.url).netloc}


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_reference_has_no_barriers(demo: Demo, axe: Any, width: int, scheme: str) -> None:
    demo.page.set_viewport_size({"width": width, "height": 800})
    demo.page.emulate_media(color_scheme=scheme)
    demo.page.goto(f"{demo.url}/docs")
    demo.page.locator("#readiness").wait_for()

    assert axe(demo.page) == []
    assert demo.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_reference_asks_for_the_key(context: Any, guarded_server: Server) -> None:
    demo = Demo(context.new_page(), guarded_server.url)
    demo.page.goto(f"{demo.url}/docs")

    demo.page.get_by_label("Key", exact=True).fill(KEY)
    demo.page.keyboard.press("Enter")

    demo.page.get_by_role("region", name="POST /classify").wait_for()
    assert demo.complaints == []
