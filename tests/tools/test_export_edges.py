"""The edge filters: the shipped file, and what its numbers are, by hand and by a plain loop."""

import hashlib
import math
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest

from service.arrays import F32, U8, Array
from tests.tools.networks import answers, session, signature
from tools import export_edges as recipe

FILTERS = ["sobel", "scharr", "prewitt", "laplacian", "vertical", "horizontal"]
WHITE = np.array([255, 255, 255], np.uint8)

# The responses to the left of a step from black to white and to its right: what its brightness is
# multiplied with, over the filter's largest response, and the largest response by hand.
STEP = {
    "sobel": 4 / math.sqrt(4**2 + 2**2),
    "scharr": 16 / math.sqrt(16**2 + 10**2),
    "prewitt": 3 / math.sqrt(3**2 + 1**2),
    "laplacian": 1 / 4,  # a bright dot has the 4
    "vertical": 1,
    "horizontal": 0,
}
TURNED = {"vertical": "horizontal", "horizontal": "vertical"}


def edges(pixels: U8) -> dict[str, F32]:
    """Return what the shipped network answers to (H, W, 3) pixels, (H, W) by filter."""
    network = session(recipe.FOLDER / "model.onnx")
    maps = answers(network, pixels.transpose(2, 0, 1)[None])["edges"][0]
    return dict(zip(FILTERS, maps, strict=True))


def step(height: int = 6, width: int = 8, at: int = 4) -> U8:
    """Return a picture that is black left of column `at`, and white from there on."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, at:] = WHITE
    return pixels


def test_the_shipped_network_is_the_one_in_its_manifest(capfd: pytest.CaptureFixture[str]) -> None:
    manifest = tomllib.loads((recipe.FOLDER / "model.toml").read_text("utf-8"))
    content = (recipe.FOLDER / "model.onnx").read_bytes()

    ends = signature(session(recipe.FOLDER / "model.onnx"))

    assert ends == {
        "image": ("tensor(uint8)", ["N", 3, "H", "W"]),
        "edges": ("tensor(float)", ["N", 6, "H", "W"]),
    }
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert manifest["config"]["filters"] == list(recipe.FILTERS) == FILTERS
    assert len(content) < 2_000
    assert capfd.readouterr() == ("", "")  # onnxruntime has nothing to warn of


def test_the_shipped_file_is_what_the_recipe_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.toml").write_text('sha256 = ""\n', "utf-8")
    shipped = onnx.load(recipe.FOLDER / "model.onnx")
    monkeypatch.setattr(recipe, "FOLDER", tmp_path)

    recipe.main()

    assert onnx.load(tmp_path / "model.onnx") == shipped


@pytest.mark.parametrize(("name", "expected"), STEP.items())
def test_a_step_from_black_to_white(name: str, expected: float) -> None:
    upright, lying = edges(step()), edges(step().transpose(1, 0, 2))

    profile = [0, 0, 0, expected, expected, 0, 0, 0]  # nothing at the border either
    np.testing.assert_allclose(upright[name], [profile] * 6, atol=1e-6)
    np.testing.assert_allclose(lying[TURNED.get(name, name)].T, [profile] * 6, atol=1e-6)


@pytest.mark.parametrize("name", FILTERS)
def test_the_sign_of_a_step_makes_no_difference(name: str) -> None:
    np.testing.assert_allclose(edges(step())[name], edges(255 - step())[name], atol=1e-6)


@pytest.mark.parametrize(
    ("color", "brightness"),
    [
        ((0, 0, 0), 0),
        ((255, 0, 0), 0.299),
        ((0, 255, 0), 0.587),
        ((0, 0, 255), 0.114),
        ((51, 51, 51), 0.2),
    ],
)
def test_a_colour_counts_as_bright_as_it_is(color: tuple[int, int, int], brightness: float) -> None:
    pixels = step()
    pixels[:, 4:] = color

    assert edges(pixels)["vertical"].max() == pytest.approx(brightness, abs=1e-6)


def test_the_largest_response_of_every_filter_is_one() -> None:
    bits = (np.arange(512)[:, None] >> np.arange(9) & 1).astype(np.uint8)
    patches = (bits * 255).reshape(512, 1, 3, 3).repeat(3, axis=1)

    maps = answers(session(recipe.FOLDER / "model.onnx"), patches)["edges"]

    assert maps.max() <= 1
    np.testing.assert_allclose(maps[:, :, 1, 1].max(axis=0), 1, atol=1e-6)


def test_every_pixel_is_as_a_plain_loop_has_it() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (7, 5, 3), np.uint8)
    luma = pixels @ np.array([0.299, 0.587, 0.114]) / 255
    sobel = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    scharr = [[3, 0, -3], [10, 0, -10], [3, 0, -3]]
    plain = [[1, 0, -1]] * 3

    found = edges(pixels)

    np.testing.assert_allclose(found["sobel"], gradient(luma, sobel) / math.sqrt(20), atol=1e-6)
    np.testing.assert_allclose(found["scharr"], gradient(luma, scharr) / math.sqrt(356), atol=1e-6)
    np.testing.assert_allclose(found["prewitt"], gradient(luma, plain) / math.sqrt(10), atol=1e-6)
    np.testing.assert_allclose(found["vertical"], abs(slid(luma, plain)) / 3, atol=1e-6)
    np.testing.assert_allclose(
        found["horizontal"], abs(slid(luma, np.transpose(plain))) / 3, atol=1e-6
    )
    around = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    np.testing.assert_allclose(found["laplacian"], abs(slid(luma, around)) / 4, atol=1e-6)


def gradient(luma: Array, kernel: object) -> Array:
    """Return the length of the gradient: of a kernel's response and of its transpose's."""
    return np.hypot(slid(luma, kernel), slid(luma, np.transpose(kernel)))


def slid(luma: Array, kernel: object) -> Array:
    """Return a 3 x 3 kernel's response; a pixel at the border is its own neighbour beyond it."""
    weights = np.array(kernel)
    height, width = luma.shape
    result = np.zeros(luma.shape)
    for y in range(height):
        for x in range(width):
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    row, column = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
                    result[y, x] += weights[dy + 1, dx + 1] * luma[row, column]
    return result


