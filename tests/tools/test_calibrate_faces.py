"""The calibration of faces: pairs into a manifest, from photographs that need no networks."""

from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from service.engine.faces import FaceRequest
from service.engine.manifest import read_folder
from service.errors import ManifestError, NoFace
from service.tasks.faces.calibration import Calibration
from service.tasks.faces.embed import Accuracy
from tools import calibrate_faces as tool
from tools.graph import MODELS

ENCODER = "dlib-resnet-face"


class FakeFaces:
    """Sees in each photograph what its first byte says: a face, a blot (!) or none (-)."""

    def submit(self, source, request: FaceRequest, deadline) -> Future:
        content, answer = source.data.decode(), Future()
        if content == "-":
            answer.set_exception(NoFace(f"there is no face in {request.part}"))
            return answer
        x = float(content.strip("!"))
        encoding = np.array([x, 1.0 if request.accuracy is Accuracy.HIGH else 0.0], np.float32)
        flaws = ("blurred",) if content.endswith("!") else ()
        face = SimpleNamespace(flaws=flaws, encoded=lambda: encoding)
        answer.set_result(SimpleNamespace(faces=(face,)))
        return answer


@pytest.fixture
def people(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    for person, contents in {"ann": ["0.0", "0.1", "-"], "bob": ["1.0", "1.2", "5!"]}.items():
        (folder / person).mkdir(parents=True)
        for number, content in enumerate(contents):
            (folder / person / f"{person}_{number}.jpg").write_text(content)
    (folder / "ann" / "notes.txt").write_text("not a photograph")
    return folder


@pytest.fixture
def measured(people: Path) -> tool.Measured:
    return tool.measure(FakeFaces(), people)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the encoder's manifest."""
    folder = tmp_path / ENCODER
    folder.mkdir()
    (folder / "model.toml").write_text((MODELS / ENCODER / "model.toml").read_text("utf-8"))
    return folder


def calibrated(measured: tool.Measured) -> Calibration:
    names = ("centerface", "face-landmarks-68", ENCODER)
    return tool.calibration(measured, [read_folder(MODELS / name) for name in names], "people")


def test_photographs_are_known_by_their_folder(people: Path) -> None:
    found = tool.photographs(people)

    assert [person for person, _ in found] == ["ann"] * 3 + ["bob"] * 3
    assert [path.name for _, path in found][:2] == ["ann_0.jpg", "ann_1.jpg"]


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["ann/1.jpg", "ann/2.jpg"],  # no pair of two people
        ["ann/1.jpg", "bob/1.jpg"],  # no pair of one person
    ],
)
def test_too_few_photographs_are_refused(names: list[str], tmp_path: Path) -> None:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    with pytest.raises(ValueError, match="needs two people"):
        tool.photographs(tmp_path)


