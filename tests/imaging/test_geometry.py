"""Fitting pictures into networks, and finding the way back to their own pixels."""

import numpy as np
import pytest
from PIL import Image

from service.arrays import F32, U8
from service.imaging.decode import DecodeLimits, decode
from service.imaging.geometry import (
    Align,
    Interpolation,
    Resize,
    ResizeRule,
    ToSource,
)
from service.imaging.picture import Picture, Size
from tests.imaging.pictures import corners, ramp
from tests.pictures import encoded

CROP = Resize(rule=ResizeRule.CROP, size=(64, 64), short_side=80)
LETTERBOX = Resize(rule=ResizeRule.LETTERBOX, size=(48, 64), pad=114)
TOP_LEFT = Resize(rule=ResizeRule.LETTERBOX, size=(48, 64), pad=114, align=Align.TOP_LEFT)
STRETCH = Resize(rule=ResizeRule.STRETCH, size=(48, 64))
RULES = {"crop": CROP, "letterbox": LETTERBOX, "top-left": TOP_LEFT, "stretch": STRETCH}
each_rule = pytest.mark.parametrize("resize", RULES.values(), ids=RULES)

PLAIN = ToSource(scale_x=2, scale_y=4, offset_x=10, offset_y=5, size=(100, 200))


def photograph() -> Image.Image:
    """The astronaut Eileen Collins (NASA, public domain), 384 x 480; drawn where it is missing."""
    try:
        from skimage import data
    except ImportError:
        return ramp(384, 480)
    return Image.fromarray(data.astronaut()[:384, :480])


@pytest.mark.parametrize(
    ("boxes_input", "boxes_source"),
    [
        (np.empty((0, 4)), np.empty((0, 4))),
        ([[10, 5, 20, 15]], [[0, 0, 20, 40]]),
        ([[60, 15, 61, 16]], [[100, 40, 102, 44]]),
        ([[0, 0, 500, 500]], [[0, 0, 200, 100]]),  # clipped to the picture
        ([[0, 0, 1, 1]], [[0, 0, 0, 0]]),  # in the padding altogether
    ],
)
def test_boxes_go_back_and_are_clipped(boxes_input: F32, boxes_source: F32) -> None:
    found = PLAIN.boxes(np.asarray(boxes_input, np.float32))

    np.testing.assert_array_equal(found, boxes_source)
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("points_input", "points_source"),
    [
        (np.empty((0, 2)), np.empty((0, 2))),
        ([[10, 5], [11, 6]], [[0, 0], [2, 4]]),
        ([[[0, 0]], [[510, 5]]], [[[-20, -20]], [[1000, 0]]]),  # any shape, and not clipped
    ],
)
def test_points_go_back(points_input: F32, points_source: F32) -> None:
    np.testing.assert_array_equal(PLAIN.points(np.asarray(points_input, np.float32)), points_source)


@pytest.mark.parametrize(
    ("resize", "source", "needed"),
    [
        (CROP, (800, 1600), (80, 160)),  # the short side of the crop
        (CROP, (40, 60), (40, 60)),  # smaller than that already: every pixel
        (CROP, (10_000, 40), (10_000, 40)),
        (LETTERBOX, (480, 640), (48, 64)),
        (LETTERBOX, (640, 480), (48, 36)),
        (LETTERBOX, (10_000, 40), (48, 1)),  # never nothing
        (LETTERBOX, (1, 1), (1, 1)),
        (STRETCH, (1000, 30), (48, 30)),
        (STRETCH, (30, 1000), (30, 64)),
    ],
)
def test_no_more_pixels_are_asked_for_than_are_used(
    resize: Resize, source: Size, needed: Size
) -> None:
    assert resize.needed(source) == needed


@pytest.mark.parametrize(
    ("resize", "source", "content"),
    [
        (LETTERBOX, (48, 64), (0, 0, 48, 64)),  # fits as it is
        (LETTERBOX, (96, 64), (0, 16, 48, 32)),  # top, left, height, width
        (LETTERBOX, (20, 64), (14, 0, 20, 64)),
        (LETTERBOX, (10, 10), (0, 8, 48, 48)),  # grows
        (LETTERBOX, (1, 1000), (23, 0, 1, 64)),
        (TOP_LEFT, (96, 64), (0, 0, 48, 32)),
        (TOP_LEFT, (20, 64), (0, 0, 20, 64)),
    ],
)
def test_a_letterboxed_picture_sits_where_it_should(
    resize: Resize, source: Size, content: tuple[int, int, int, int]
) -> None:
    top, left, height, width = content
    red = np.full((*source, 3), (255, 0, 0), np.uint8)

    resized = resize(Picture.from_pixels(red))

    expected = np.full((48, 64, 3), 114, np.uint8)
    expected[top : top + height, left : left + width] = (255, 0, 0)
    np.testing.assert_array_equal(resized.pixels, expected)
    frame = np.array([[left, top, left + width, top + height]], np.float32)
    np.testing.assert_allclose(resized.to_source.boxes(frame), [[0, 0, *source[::-1]]], rtol=1e-6)


def seen_at(pixels: U8, source: Size) -> F32:
    """Return where in a `ramp` of size `source` each pixel was taken from, (H, W, 2), x and y."""
    return pixels[..., :2] / np.float32(255) * np.array(source[::-1], np.float32)


def interior(resize: Resize, source: Size) -> tuple[slice, slice]:
    """Return the rows and columns that show the picture and not its padding."""
    if resize.rule is not ResizeRule.LETTERBOX:
        return slice(None), slice(None)
    shown = resize(Picture.from_pixels(np.zeros((*source, 3), np.uint8))).pixels[..., 0] == 0
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


