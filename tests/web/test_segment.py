import io

import numpy as np
import pytest
from PIL import Image

from tests.planted_masks import BACKGROUND, BORDER, NAME, THING
from tests.serving import MODELS
from tests.web.demo import Demo

pytestmark = pytest.mark.browser


def painting() -> bytes:
    """Return a PNG, 60 x 40, of two things that touch at a border and one by itself."""
    pixels = np.full((40, 60, 3), BACKGROUND, np.uint8)
    pixels[8:20, 5:15] = pixels[8:20, 17:27] = THING
    pixels[8:20, 15:17] = BORDER
    pixels[26:36, 40:52] = THING
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def show_painting(demo: Demo) -> None:
    panel = demo.open("Segment")
    demo.select(panel, "Model", NAME)
    file = {"name": "painting.png", "mimeType": "image/png", "buffer": painting()}
    demo.choose(panel, file)
    panel.locator("tbody").get_by_text("thing").wait_for()


def test_masks_are_laid_over_the_picture(demo: Demo) -> None:
    show_painting(demo)
    panel = demo.panel("Segment")

    assert demo.status(panel).inner_text().startswith("3 × thing ")  # noqa: RUF001
    one, other, lone = (demo.pixel(panel, x / 60, y / 40) for x, y in [(9, 14), (22, 14), (46, 31)])
    assert len({one, other, lone, THING}) == 4
    assert demo.pixel(panel, 30 / 60, 3 / 40) == BACKGROUND


def test_sliders_lay_them_anew_without_asking(demo: Demo) -> None:
    show_painting(demo)
    panel = demo.panel("Segment")

    demo.slide(panel, "Opacity", 0)
    assert demo.pixel(panel, 46 / 60, 31 / 40) == THING
    demo.slide(panel, "Opacity", 1)
    full = demo.pixel(panel, 46 / 60, 31 / 40)
    demo.select(panel, "Colours tell apart", "classes")
    one, other = (demo.pixel(panel, x / 60, 14 / 40) for x in (9, 22))

    assert full != THING
    assert one == other
    assert len(demo.asked("/segment")) == 1


def test_things_below_the_least_score_are_not_shown(demo: Demo) -> None:
    show_painting(demo)
    panel = demo.panel("Segment")
    demo.slide(panel, "Opacity", 1)
    shown = demo.pixel(panel, 46 / 60, 31 / 40)
    scores = [
        thing["score"]
        for thing in demo.page.request.post(
            f"{demo.url}/segment",
            params={"model": NAME, "instances": "true"},
            data=painting(),
        ).json()["instances"]
    ]

    demo.slide(panel, "Least score of a thing", 0.99)

    strong = sum(score >= 0.99 for score in scores)
    told = demo.status(panel).inner_text()
    assert told.startswith(f"{strong} × thing" if strong else "thing ")  # noqa: RUF001
    if scores[2] < 0.99:
        assert demo.pixel(panel, 46 / 60, 31 / 40) != shown


def test_filters_answer_with_a_map(demo: Demo) -> None:
    panel = demo.open("Segment")
    demo.select(panel, "Model", "edges")
    demo.pick(panel, "A cup of coffee")
    panel.get_by_text("The map sobel").wait_for()

    demo.select(panel, "Filter", "laplacian")

    panel.get_by_text("The map laplacian").wait_for()
    red, green, blue = demo.pixel(panel, 0.3, 0.3)
    assert red == green == blue
    assert "filter=laplacian" in demo.code(panel)


@pytest.mark.skipif(not (MODELS / "unet-nuclei" / "model.onnx").exists(), reason="not trained yet")
def test_nuclei_are_shown_to_the_network_that_knows_them(demo: Demo) -> None:
    panel = demo.open("Segment")
    demo.pick(panel, "Nuclei of cells")

    panel.get_by_text(" × nucleus ").wait_for()  # noqa: RUF001
    count = int(demo.status(panel).inner_text().split()[0])
    assert count > 50
