import pytest

from tests.web.demo import CHANGED, SAMPLES, Demo

pytestmark = pytest.mark.browser


def test_two_pictures_of_one_person(demo: Demo) -> None:
    panel = demo.open("Verify")
    demo.pick(panel, "An astronaut")
    panel.get_by_text("One face: ").wait_for()
    assert demo.status(panel).inner_text() == "Choose two pictures with a face each."

    demo.pick(panel, CHANGED, well=1)

    panel.get_by_text("The same person").wait_for()
    assert panel.get_by_text("One face: ").count() == 2
    assert "within the threshold of 0.600" in panel.locator(".evidence").inner_text()
    assert "Their distance is 0." in panel.locator(".evidence").inner_text()


def test_the_threshold_tells_its_error_rates_without_asking(demo: Demo) -> None:
    panel = demo.open("Verify")
    demo.pick(panel, "An astronaut")
    demo.pick(panel, CHANGED, well=1)
    panel.get_by_text("The same person").wait_for()
    panel.get_by_role("region", name="Model").get_by_text("Parameters").wait_for()

    demo.slide(panel, "Largest distance of a match", 0.65)

    evidence = panel.locator(".evidence").inner_text()
    assert "threshold of 0.650" in evidence
    # As measured there.
    assert "6.5\N{NBSP}% (at most 15\N{NBSP}%) of pairs of different people" in evidence
    assert "threshold=0.65" in demo.code(panel)
    assert len(demo.asked("/verify")) == 1


def test_a_picture_without_a_face(demo: Demo) -> None:
    panel = demo.open("Verify")
    demo.pick(panel, "An astronaut")
    demo.choose(panel, SAMPLES / "glass.jpg", well=1)

    panel.get_by_role("alert").filter(has_text="no_face").wait_for()
    panel.get_by_text("No faces found").wait_for()


def test_the_mirror_images_have_a_calibration_of_their_own(demo: Demo) -> None:
    panel = demo.open("Verify")
    demo.pick(panel, "An astronaut")
    demo.pick(panel, CHANGED, well=1)
    panel.get_by_text("The same person").wait_for()

    with demo.page.expect_response(lambda response: "accuracy=high" in response.url):
        panel.get_by_role("switch").check()

    panel.get_by_text("within the threshold of 0.591").wait_for()