def test_too_few_faces_are_refused(tmp_path: Path) -> None:
    for name, content in {"ann/1": "0", "ann/2": "-", "bob/1": "1", "bob/2": "1!"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.jpg").write_text(content)
    with pytest.raises(ValueError, match="needs two people"):
        tool.measure(FakeFaces(), tmp_path)


def test_what_the_service_would_not_judge_is_left_out_and_said(measured: tool.Measured) -> None:
    assert measured.photographs == 4
    assert measured.left_out == (
        "ann_2.jpg: there is no face in ann_2.jpg",
        "bob_2.jpg: blurred",
    )
    assert sorted(measured.standard.distances.round(3)) == [0.1, 0.2, 0.9, 1.0, 1.1, 1.2]


def test_the_calibration_counts_pairs_and_is_tied_to_the_networks(
    measured: tool.Measured,
) -> None:
    found = calibrated(measured)

    assert found.data == "people: 4 photographs of 2 people"
    assert (found.people, found.pairs_same, found.pairs_different) == (2, 2, 4)
    assert found.model_sha256 == read_folder(MODELS / ENCODER).manifest.sha256
    [row] = [row for row in found.standard.rows if row.threshold == 0.6]
    assert (row.false_match_rate, row.false_non_match_rate) == (0, 0)
    assert row.false_match_rate_high == pytest.approx(1 - 0.05 ** (1 / 4), abs=1e-4)


def test_both_ways_have_the_default_with_one_false_match_rate(measured: tool.Measured) -> None:
    found = calibrated(measured)

    assert found.standard.default_threshold == 0.6
    assert found.high is not None
    assert found.high.default_threshold == 0.899  # 0.9 is the first false match


def test_a_calibration_is_read_back_as_it_was_written(
    measured: tool.Measured, shipped: Path
) -> None:
    found = calibrated(measured)

    tool.write(shipped, found)
    tool.write(shipped, found)  # in place of the first

    folder = read_folder(shipped)
    assert folder.config.calibration == found
    text = (shipped / "model.toml").read_text("utf-8")
    assert text.count(tool.HEADING) == 1
    before = read_folder(MODELS / ENCODER)
    assert folder.manifest == before.manifest
    assert folder.config.model_copy(update={"calibration": None}) == before.config.model_copy(
        update={"calibration": None}
    )


def test_a_manifest_without_one_gets_it_behind_all_the_rest(
    measured: tool.Measured, shipped: Path
) -> None:
    path = shipped / "model.toml"
    bare = path.read_text("utf-8").split("# Written by")[0]
    path.write_text(bare, "utf-8")

    tool.write(shipped, calibrated(measured))

    assert path.read_text("utf-8").startswith(bare.rstrip() + "\n\n# Written by")


def test_a_manifest_that_would_be_wrong_is_left_alone(
    measured: tool.Measured, shipped: Path
) -> None:
    path = shipped / "model.toml"
    path.write_text(path.read_text("utf-8").replace('task = "face-embed"', 'task = "gaze"'))
    before = path.read_text("utf-8")

    with pytest.raises(ManifestError):
        tool.write(shipped, calibrated(measured))

    assert path.read_text("utf-8") == before


def test_the_report_says_the_figures_and_what_was_left_out(measured: tool.Measured) -> None:
    text = tool.report(measured, calibrated(measured))

    assert "people: 4 photographs of 2 people; 2 pairs of one person, 4 of two" in text
    assert "left out: bob_2.jpg: blurred" in text
    assert "standard: AUC 1.00000, accuracy 1.0000 at 0.6" in text


def test_the_shipped_calibration_is_about_the_shipped_networks() -> None:
    folders = [read_folder(MODELS / name) for name in ("centerface", "face-landmarks-68", ENCODER)]
    calibration = folders[-1].config.calibration

    assert calibration.model_sha256 == folders[-1].manifest.sha256
    assert calibration.preprocessing == tool.preprocessing_digest(*folders)
    assert calibration.standard.default_threshold == tool.DLIB_THRESHOLD


@pytest.fixture
def astronaut_and_cameraman(tmp_path: Path) -> Path:
    """Two people of scikit-image, with a mirror image each."""
    for person in ("astronaut", "camera"):
        (tmp_path / person).mkdir()
        picture = Image.fromarray(getattr(data, person)()).convert("RGB")
        picture.save(tmp_path / person / "1.png")
        ImageOps.mirror(picture).save(tmp_path / person / "2.png")
    return tmp_path


def test_it_measures_through_the_service(
    astronaut_and_cameraman: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (MODELS / ENCODER / "model.toml").read_text("utf-8")

    tool.main([str(astronaut_and_cameraman), "--name", "scikit-image"])

    text = capsys.readouterr().out
    assert "scikit-image: 4 photographs of 2 people; 2 pairs of one person, 4 of two" in text
    assert "AUC 1.00000" in text
    assert (MODELS / ENCODER / "model.toml").read_text("utf-8") == before  # without --write


def test_a_folder_that_will_not_do_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        tool.main([str(tmp_path)])

    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error == f"error: {tmp_path}: needs two people, one of them with two photographs\n"
