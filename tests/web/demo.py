"""The demo page as the people see it who use it."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SAMPLES = Path(__file__).parents[2] / "service" / "web" / "samples"
CHANGED = "The astronaut, from another photograph of the photograph"
TABS = ("classify", "detect", "segment", "verify", "style")


class Demo:
    """An opened page, what it asked of whom, and what it complained about."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._visited = False
        page.set_default_timeout(60_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._note)

    def visit(self, tab: str = "classify") -> None:
        """Open the page at a tab, and wait until it knows the server's models."""
        self.page.goto(f"{self.url}/#{tab}")
        self.page.get_by_role("tab").first.wait_for()
        self._visited = True

    def open(self, tab: str) -> Any:
        """Choose a tab, or begin at it, and return its panel."""
        if self._visited:
            self.page.get_by_role("tab", name=tab).click()
        else:
            self.visit(tab.lower())
        return self.panel(tab)

    def panel(self, tab: str) -> Any:
        return self.page.locator(f"#{tab.lower()}")

    def pick(self, panel: Any, title: str, *, well: int = 0) -> None:
        """Choose a sample in one of a panel's places for pictures."""
        self._well(panel, well).get_by_role("button", name=f"Sample: {title}", exact=True).click()

    def choose(self, panel: Any, files: Any, *, well: int = 0) -> None:
        """Choose a file, as the dialog of the browser would."""
        self._well(panel, well).locator("input[type=file]").set_input_files(files)

    def status(self, panel: Any) -> Any:
        """Return the line that says the answer."""
        return panel.locator(".status").first

    def told(self, panel: Any, text: str) -> None:
        """Wait until the line says this."""
        self.status(panel).filter(has_text=text).wait_for()

    def rows(self, panel: Any) -> list[str]:
        """Return the first column of the table of results."""
        return [text.strip() for text in panel.locator("tbody th").all_inner_texts()]

    def code(self, panel: Any, language: str = "curl") -> str:
        """Return what “Copy as” shows."""
        panel.get_by_role("radio", name=language, exact=True).check()
        text: str = panel.locator("pre").inner_text()
        return text

    def select(self, panel: Any, label: str, option: str) -> None:
        """Choose from a list."""
        panel.get_by_role("combobox", name=label, exact=True).select_option(option)

    def asked(self, path: str) -> list[str]:
        """Return the addresses of the requests for a path, in order."""
        return [url for url in self.requests if urlsplit(url).path == path]

    def slide(self, panel: Any, label: str, value: float) -> None:
        """Put a slider somewhere, as a hand would."""
        panel.get_by_label(label, exact=True).evaluate(
            "(input, value) => { input.value = value;"
            " input.dispatchEvent(new Event('input', { bubbles: true })); }",
            value,
        )

    def drawing(self, panel: Any) -> str:
        """Return what a canvas shows once it has been drawn, as text to compare."""
        text: str = panel.locator("canvas").first.evaluate(
            """async (canvas) => {
              await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
              return canvas.toDataURL();
            }"""
        )
        return text

    def pixel(self, panel: Any, x: float, y: float) -> tuple[int, int, int]:
        """Return the colour of a canvas, at shares of its width and height."""
        red, green, blue = panel.locator("canvas").first.evaluate(
            """async (canvas, [x, y]) => {
              await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
              const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1];
              const copy = new OffscreenCanvas(1, 1).getContext('2d');
              copy.drawImage(canvas, ...at, 0, 0, 1, 1);
              return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3);
            }""",
            [x, y],
        )
        return red, green, blue

    def _well(self, panel: Any, index: int) -> Any:
        return panel.locator(".well").nth(index)

    def _note(self, message: Any) -> None:
        # A refused request is something that the page says itself, as a sentence.
        expected = re.match(r"Failed to load resource: the server responded with", message.text)
        if message.type in {"error", "warning"} and not expected:
            self.complaints.append(message.text)
