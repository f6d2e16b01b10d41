"""Encodings: which pixels are encoded, and what is said of them."""

from typing import Any

import numpy as np
import pytest

from service.arrays import F32
from service.errors import InvalidOption
from service.imaging.picture import Picture
from service.imaging.warp import Similarity
from service.tasks.base import Network, TensorInfo
from service.tasks.faces.embed import Accuracy, Encodings, FaceEmbed, FaceEmbedConfig
from service.tasks.faces.embed import FaceEmbedOptions as Options
from service.tasks.faces.geometry import ANCHORED, chip_points
from service.tasks.faces.quality import Flaw, Quality, QualityLimits, disagreement
from service.tasks.inputs import InputSpec
from tests.tasks.faces.test_calibration import calibration, curve

SIDE = 16
SIZE = (60, 90)


def task(**keys: Any) -> FaceEmbed:
    network = Network(
        name="encoder",
        input=InputSpec(size=(SIDE, SIDE), layout="NHWC"),
        inputs=(TensorInfo("image", (None, SIDE, SIDE, 3), "uint8"),),
        outputs=(TensorInfo("vector", (None, 2), "float32"),),
    )
    return FaceEmbed(network, FaceEmbedConfig(**keys))


def face(x: float, y: float, extent: float) -> tuple[tuple[float, float], ...]:
    """Return landmarks whose chip is the square of this centre and side."""
    back = Similarity.onto_square((x, y), extent, side=SIDE).inverse()
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[ANCHORED] = back.points(chip_points(SIDE, 0.25))
    return tuple((float(x), float(y)) for x, y in landmarks)


def halves() -> Picture:
    """A picture that is black on the left and white on the right of x = 45."""
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[:, 45:] = 255
    return Picture.from_pixels(pixels)


def network(pixels: F32) -> F32:
    """Encode a chip as the brightness of its left and its right half."""
    return np.stack(
        [pixels[:, :, : SIDE // 2].mean((1, 2, 3)), pixels[:, :, SIDE // 2 :].mean((1, 2, 3))], 1
    )


def encoded(*faces: Any, accuracy: Accuracy = Accuracy.STANDARD) -> Encodings:
    one, options = task(), Options(faces=faces, accuracy=accuracy)
    one.check_options(options)
    prepared = one.preprocess(halves(), options)
    return one.postprocess({"vector": network(prepared.tensors["image"])}, prepared, options)


def test_the_chip_is_the_aligned_face() -> None:
    found = encoded(face(45, 30, 20), face(20, 30, 20), face(70, 30, 20))
    assert found.vectors == pytest.approx(np.array([[0, 255], [0, 0], [255, 255]]), abs=6)
    assert [quality.side for quality in found.qualities] == pytest.approx([20, 20, 20], rel=1e-4)


def test_high_accuracy_averages_the_mirror_image() -> None:
    high = encoded(face(45, 30, 20), face(20, 30, 20), accuracy=Accuracy.HIGH)
    assert high.vectors == pytest.approx(np.array([[127.5, 127.5], [0, 0]]), abs=6)


def test_high_accuracy_takes_two_rows_a_face() -> None:
    options = Options(faces=(face(45, 30, 20), face(20, 30, 20)), accuracy=Accuracy.HIGH)
    pixels = task().preprocess(halves(), options).tensors["image"]
    assert pixels.shape == (4, SIDE, SIDE, 3)
    assert (pixels[1::2] == pixels[::2, :, ::-1]).all()


def test_what_an_encoding_is_made_of_is_said() -> None:
    [cut, whole] = encoded(face(0, 30, 20), face(45, 30, 40)).qualities
    assert (cut.outside, cut.side) == pytest.approx((0.5, 20), abs=0.02)
    assert (whole.outside, whole.side) == pytest.approx((0, 40), abs=0.02)
    assert whole.sharpness > cut.sharpness == 0


def test_without_landmarks_the_picture_is_a_chip() -> None:
    found = encoded()
    assert found.vectors.shape == (1, 2)
    assert found.text() == "2 values, from 90 pixels"
    assert len(found.answer()["encodings"]) == 1  # type: ignore[arg-type]


def test_faces_need_all_their_landmarks() -> None:
    with pytest.raises(InvalidOption, match="68 landmarks"):
        encoded(face(45, 30, 20)[:5])


def test_what_is_calibrated() -> None:
    known = calibration()
    assert task(calibration=known).calibration(Accuracy.STANDARD) == (known, known.standard)
    both = calibration(high=curve(default_threshold=0.55))
    assert task(calibration=both).calibration(Accuracy.HIGH) == (both, both.high)


def test_what_is_not_calibrated_is_refused() -> None:
    with pytest.raises(InvalidOption) as caught:
        task().calibration(Accuracy.STANDARD)
    assert caught.value.members == {"option": "model"}
    with pytest.raises(InvalidOption) as caught:
        task(calibration=calibration()).calibration(Accuracy.HIGH)
    assert caught.value.members == {"option": "accuracy"}


# Quality

LIMITS = QualityLimits(min_side=30, min_sharpness=0.01, max_outside=0.3, max_disagreement=0.1)


@pytest.mark.parametrize(
    ("changes", "flaws"),
    [
        pytest.param({}, (), id="exactly at every limit"),
        pytest.param({"side": 29.9}, (Flaw.TOO_SMALL,), id="small"),
        pytest.param({"sharpness": 0.0099}, (Flaw.BLURRED,), id="blurred"),
        pytest.param({"side": 10, "sharpness": 0}, (Flaw.TOO_SMALL,), id="small, so blurred"),
        pytest.param({"outside": 0.31}, (Flaw.CUT_OFF,), id="cut off"),
        pytest.param({"disagreement": 0.11}, (Flaw.UNCLEAR,), id="unclear"),
        pytest.param(
            {"side": 1, "outside": 1, "disagreement": 1},
            (Flaw.TOO_SMALL, Flaw.CUT_OFF, Flaw.UNCLEAR),
            id="nearly everything",
        ),
    ],
)
def test_flaws(changes: dict[str, float], flaws: tuple[Flaw, ...]) -> None:
    values = {"side": 30, "sharpness": 0.01, "outside": 0.3, "disagreement": 0.1, **changes}
    assert Quality(**values).flaws(LIMITS) == flaws


def test_without_limits_nothing_is_a_flaw() -> None:
    worst = Quality(side=0, sharpness=0, outside=1, disagreement=1)
    assert worst.flaws(QualityLimits()) == ()


def test_disagreement_is_in_sides_of_the_box() -> None:
    def at(x: float, y: float) -> F32:
        return np.array([x, y], np.float32)

    box = np.array([0, 0, 10, 20], np.float32)
    one = {"nose": at(5, 5), "left_eye": at(7, 3), "mouth": at(0, 0)}
    other = {"nose": at(8, 9), "left_eye": at(7, 3), "chin": at(9, 9)}
    assert disagreement(one, other, box) == pytest.approx((5 + 0) / 2 / 20)
    assert disagreement(one, {}, box) == 0