def test_scharr_depends_least_on_the_direction_of_an_edge() -> None:
    spread = {}
    for name in ("prewitt", "sobel", "scharr"):
        strength = [edges(wave(angle))[name][20:-20, 20:-20].max() for angle in range(0, 91, 9)]
        spread[name] = max(strength) / min(strength) - 1

    assert spread["prewitt"] > 2 * spread["sobel"] > 4 * spread["scharr"]


def wave(angle: float, length: float = 8.0) -> U8:
    """Return a sine wave of full contrast that runs at an angle, in degrees."""
    y, x = np.mgrid[:96, :96]
    turn = math.radians(angle)
    phase = (x * math.cos(turn) + y * math.sin(turn)) * 2 * math.pi / length
    gray = (127.5 + 127.5 * np.sin(phase)).round().astype(np.uint8)
    return gray[..., None].repeat(3, axis=2)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (33, 17)])
def test_a_flat_picture_of_any_size_has_no_edges(size: tuple[int, int]) -> None:
    maps = edges(np.full((*size, 3), 77, np.uint8))

    assert {values.shape for values in maps.values()} == {size}
    assert max(values.max() for values in maps.values()) < 1e-6


def test_a_picture_has_the_same_answer_alone_and_in_a_batch() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 20, 30), np.uint8)
    network = session(recipe.FOLDER / "model.onnx")

    both = answers(network, pixels)["edges"]

    alone = [answers(network, picture[None])["edges"][0] for picture in pixels]
    np.testing.assert_allclose(both, alone, atol=1e-6)
