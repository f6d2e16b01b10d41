import pytest

from tests.web.demo import Demo

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
