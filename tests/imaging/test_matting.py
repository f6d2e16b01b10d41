"""The guided filter against its own definition, and what it is there for: a mask's edges."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from service.arrays import F32, U8, Array, Mask
from service.imaging import matting
from service.imaging.matting import EPSILON, RADIUS, RAMP, refine
from service.imaging.picture import Picture


def disc(height: int, width: int) -> Mask:
    """Return an ellipse that fills the middle of a picture."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.hypot(y / height - 0.5, x / width - 0.5) < 0.3


def painted(mask: Mask, inside: tuple[int, int, int], outside: tuple[int, int, int]) -> Picture:
    """Return a picture of two colours, with a little noise."""
    noise = np.random.default_rng(0).integers(-4, 5, (*mask.shape, 3))
    flat = np.where(mask[..., None], inside, outside)
    return Picture.from_pixels((flat + noise).astype(np.uint8))


def small(mask: Mask, side: int = 64) -> F32:
    """Return what a network of `side` x `side` would say: coarse, and a little off the place."""
    image = Image.fromarray(mask.astype(np.float32)).resize((side, side), Image.Resampling.BOX)
    return np.roll(np.asarray(image), 1, axis=1)


def enlarged(alpha: F32, size: tuple[int, int]) -> F32:
    return np.asarray(Image.fromarray(alpha).resize(size[::-1], Image.Resampling.BILINEAR))


def iou(one: Mask, other: Mask) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ((220, 60, 40), (40, 90, 200)),
        ((20, 20, 20), (90, 90, 90)),
        ((200, 60, 60), (60, 131, 60)),  # equally bright: 102
    ],
    ids=["two colours", "two greys", "two colours of one brightness"],
)
def test_a_coarse_mask_takes_the_edges_of_the_picture(
    inside: tuple[int, int, int], outside: tuple[int, int, int]
) -> None:
    true = disc(300, 500)
    alpha = small(true)

    refined = refine(alpha, painted(true, inside, outside))

    assert iou(enlarged(alpha, true.shape) >= 0.5, true) < 0.95
    assert iou(refined >= 0.5, true) > 0.99
    assert abs(refined - true).mean() < 0.01  # nor is there haze on one side or the other


def test_every_pixel_is_as_the_definition_has_it() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (12, 10, 3), np.uint8)
    alpha = rng.random((12, 10), np.float32)

    refined = refine(alpha, Picture.from_pixels(pixels))

    np.testing.assert_allclose(refined, defined(pixels, alpha), atol=1e-5)


def defined(pixels: U8, alpha: F32) -> Array:
    """Return He et al.'s equations 19 to 21, window by window, and the ramp."""
    colors = pixels / 255
    height, width = alpha.shape
    functions = np.empty((height, width, 4))
    for y, x in np.ndindex(height, width):
        inside = window(y, x, height, width)
        color, mask = colors[inside].reshape(-1, 3), alpha[inside].ravel().astype(float)
        product = (color * mask[:, None]).mean(axis=0) - color.mean(axis=0) * mask.mean()
        slopes = np.linalg.solve(np.cov(color.T, bias=True) + EPSILON * np.eye(3), product)
        functions[y, x] = [*slopes, mask.mean() - slopes @ color.mean(axis=0)]
    result = np.empty((height, width))
    for y, x in np.ndindex(height, width):
        *slopes, offset = functions[window(y, x, height, width)].reshape(-1, 4).mean(axis=0)
        result[y, x] = slopes @ colors[y, x] + offset
    low, high = RAMP
    return np.clip((result - low) / (high - low), 0, 1)


def window(y: int, x: int, height: int, width: int) -> tuple[Array, Array]:
    """Return the indices of the pixels around one; beyond the border it repeats itself."""
    steps = np.arange(-RADIUS, RADIUS + 1)
    rows, columns = np.clip(y + steps, 0, height - 1), np.clip(x + steps, 0, width - 1)
    return np.ix_(rows, columns)


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_what_is_sure_everywhere_stays(sure: float) -> None:
    alpha = np.full((32, 32), sure, np.float32)
    refined = refine(alpha, Picture.from_pixels(data.astronaut()))
    assert refined.shape == (512, 512)
    np.testing.assert_allclose(refined, sure, atol=1e-6)


def test_half_stays_half_where_the_picture_shows_nothing() -> None:
    refined = refine(np.full((16, 16), 0.5, np.float32), Picture.from_pixels(gray(40, 50)))
    np.testing.assert_allclose(refined, 0.5, atol=1e-6)


def gray(height: int, width: int) -> U8:
    return np.full((height, width, 3), 90, np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (700, 40)])
def test_the_result_has_the_size_of_the_picture_and_is_an_alpha(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    picture = Picture.from_pixels(rng.integers(0, 256, (*size, 3), np.uint8))

    refined = refine(rng.random((24, 24), np.float32), picture)

    assert refined.shape == size
    assert refined.dtype == np.float32
    assert refined.min() >= 0
    assert refined.max() <= 1


def test_a_picture_in_parts_is_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture.from_pixels(data.astronaut()[:200])
    alpha = small(disc(200, 512))
    monkeypatch.setattr(matting, "ROWS", 1000)
    whole = refine(alpha, picture)

    monkeypatch.setattr(matting, "ROWS", 7)
    parts = refine(alpha, picture)

    np.testing.assert_allclose(parts, whole, atol=1e-5)