SIZES: list[Size] = [(1, 1), (1, 90), (90, 1), (48, 64), (10_000, 40), (40, 10_000), (33, 1000)]
SIZES += [(h, w) for h, w in np.random.default_rng(8).integers(1, 900, (25, 2)).tolist()]


@each_rule
@pytest.mark.parametrize("stored", [1, 2, 8], ids=["whole", "half", "eighth"])
def test_the_way_back_leads_to_where_a_pixel_was_taken_from(resize: Resize, stored: int) -> None:
    for source in SIZES:
        small = (-(-source[0] // stored), -(-source[1] // stored))
        resized = resize(Picture(ramp(*small), source))
        height, width = resized.pixels.shape[:2]
        centres = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1) + 0.5

        found = resized.to_source.points(centres.astype(np.float32))

        rows, columns = interior(resize, source)
        away = np.abs(found - seen_at(resized.pixels, source))[rows, columns].max(axis=(0, 1))
        # A ramp tells a 255th of a side apart; its stored pixels are `stored` wide; and at the
        # edge the resampling filter averages over the inner half of what it covers elsewhere.
        scale = np.array([resized.to_source.scale_x, resized.to_source.scale_y])
        allowed = np.array(source[::-1]) / 255 + 0.75 * stored + 0.1 * scale
        assert (away <= allowed).all(), source


@each_rule
def test_a_reduced_decode_changes_nothing_about_the_way_back(resize: Resize) -> None:
    for source in SIZES:
        small = (-(-source[0] // 8), -(-source[1] // 8))

        reduced = resize(Picture(ramp(*small), source)).to_source

        assert reduced == resize(Picture(ramp(*source), source)).to_source


@pytest.mark.parametrize("source", [(300, 400), (400, 300), (80, 80), (50, 70), (10_000, 40)])
def test_a_centre_crop_is_centred_and_as_large_as_it_should_be(source: Size) -> None:
    to_source = CROP(Picture.from_pixels(np.zeros((*source, 3), np.uint8))).to_source

    ends = to_source.points(np.array([[0, 0], [64, 64]], np.float32))

    np.testing.assert_allclose(ends.mean(axis=0), [source[1] / 2, source[0] / 2], rtol=1e-5)
    np.testing.assert_allclose(ends[1] - ends[0], min(source) * 64 / 80, rtol=1e-4)


@pytest.mark.parametrize("rule", ResizeRule)
@pytest.mark.parametrize(
    ("y", "x", "colour"),
    [(0, 0, (255, 0, 0)), (0, 1, (0, 255, 0)), (1, 0, (0, 0, 255)), (1, 1, (255, 255, 255))],
)
def test_a_corner_crop_shows_its_corner(
    rule: ResizeRule, y: float, x: float, colour: tuple[int, ...]
) -> None:
    resize = Resize(rule=rule, size=(64, 64), short_side=160)  # whatever the rule of the whole

    resized = resize.crop(Picture.from_pixels(corners(300, 400)), y, x)

    np.testing.assert_array_equal(resized.pixels[8:56, 8:56], np.full((48, 48, 3), colour))
    corner = resized.to_source.points(np.array([64 * x, 64 * y], np.float32))
    np.testing.assert_allclose(corner, [400 * x, 300 * y], atol=1e-3)


@pytest.mark.parametrize("interpolation", Interpolation)
def test_a_crop_is_pillows_own_resize_then_crop(interpolation: Interpolation) -> None:
    image = photograph()
    resize = Resize(
        rule=ResizeRule.CROP, size=(224, 224), short_side=256, interpolation=interpolation
    )

    pixels = resize(Picture(image, (384, 480))).pixels.astype(int)

    whole = image.resize((320, 256), Image.Resampling[interpolation.name])
    expected = np.asarray(whole)[16:240, 48:272].astype(int)
    # The window alone starts its rounding elsewhere than the whole picture does.
    assert np.abs(pixels - expected).max() <= 1


@pytest.mark.parametrize("rule", ResizeRule)
@pytest.mark.parametrize("interpolation", [Interpolation.BILINEAR, Interpolation.BICUBIC])
def test_a_reduced_decode_shows_the_network_the_same(
    rule: ResizeRule, interpolation: Interpolation
) -> None:
    resize = Resize(rule=rule, size=(224, 224), short_side=256, interpolation=interpolation)
    data = encoded(photograph().resize((1920, 1536)), "JPEG", quality=90)
    limits = DecodeLimits()
    whole, reduced = decode(data, limits=limits), decode(data, limits=limits, scale=resize.needed)
    assert reduced.stored_size < whole.stored_size

    away = np.abs(resize(whole).pixels.astype(int) - resize(reduced).pixels)

    assert away.mean() < 1.5
    assert np.percentile(away, 99) < 15


def test_a_long_thin_picture_is_cropped_without_being_scaled_whole() -> None:
    picture = Picture.from_pixels(np.asarray(ramp(10_000, 40)))

    resized = CROP(picture)

    assert resized.pixels.shape == (64, 64, 3)
    assert resized.pixels[..., 1].min() >= 127  # the middle of the ramp, and only that
    assert resized.pixels[..., 1].max() <= 128


@each_rule
def test_the_picture_is_left_as_it_was(resize: Resize) -> None:
    picture = Picture.from_pixels(corners())

    resize(picture)

    np.testing.assert_array_equal(picture.pixels, corners())
