"""What “Copy as” copies, run as it stands in its own language, answers what the page shows."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from tests import documents
from tests.servers import Server
from tests.web.conftest import KEY
from tests.web.demo import CHANGED, SAMPLES, Demo

pytestmark = pytest.mark.browser

# What a browser has and Node has not, the pictures that were chosen; and what a reader fills in.
CHOSEN = """
import {{ readFileSync }} from 'node:fs';
const {{ CHIASM_API_KEY }} = process.env;
const chosen = {chosen};
const document = {{
  querySelector: (wanted) => ({{ files: [new Blob([readFileSync(chosen[wanted])])] }}),
}};
"""
ANSWERED = "\nconsole.log(JSON.stringify(answer));"
PAINTED = """
import {{ writeFileSync }} from 'node:fs';
{code}
writeFileSync('painted.png', Buffer.from(await painted.arrayBuffer()));
"""


def classify(demo: Demo) -> Callable[[Any], bool]:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()
    demo.slide(panel, "Classes shown", 7)
    demo.slide(panel, "Least score", 0.02)
    return lambda answer: [one["label"] for one in answer["predictions"]] == demo.rows(panel)


def detect(demo: Demo) -> Callable[[Any], bool]:
    panel = demo.open("Detect")
    demo.pick(panel, "A cup of coffee")
    panel.locator("tbody").get_by_text("cup").wait_for()
    panel.get_by_role("region", name="Model").get_by_text("Parameters").wait_for()
    demo.slide(panel, "Least score", 0.06)
    panel.get_by_role("group", name="Classes").get_by_role("button", name="cup").click()
    return lambda answer: [one["label"] for one in answer["detections"]] == demo.rows(panel)


def segment(demo: Demo) -> Callable[[Any], bool]:
    panel = demo.open("Segment")
    demo.pick(panel, "Nuclei of cells")
    demo.told(panel, " × nucleus ")  # noqa: RUF001
    demo.slide(panel, "Least score of a thing", 0)  # the only setting that no request has
    count = int(demo.status(panel).inner_text().split()[0])
    return lambda answer: sum(one["class_id"] == 1 for one in answer["instances"]) == count


def segment_map(demo: Demo) -> Callable[[Any], bool]:
    panel = demo.open("Segment")
    demo.select(panel, "Model", "edges")
    demo.pick(panel, "A cup of coffee")
    demo.told(panel, "The map sobel")
    demo.select(panel, "Filter", "laplacian")
    demo.told(panel, "The map laplacian")
    return lambda answer: answer["map"]["filter"] == "laplacian"


def verify(demo: Demo) -> Callable[[Any], bool]:
    panel = demo.open("Verify")
    demo.pick(panel, "An astronaut")
    demo.pick(panel, CHANGED, well=1)
    panel.get_by_text("The same person").wait_for()
    panel.get_by_role("region", name="Model").get_by_text("Parameters").wait_for()
    demo.slide(panel, "Largest distance of a match", 0.55)
    told = panel.locator(".evidence").inner_text()
    return lambda answer: (
        answer["threshold"] == 0.55 and f"distance is {answer['distance']:.3f}" in told
    )


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder with the pictures, in which commands are run."""
    for picture in SAMPLES.glob("*.jpg"):
        shutil.copy(picture, tmp_path)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    """Return what a command prints, run where the pictures are."""
    environment = os.environ | {"NO_PROXY": "*", "no_proxy": "*"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def in_shell(demo: Demo, panel: Any, folder: Path) -> Any:
    return json.loads(run(["bash", "-c", f"set -e\n{demo.code(panel, 'curl')} -sS"], folder))


def in_node(demo: Demo, panel: Any, folder: Path, names: list[str]) -> Any:
    parts = ["input[type=file]"] if len(names) == 1 else ["#image1", "#image2"]
    prelude = CHOSEN.format(chosen=json.dumps(dict(zip(parts, names, strict=True))))
    (folder / "copied.mjs").write_text(prelude + demo.code(panel, "fetch") + ANSWERED)
    return json.loads(run([documents.node(), "copied.mjs"], folder))


def in_python(demo: Demo, panel: Any, folder: Path) -> Any:
    return ast.literal_eval(run([sys.executable, "-c", demo.code(panel, "Python")], folder))


@pytest.mark.parametrize(
    ("show", "names"),
    [
        (classify, ["cat.jpg"]),
        (detect, ["coffee.jpg"]),
        (segment, ["nuclei.jpg"]),
        (segment_map, ["coffee.jpg"]),
        (verify, ["astronaut.jpg", "astronaut-changed.jpg"]),
    ],
)
def test_each_language_answers_what_is_shown(
    demo: Demo, desk: Path, show: Callable[[Demo], Callable[[Any], bool]], names: list[str]
) -> None:
    is_shown = show(demo)
    panel = demo.panel(show.__name__.partition("_")[0])

    shell = in_shell(demo, panel, desk)

    assert is_shown(shell), shell
    assert in_node(demo, panel, desk, names) == shell
    assert in_python(demo, panel, desk) == shell


@pytest.mark.parametrize("name", ['it\'s "my" cat; $HOME, 1.jpg', "--help.jpg", "猫 café.jpg"])
def test_any_name_of_a_file_will_do(demo: Demo, tmp_path: Path, name: str) -> None:
    picture = (SAMPLES / "cat.jpg").read_bytes()
    (tmp_path / name).write_bytes(picture)
    panel = demo.open("Classify")
    demo.choose(panel, {"name": name, "mimeType": "image/jpeg", "buffer": picture})
    panel.locator("tbody").wait_for()

    for answer in (in_shell(demo, panel, tmp_path), in_python(demo, panel, tmp_path)):
        assert [one["label"] for one in answer["predictions"]] == demo.rows(panel)


def test_in_a_browser_it_runs_too(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()
    code = demo.code(panel, "fetch")
    picker = "document.querySelector('input[type=file]').files[0]"
    assert picker in code
    code = code.replace(picker, "await (await fetch('web/samples/cat.jpg')).blob()")

    answer = demo.page.evaluate(f"(async () => {{ {code}\nreturn answer; }})()")

    assert [one["label"] for one in answer["predictions"]] == demo.rows(panel)


@pytest.mark.parametrize("source", ["Painted styles", "A picture"])
def test_each_language_paints_what_is_painted(demo: Demo, desk: Path, source: str) -> None:
    panel = demo.open("Style")
    with Image.open(SAMPLES / "cat.jpg") as cat:
        cat.resize((120, 80)).save(desk / "small.png")
    demo.choose(panel, desk / "small.png")
    panel.get_by_role("radio", name=source).check()
    if source == "A picture":
        demo.pick(panel, "A painted night", well=1)
    panel.get_by_role("button", name="Paint", exact=True).click()
    panel.get_by_text("Painted. Slide the line to compare.").wait_for()
    with demo.page.expect_download() as download:
        panel.get_by_role("link", name="Download").click()
    shown = Image.open(download.value.path())
    chosen = {"input[type=file]": "small.png", "#content": "small.png", "#style": "night.jpg"}
    prelude = CHOSEN.format(chosen=json.dumps(chosen))
    module = prelude + PAINTED.format(code=demo.code(panel, "fetch"))
    (desk / "copied.mjs").write_text(module)

    for command in (
        ["bash", "-c", f"set -e\n{demo.code(panel, 'curl')}"],
        [documents.node(), "copied.mjs"],
        [sys.executable, "-c", demo.code(panel, "Python")],
    ):
        run(command, desk)
        with Image.open(desk / "painted.png") as painted:
            assert ImageChops.difference(painted.convert("RGB"), shown).getbbox() is None
        (desk / "painted.png").unlink()


def test_the_key_is_left_to_the_reader(
    context: Any, guarded_server: Server, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = Demo(context.new_page(), guarded_server.url)
    context.add_init_script(f"sessionStorage.setItem('chiasm-api-key', '{KEY}')")
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()
    for language in ("curl", "fetch", "Python"):
        assert KEY not in demo.code(panel, language)
    monkeypatch.setenv("CHIASM_API_KEY", KEY)

    shell = in_shell(demo, panel, desk)

    assert [one["label"] for one in shell["predictions"]] == demo.rows(panel)
    assert in_node(demo, panel, desk, ["cat.jpg"]) == shell
    assert in_python(demo, panel, desk) == shell


def test_copying_copies_what_is_shown(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.pick(panel, "A cat")
    panel.locator("tbody").wait_for()
    shown = demo.code(panel, "Python")
    demo.page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")

    panel.get_by_role("button", name="Copy").click()

    panel.get_by_text("Copied").wait_for()
    assert demo.page.evaluate("window.copied") == shown
