"""The page as a whole: keyboard, screen readers, themes, phones, weight, and no other host."""

import json
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.api.web import FOLDER
from tests.servers import Server
from tests.web.demo import TABS, Demo
from tools.sources import SourceError, npm_tarball

pytestmark = pytest.mark.browser

MAX_WEIGHT = 200_000  # bytes, without samples
AXE = ("axe-core", "4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")
CHANGED = "The astronaut, from another photograph of the photograph"


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


def test_the_page_works_with_the_network_cut(context: Any, demo_server: Server) -> None:
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
    demo.visit()
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.get_by_text("Egyptian cat", exact=True).wait_for()

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


def test_nothing_is_cut_off_on_a_phone(demo: Demo) -> None:
    demo.page.set_viewport_size({"width": 360, "height": 740})
    with_results(demo)
    for tab in TABS:
        demo.open(tab)
        width = demo.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, tab


def with_results(demo: Demo) -> None:
    """Let every tab that can show something."""
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


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the script that looks for barriers."""
    try:
        path = npm_tarball(*AXE)
    except SourceError as error:
        pytest.skip(str(error))
    with tarfile.open(path) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script
        return script.read().decode()


def test_there_are_no_barriers(demo: Demo, axe: str) -> None:
    with_results(demo)
    demo.page.evaluate(axe)
    # In the dark, nothing but the colours is different.
    for scheme, rules, fewest in [("light", None, 20), ("dark", ["color-contrast"], 1)]:
        demo.page.emulate_media(color_scheme=scheme)
        for tab in TABS:
            demo.open(tab)
            run = "rules => axe.run(document, rules ? { runOnly: rules } : {})"
            found = demo.page.evaluate(run, rules)
            assert [summary(one) for one in found["violations"]] == [], (scheme, tab)
            assert len(found["passes"]) >= fewest


def summary(violation: dict[str, Any]) -> str:
    nodes = [node["target"] for node in violation["nodes"]]
    return f"{violation['id']}: {json.dumps(nodes)}"


def test_samples_have_licences() -> None:
    folder = FOLDER / "samples"
    table = (folder / "LICENSES.md").read_text(encoding="utf-8")
    pictures: list[Path] = sorted(folder.glob("*.jpg"))

    assert len(pictures) == 9
    for picture in pictures:
        assert f"| {picture.name} |" in table
        assert picture.stat().st_size < 80_000
