import pytest

from tests.web.demo import Demo

pytestmark = pytest.mark.browser


def test_things_are_found_and_drawn(demo: Demo) -> None:
    panel = demo.open("Detect")
    demo.pick(panel, "A cup of coffee")

    panel.locator("tbody").get_by_text("cup").wait_for()
    assert demo.status(panel).inner_text().startswith("Found: cup")
    assert "Found: cup" in panel.locator("canvas").get_attribute("aria-label")


def test_the_threshold_redraws_without_asking(demo: Demo) -> None:
    panel = demo.open("Detect")
    demo.pick(panel, "A cup of coffee")
    panel.locator("tbody").wait_for()
    panel.get_by_role("region", name="Model").get_by_text("Parameters").wait_for()
    drawn = demo.drawing(panel)

    demo.slide(panel, "Least score", 0.95)

    assert demo.drawing(panel) != drawn
    assert demo.rows(panel) == []
    assert demo.status(panel).inner_text() == "Found nothing that scores this high."
    demo.slide(panel, "Least score", 0.05)
    assert len(demo.rows(panel)) >= 2
    assert len(demo.asked("/detect")) == 1
    assert "score_threshold=0.05" in demo.code(panel)


def test_a_class_can_be_hidden(demo: Demo) -> None:
    panel = demo.open("Detect")
    demo.pick(panel, "A cup of coffee")
    panel.locator("tbody").get_by_text("cup").wait_for()
    demo.slide(panel, "Least score", 0.05)
    everything = demo.rows(panel)
    chip = panel.get_by_role("group", name="Classes").get_by_role("button", name="cup")

    chip.click()

    assert "cup" in everything
    assert "cup" not in demo.rows(panel) != []
    assert chip.get_attribute("aria-pressed") == "false"
    assert chip.evaluate("chip => chip === document.activeElement")
    assert "classes=" in demo.code(panel)
    assert "cup" not in demo.code(panel).partition("classes=")[2]
    chip.click()
    assert demo.rows(panel) == everything


def test_a_thing_that_is_pointed_at_stands_out(demo: Demo) -> None:
    panel = demo.open("Detect")
    demo.pick(panel, "A cup of coffee")
    panel.locator("tbody").get_by_text("cup").wait_for()
    demo.slide(panel, "Least score", 0.05)
    before = demo.drawing(panel)

    panel.locator("tbody tr").first.hover()
    assert demo.drawing(panel) != before
    panel.locator("h3").hover()
    assert demo.drawing(panel) == before


def test_a_picture_goes_with_the_tabs(demo: Demo) -> None:
    classify = demo.open("Classify")
    demo.pick(classify, "A cup of coffee")
    classify.locator("tbody").wait_for()

    detect = demo.open("Detect")
    detect.locator("tbody").get_by_text("cup").wait_for()
    demo.open("Classify")
    demo.open("Detect")

    assert len(demo.asked("/classify")) == len(demo.asked("/detect")) == 1
