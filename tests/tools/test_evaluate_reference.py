"""The slow way finds what the service is known to find."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.settings import bundled_models
from tools.evaluate.reference import Detection, Reference, letterbox, suppress

UNIT = np.array([0, 0, 10, 10], np.float32)


@pytest.mark.parametrize("name", ["centernet-mobilenetv3", "yolox-nano"])
def test_the_golden_answers(name: str) -> None:
    folder = bundled_models() / name
    if not (folder / "model.onnx").is_file():
        pytest.skip(f"{name} is not installed: chiasm models pull {name}")
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    expected = golden["expected"]["detections"]

    found = Reference(folder).detect(folder / golden["image"])[: len(expected)]

    assert [one.class_id for one in found] == [one["class_id"] for one in expected]
    for one, right in zip(found, expected, strict=True):
        assert one.score == pytest.approx(right["score"], abs=golden["tolerance"]["score"])
        assert one.box.tolist() == pytest.approx(
            [*right["box"].values()], abs=golden["tolerance"]["box"]
        )


@pytest.mark.parametrize(
    ("size", "align", "scale", "corner"),
    [
        ((80, 40), "center", 0.5, (10, 0)),
        ((40, 80), "center", 0.5, (0, 10)),
        ((80, 40), "top-left", 0.5, (0, 0)),
        ((20, 10), "top-left", 2.0, (0, 0)),  # small pictures are enlarged
    ],
)
def test_letterbox(size: tuple[int, int], align: str, scale: float, corner: tuple) -> None:
    spec = {"resize": "letterbox", "size": (40, 40), "align": align, "pad": 7}

    pixels, found_scale, found_corner = letterbox(Image.new("RGB", size, "white"), spec)

    assert (found_scale, found_corner) == (scale, corner)
    white = (pixels == 255).all(axis=2)
    y, x = corner
    assert white.sum() == 20 * 40
    assert white[y : y + 20, x : x + 20].all()
    assert (pixels[~white] == 7).all()


def test_suppress_keeps_the_best_of_each_class_and_place() -> None:
    def found(shift: float, score: float, class_id: int = 0) -> Detection:
        return Detection(UNIT + np.float32(shift), score, class_id)

    candidates = [found(1, 0.5), found(0, 0.9), found(0, 0.4, class_id=1), found(30, 0.3)]

    kept = suppress(candidates, 0.5, 100)

    assert [one.score for one in kept] == [0.9, 0.4, 0.3]
    assert suppress(candidates, 0.5, 2) == kept[:2]


def test_a_head_that_is_not_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(
        'file = "model.onnx"\n[input]\n[config.head]\ndecoder = "yolov3"\n', encoding="utf-8"
    )

    with pytest.raises(KeyError, match="yolov3"):
        Reference(tmp_path)
