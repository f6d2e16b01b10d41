import io

import pytest
from PIL import Image

from tests.servers import Server
from tests.serving import MODELS
from tests.web.demo import SAMPLES, Demo

pytestmark = pytest.mark.browser


def needs(*networks: str) -> pytest.MarkDecorator:
    missing = [name for name in networks if not (MODELS / name / "model.onnx").exists()]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)}: not installed")


PRESETS = needs("multistyle26")
PICTURES = needs("magenta-style-predict", "magenta-style-transform")
OPTIMIZE = needs("gatys-vgg16")


def small(name: str, side: int = 160) -> dict[str, object]:
    """Return a sample as a small file, so that painting it takes no time to speak of."""
    picture = Image.open(SAMPLES / f"{name}.jpg")
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return {"name": f"{name}.png", "mimeType": "image/png", "buffer": file.getvalue()}


@PRESETS
def test_a_picture_is_painted_in_a_preset_and_compared(demo: Demo) -> None:
    panel = demo.open("Style")
    demo.choose(panel, small("coffee"))
    panel.get_by_role("radio", name="Style 17").check()
    before = demo.pixel(panel, 0.2, 0.2), demo.pixel(panel, 0.8, 0.8)

    panel.get_by_role("button", name="Paint", exact=True).click()

    panel.get_by_text("Painted. Slide the line to compare.").wait_for()
    assert demo.pixel(panel, 0.2, 0.2) == before[0]
    assert demo.pixel(panel, 0.8, 0.8) != before[1]
    demo.slide(panel, "How much of the original is shown", 0)
    assert demo.pixel(panel, 0.2, 0.2) != before[0]
    assert panel.get_by_role("region", name="Time").get_by_text("Paint", exact=True).is_visible()
    with demo.page.expect_download() as download:
        panel.get_by_role("link", name="Download").click()
    with Image.open(download.value.path()) as painted:
        assert painted.size == (160, 107)


@PICTURES
def test_a_style_can_come_from_a_picture(demo: Demo) -> None:
    panel = demo.open("Style")
    demo.choose(panel, small("cat"))
    panel.get_by_role("radio", name="A picture").check()
    paint = panel.get_by_role("button", name="Paint", exact=True)
    assert paint.is_disabled()

    demo.pick(panel, "A painted night", well=1)
    demo.slide(panel, "Strength", 0.7)
    paint.click()

    panel.get_by_text("Painted. Slide the line to compare.").wait_for()
    assert "strength=0.7" in demo.asked("/style")[0]


@OPTIMIZE
def test_the_cost_falls_while_people_watch(demo: Demo) -> None:
    panel = demo.open("Style")
    demo.choose(panel, small("cat"))
    panel.get_by_role("radio", name="Optimise").check()
    demo.pick(panel, "A glass window", well=1)
    demo.slide(panel, "Longer side", 128)
    demo.slide(panel, "Steps", 10)

    panel.get_by_role("button", name="Paint", exact=True).click()

    panel.get_by_text("Painted. Slide the line to compare.").wait_for()
    told = panel.locator("figure").inner_text()
    assert "% less after" in told
    assert len(panel.locator("polyline").get_attribute("points").split()) >= 10


@PRESETS
def test_a_painting_can_be_canceled(demo: Demo, demo_server: Server) -> None:
    demo_server.press_brake()
    panel = demo.open("Style")
    demo.choose(panel, small("rocket"))
    panel.get_by_role("button", name="Paint", exact=True).click()
    panel.get_by_text("Painting").wait_for()

    panel.get_by_role("button", name="Cancel").click()

    panel.get_by_text("Canceled.").wait_for()
    demo_server.release_brake()
    newest = demo_server.client.get("/style", params={"limit": 1}).json()["jobs"][0]
    assert newest["status"] == "canceled"
    assert panel.get_by_role("button", name="Paint", exact=True).is_enabled()
