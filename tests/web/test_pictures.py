"""The ways for a picture to get into the page."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.web.demo import SAMPLES, Demo

pytestmark = pytest.mark.browser

# A file as a drop or a paste brings it.
BRING = """async (target, [kind, name]) => {
  const blob = await (await fetch(`web/samples/${name}`)).blob();
  const transfer = new DataTransfer();
  transfer.items.add(new File([blob], name, { type: 'image/jpeg' }));
  const given = { bubbles: true, cancelable: true };
  const event = kind === 'paste'
    ? new ClipboardEvent('paste', { ...given, clipboardData: transfer })
    : new DragEvent('drop', { ...given, dataTransfer: transfer });
  return target.dispatchEvent(event);
}"""


def test_a_file_is_chosen(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.choose(panel, SAMPLES / "cat.jpg")

    panel.get_by_text("Egyptian cat", exact=True).wait_for()


def test_the_button_opens_the_dialog(demo: Demo) -> None:
    panel = demo.open("Classify")
    with demo.page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Picture: choose a file").click()
    chooser.value.set_files(SAMPLES / "coffee.jpg")

    panel.get_by_text("espresso", exact=True).wait_for()


@pytest.mark.parametrize("place", [".frame", "footer"])  # beside the place for it, too
def test_a_file_is_dropped(demo: Demo, place: str) -> None:
    panel = demo.open("Classify")

    unhandled = demo.page.locator(place).first.evaluate(BRING, ["drop", "cat.jpg"])

    assert not unhandled  # the browser would have left the page for the picture
    panel.get_by_text("Egyptian cat", exact=True).wait_for()


def test_a_picture_is_pasted(demo: Demo) -> None:
    panel = demo.open("Classify")
    demo.page.locator("body").evaluate(BRING, ["paste", "cat.jpg"])

    panel.get_by_text("Egyptian cat", exact=True).wait_for()


def test_pasted_pictures_fill_the_pair(demo: Demo) -> None:
    panel = demo.open("Verify")
    demo.page.locator("body").evaluate(BRING, ["paste", "astronaut.jpg"])
    panel.get_by_text("One face: ").wait_for()
    demo.page.locator("body").evaluate(BRING, ["paste", "astronaut-changed.jpg"])

    panel.get_by_text("The same person").wait_for()


def test_the_camera_takes_one(demo: Demo) -> None:
    panel = demo.open("Classify")
    panel.get_by_role("button", name="Picture: use the camera").click()
    demo.page.locator("video").evaluate(
        "video => video.videoWidth || new Promise((done) => { video.onresize = done; })"
    )
    demo.page.get_by_role("button", name="Take the picture").click()

    panel.locator("tbody").wait_for()
    assert "@camera.jpg" in demo.code(panel)
    expect(demo.page.locator("video")).to_have_count(0)


def test_a_camera_that_is_not_wanted_after_all(demo: Demo) -> None:
    panel = demo.open("Classify")
    panel.get_by_role("button", name="Picture: use the camera").click()
    demo.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    expect(demo.page.locator("video")).to_have_count(0)
    assert demo.asked("/classify") == []


def test_a_large_photograph_is_sent_whole(demo: Demo, tmp_path: Path) -> None:
    with Image.open(SAMPLES / "cat.jpg") as cat:
        cat.resize((3000, 1995)).save(tmp_path / "large.jpg")
    panel = demo.open("Classify")

    with demo.page.expect_request_finished(lambda it: "/classify" in it.url) as asked:
        demo.choose(panel, tmp_path / "large.jpg")

    panel.get_by_text("Egyptian cat", exact=True).wait_for()
    size = (tmp_path / "large.jpg").stat().st_size
    assert asked.value.all_headers()["content-length"] == str(size)
