import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.demo import SAMPLES, Demo

pytestmark = pytest.mark.browser


def test_a_sample_is_named_at_a_click(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")

    panel.get_by_text("Egyptian cat", exact=True).wait_for()
    assert demo.status(panel).inner_text().startswith("Egyptian cat, ")
    assert len(demo.rows(panel)) == 5
    assert "Egyptian cat" in panel.locator("canvas").get_attribute("aria-label")


def test_sliders_do_not_ask_again(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()

    demo.slide(panel, "Classes shown", 12)
    assert len(demo.rows(panel)) == 12
    demo.slide(panel, "Least score", 0.1)
    some = demo.rows(panel)
    demo.slide(panel, "Least score", 0.95)

    assert 0 < len(some) < 12
    assert demo.rows(panel) == []
    assert demo.status(panel).inner_text() == "No class scores that high."
    assert len(demo.asked("/classify")) == 1


def test_what_needs_the_network_asks_again(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()

    with demo.page.expect_response(lambda response: "crops=10" in response.url):
        demo.select(panel, "Looks at", "10")
    with demo.page.expect_response(lambda response: "model=lenet5-digits" in response.url):
        demo.select(panel, "Model", "lenet5-digits")
    panel.get_by_role("heading", name="lenet5-digits").wait_for()


def test_the_time_and_the_model_are_told(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")

    time = panel.get_by_role("region", name="Time")
    time.get_by_text("Network", exact=True).wait_for()
    stages = time.locator("dt").all_inner_texts()
    assert stages == ["Decode", "Preprocess", "Queue", "Network", "Postprocess", "Transfer"]
    model = panel.get_by_role("region", name="Model")
    model.get_by_text("224 × 224 pixels").wait_for()  # noqa: RUF001
    assert "Apache-2.0" in model.inner_text()
    assert "CPU" in model.inner_text()


@pytest.mark.parametrize("name", ["cat.jpg", 'it\'s "my" cat; $HOME, 1.jpg'])
def test_the_copied_requests_give_what_is_shown(demo: Demo, tmp_path: Path, name: str) -> None:
    picture = (SAMPLES / "cat.jpg").read_bytes()
    (tmp_path / name).write_bytes(picture)
    panel = demo.open("Classify")
    demo.choose(panel, {"name": name, "mimeType": "image/jpeg", "buffer": picture})
    panel.locator("tbody").wait_for()
    demo.slide(panel, "Classes shown", 3)
    demo.slide(panel, "Least score", 0.01)

    shell = run(["bash", "-c", demo.code(panel, "curl").replace("curl", "curl -sS", 1)], tmp_path)
    script = run([sys.executable, "-c", demo.code(panel, "Python")], tmp_path)

    found = json.loads(shell)["predictions"]
    assert [one["label"] for one in found] == demo.rows(panel)
    assert repr(found[0]["label"]) in script


def run(command: list[str], folder: Path) -> str:
    """Return what a command prints, run where the pictures are."""
    environment = os.environ | {"NO_PROXY": "*", "no_proxy": "*"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_copied_script_runs_in_a_browser(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()
    code = demo.code(panel, "fetch")
    picker = "document.querySelector('input[type=file]').files[0]"
    assert picker in code
    code = code.replace(picker, "await (await fetch('web/samples/cat.jpg')).blob()")

    answer = demo.page.evaluate(f"(async () => {{ {code}\nreturn answer; }})()")

    assert [one["label"] for one in answer["predictions"]] == demo.rows(panel)


def test_copying_copies_what_is_shown(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()
    shown = demo.code(panel, "Python")
    demo.page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")

    panel.get_by_role("button", name="Copy").click()

    panel.get_by_text("Copied").wait_for()
    assert demo.page.evaluate("window.copied") == shown
