"""Masks as pictures: files give back their values, and nothing is coloured that should not be."""

import io

import numpy as np
import pytest
from PIL import Image

from service.arrays import U8, Array
from service.imaging.draw import color
from service.imaging.masks import cutout, gray_png, overlay, palette_png, sixteen_bit_png
from service.imaging.picture import Picture, Size
from tests.imaging.pictures import ramp


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.load()
    return image


def noise(height: int, width: int) -> Picture:
    return Picture.from_pixels(
        np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    )


def plain(size: Size, grey: int) -> Picture:
    return Picture.from_pixels(np.full((*size, 3), grey, np.uint8))


def square(size: Size, low: int, high: int, number: int = 1) -> U8:
    ids = np.zeros(size, np.uint8)
    ids[low:high, low:high] = number
    return ids


def outlined(pixels: U8, number: int) -> Array:
    """(H, W) where the colour of an id is at full strength."""
    return np.asarray((pixels == color(number)).all(axis=2))


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(np.zeros((3, 4), np.uint8), id="one value"),
        pytest.param(np.array([[0, 1], [1, 0]], np.uint8), id="two values"),
        pytest.param(np.array([[0, 1, 2, 3, 17]], np.uint8), id="a few"),
        pytest.param(np.arange(256, dtype=np.uint8).reshape(16, 16), id="all"),
        pytest.param(np.arange(12, dtype=np.uint8).reshape(3, 4)[::-1].T, id="a view"),
    ],
)
def test_a_palette_png_holds_the_ids_and_shows_colours(ids: U8) -> None:
    image = opened(palette_png(ids))

    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), ids)
    shown = np.asarray(image.convert("RGB"))
    for number in np.unique(ids).tolist():
        assert (shown[ids == number] == (color(number) if number else (0, 0, 0))).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_a_sixteen_bit_png_holds_the_ids(dtype: type) -> None:
    largest = min(0xFFFF, np.iinfo(dtype).max)
    ids: Array = np.linspace(0, largest, 300).astype(dtype).reshape(15, 20)

    image = opened(sixteen_bit_png(ids))

    assert image.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(image), ids)


def test_more_ids_than_sixteen_bits_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="65535"):
        sixteen_bit_png(np.array([[0, 65536]], np.int32))


def test_a_gray_png_holds_the_values() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(8, 32)

    image = opened(gray_png(values))

    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), values)


@pytest.mark.parametrize("opacity", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (64, 48), (1200, 900)])
def test_pixels_of_no_id_are_untouched(size: Size, opacity: float) -> None:
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 4, (-(-size[0] // 10), -(-size[1] // 10)), np.uint8)
    ids = coarse.repeat(10, 0).repeat(10, 1)[: size[0], : size[1]]
    picture = noise(*size)
    before = picture.pixels

    after = overlay(picture, ids, opacity=opacity)

    assert after.size == size
    np.testing.assert_array_equal(after.pixels[ids == 0], before[ids == 0])
    np.testing.assert_array_equal(picture.pixels, before)  # and the original altogether


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.5, 1.0])
def test_an_id_is_mixed_with_the_picture(opacity: float) -> None:
    picture = Picture(ramp(40, 60), (40, 60))

    mixed = overlay(picture, np.full((40, 60), 7, np.uint8), opacity=opacity).pixels

    expected = picture.pixels * (1 - opacity) + np.array(color(7)) * opacity
    assert np.abs(mixed - expected).max() <= 1.5  # opacity is in steps of a 255th


@pytest.mark.parametrize("side", [20, 300, 1000, 2400])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_outlines_run_inside_and_are_as_wide_as_the_picture_wants(side: int, grey: int) -> None:
    low, high = side // 4, side - side // 4
    ids = square((side, side), low, high)

    edge = outlined(overlay(plain((side, side), grey), ids).pixels, 1)

    width = int(edge[side // 2, : side // 2].sum())
    assert max(1, side // 600) <= width <= max(1, side // 400)
    expected = square((side, side), low, high) - square((side, side), low + width, high - width)
    np.testing.assert_array_equal(edge, expected == 1)


@pytest.mark.parametrize("grey", [0, 60, 128, 200, 255])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_outlines_can_be_told_from_what_is_on_either_side(grey: int, number: int) -> None:
    ids = square((100, 100), 20, 80, number)

    row = overlay(plain((100, 100), grey), ids).pixels[50].astype(int)

    outside, edge, inside = row[19], row[20], row[21]
    assert np.abs(edge - inside).max() >= 48
    assert np.abs(edge - outside).max() >= 48


def test_things_that_touch_are_told_apart() -> None:
    ids = np.repeat([[1, 2]], 30, axis=1).repeat(60, axis=0).astype(np.int32)

    pixels = overlay(plain((60, 60), 90), ids).pixels

    assert outlined(pixels, 1)[:, 29].all()
    assert outlined(pixels, 2)[:, 30].all()
    assert not outlined(pixels, 1)[:, :29].any()  # nor is there a frame around the picture


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint16])
def test_ids_past_the_palette_begin_again(dtype: type) -> None:
    ids: Array = np.array([[0, 1, 254, 255, 256, 257, 510, 511, 60_000]], dtype)

    pixels = overlay(plain(ids.shape, 0), ids, opacity=1).pixels[0]

    assert tuple(pixels[0]) == (0, 0, 0)
    colors = [1, 254, 255, 1, 2, 255, 1, 75]
    np.testing.assert_array_equal(pixels[1:], [color(number) for number in colors])


def test_a_cutout_keeps_colours_and_has_the_alpha_given() -> None:
    picture = noise(64, 48)
    before = picture.pixels
    alpha = np.random.default_rng(2).integers(0, 256, (64, 48), np.uint8)

    image = opened(cutout(picture, alpha))

    assert image.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(image)[..., 3], alpha)
    np.testing.assert_array_equal(np.asarray(image)[..., :3], before)
    assert picture.image.mode == "RGB"  # the original has no alpha now


def test_planes_of_another_size_are_refused() -> None:
    plane = np.zeros((10, 20), np.uint8)

    with pytest.raises(ValueError, match="size"):
        overlay(noise(20, 10), plane)
    with pytest.raises(ValueError, match="size"):
        cutout(noise(20, 10), plane)
    with pytest.raises(ValueError, match="size"):  # decoded at a reduced scale
        cutout(Picture(ramp(5, 10), (10, 20)), plane)
