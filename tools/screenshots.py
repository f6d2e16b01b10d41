"""Write the pictures of the demo page: `python -m tools.screenshots`.

Every tab with a result, on a desk and in a hand, light and dark, from a real server and a real
Chromium; needs `requirements/dev.txt`, Debian's `chromium`, and the networks that are pulled.
"""

import argparse
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tools.served import ROOT, Served

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 880}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 1.5,
        "is_mobile": True,
        "has_touch": True,
    },
}
THEMES = ("light", "dark")
QUALITY = 80  # of WebP: text is crisp, and a picture has a third of what a PNG takes
PATIENCE_MS = 900_000  # for a painting in many steps on a busy machine
SETTLED_MS = 400


def classify(page: Page) -> None:
    """Name the cat."""
    _pick(page, "#classify", "A cat")
    page.wait_for_selector("#classify .timing-bar")


def detect(page: Page) -> None:
    """Find the cup and what is around it."""
    _pick(page, "#detect", "A cup of coffee")
    page.wait_for_selector("#detect .timing-bar")


def segment(page: Page) -> None:
    """Tell nuclei apart if the network for them is there, else a person from the background."""
    expert = page.locator("#segment option[value=unet-nuclei]").count() > 0
    _pick(page, "#segment", "Nuclei of cells" if expert else "An astronaut")
    page.wait_for_selector("#segment .timing-bar")


def verify(page: Page) -> None:
    """Compare the astronaut with herself."""
    _pick(page, "#verify .slot:nth-child(1)", "An astronaut")
    _pick(
        page,
        "#verify .slot:nth-child(2)",
        "The astronaut, from another photograph of the photograph",
    )
    page.wait_for_selector("#verify .evidence")
    page.wait_for_function("document.querySelectorAll('#verify .told:not(:empty)').length === 2")


def style(page: Page) -> None:
    """Paint the rocket step by step if the network for that is there, else at once."""
    _pick(page, "#style .area-stage", "A rocket")
    installed = page.request.get("models").json()["models"]
    if any(model["task"] == "style-optimize" for model in installed):
        page.get_by_role("radio", name="Optimise").check()
        _pick(page, "#style .area-side", "A painted night")
        _slide(page, "#style", "Steps", 60)
        _slide(page, "#style", "Longer side", 256)
    else:
        page.get_by_role("radio", name="Style 19").check()
    page.get_by_role("button", name="Paint", exact=True).click()
    page.wait_for_selector("#style .compare")


TABS: dict[str, Callable[[Page], None]] = {
    "classify": classify,
    "detect": detect,
    "segment": segment,
    "verify": verify,
    "style": style,
}


def _pick(page: Page, place: str, title: str) -> None:
    page.locator(place).get_by_role("button", name=f"Sample: {title}", exact=True).first.click()


def _slide(page: Page, place: str, label: str, value: int) -> None:
    slide = "(it, value) => { it.value = value; it.dispatchEvent(new Event('input')); }"
    page.locator(place).get_by_label(label, exact=True).evaluate(slide, value)


@contextmanager
def opened(url: str) -> Iterator[Callable[..., Page]]:
    """Yield what opens the page on one of the screens."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)

        def show(screen: str, tab: str) -> Page:
            page = browser.new_context(base_url=url, **SCREENS[screen]).new_page()
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"/#{tab}")
            page.wait_for_selector("[role=tab]")
            return page

        yield show
        browser.close()


def shoot(page: Page, path: Path) -> None:
    """Write what is seen."""
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLED_MS)
    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    seen.save(path, quality=QUALITY, method=6)
    print(f"{path.name:32}{path.stat().st_size:>8} bytes")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a picture for every tab, screen and theme."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tabs", nargs="*", choices=[*TABS, []], help="only these")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        Served({"CHIASM_DATA_DIR": data, "CHIASM_MAX_WAIT_MS": "60000"}) as server,
        opened(server.url) as show,
    ):
        for tab in options.tabs or TABS:
            for screen in SCREENS:
                page = show(screen, tab)
                TABS[tab](page)
                for theme in THEMES:
                    page.emulate_media(color_scheme=theme)
                    shoot(page, options.out / f"{tab}-{screen}-{theme}.webp")
                page.context.close()


if __name__ == "__main__":
    main()
