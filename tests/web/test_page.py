"""The page as a whole: keyboard, screen readers, themes, phones, weight, and no other host."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from service.api.web import FOLDER
from tests.servers import Server
from tests.web.demo import CHANGED, SAMPLES, TABS, Demo

pytestmark = pytest.mark.browser

MAX_WEIGHT = 200_000  # bytes, without samples


def test_the_page_is_light_and_asks_nobody_else(demo: Demo) -> None:
    demo.visit()
    sizes = demo.page.evaluate(
        """[...performance.getEntriesByType('navigation'),
            ...performance.getEntriesByType('resource')]
             .map(({ name, decodedBodySize }) => [name, decodedBodySize])"""
    )

    page = [size for url, size in sizes if "/web/samples/" not in url]
    assert len(page) > 25
    assert 100_000 < sum(page) < MAX_WEIGHT
    assert {urlsplit(url).netloc for url in demo.requests} == {urlsplit(demo.url).netloc}


def test_everything_that_could_be_loaded_is_light() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path.parent == FOLDER]

    assert sum(path.stat().st_size for path in files) < MAX_WEIGHT


def test_every_tab_works_with_the_network_cut(
    context: Any, demo_server: Server, tmp_path: Path
) -> None:
    ours = urlsplit(demo_server.url).netloc
    attempts: list[str] = []

    def cut(route: Any) -> None:
        if urlsplit(route.request.url).netloc == ours:
            route.continue_()
        else:
            attempts.append(route.request.url)
            route.abort()

    context.route("**/*", cut)
    demo = Demo(context.new_page(), demo_server.url)
    with_results(demo, tmp_path)

    assert attempts == demo.complaints == []
    assert demo.page.evaluate("document.fonts.check('15px Inter')")


def test_everything_is_reached_with_the_keyboard(demo: Demo) -> None:
    demo.visit()
    page = demo.page
    page.get_by_role("tab", name="Classify").focus()
    for key, name in [("ArrowRight", "Detect"), ("End", "Style"), ("ArrowRight", "Classify")]:
        page.keyboard.press(key)
        tab = page.get_by_role("tab", name=name)
        assert tab.get_attribute("aria-selected") == "true"
        assert tab.evaluate("tab => tab === document.activeElement")
        assert demo.panel(name).is_visible()
    assert page.url.endswith("#classify")
    assert page.locator("[role=tab][tabindex='0']").count() == 1

    names = []
    for _ in range(4):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.getAttribute('aria-label')"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", names[-1]
    assert names[:3] == ["Picture: choose a file", "Picture: use the camera", "Sample: A cat"]

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    panel = demo.panel("Classify")
    panel.locator("tbody").wait_for()
    panel.get_by_label("Classes shown").focus()
    page.keyboard.press("ArrowRight")
    assert len(demo.rows(panel)) == 6


def test_an_address_opens_a_tab(context: Any, demo_server: Server) -> None:
    demo = Demo(context.new_page(), demo_server.url)
    demo.visit("verify")
    assert demo.panel("verify").is_visible()

    demo.page.evaluate("location.hash = 'segment'")

    demo.panel("segment").wait_for()
    assert demo.panel("verify").is_hidden()


def test_the_theme_is_the_systems_until_it_is_chosen(demo: Demo) -> None:
    demo.visit()
    page = demo.page
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)

    page.get_by_role("button", name="Light or dark").click()
    chosen = page.evaluate(ground)
    page.reload()

    assert dark != light == chosen == page.evaluate(ground)


def test_nothing_is_cut_off_on_a_phone(demo: Demo, tmp_path: Path) -> None:
    demo.page.set_viewport_size({"width": 360, "height": 740})
    with_results(demo, tmp_path)
    for tab in TABS:
        demo.open(tab)
        width = demo.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, tab


def with_results(demo: Demo, folder: Path) -> None:
    """Let every tab show something."""
    panel = demo.open("Detect")
    demo.pick(panel, "A cup of coffee")
    panel.locator("tbody").wait_for()
    for tab in ("Classify", "Segment"):
        panel = demo.open(tab)
        panel.locator(".timing-bar").wait_for()
    panel = demo.open("Verify")
    demo.pick(panel, "An astronaut")
    demo.pick(panel, CHANGED, well=1)
    panel.get_by_text("The same person").wait_for()
    panel = demo.open("Style")
    with Image.open(SAMPLES / "rocket.jpg") as rocket:
        rocket.resize((160, 107)).save(folder / "rocket.png")
    demo.choose(panel, folder / "rocket.png")
    panel.get_by_role("button", name="Paint", exact=True).click()
    demo.told(panel, "Painted. Slide the line to compare.")


@pytest.mark.parametrize("width", [1280, 360])
def test_there_are_no_barriers(demo: Demo, axe: Any, tmp_path: Path, width: int) -> None:
    demo.page.set_viewport_size({"width": width, "height": 800})
    with_results(demo, tmp_path)
    for tab in TABS:
        demo.open(tab)
        for scheme in ("light", "dark"):
            demo.page.emulate_media(color_scheme=scheme)
            assert axe(demo.page) == [], (scheme, tab)


def test_samples_have_licences() -> None:
    folder = FOLDER / "samples"
    table = (folder / "LICENSES.md").read_text(encoding="utf-8")
    pictures: list[Path] = sorted(folder.glob("*.jpg"))

    assert len(pictures) == 9
    for picture in pictures:
        assert f"| {picture.name} |" in table
        assert picture.stat().st_size < 80_000
