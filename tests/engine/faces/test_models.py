"""The three models, and calibrations that are about other ones."""

from pathlib import Path

import pytest

from service.engine.faces import FaceModels, FaceRequest, check_calibrations, preprocessing_digest
from service.engine.manifest import read_folder
from service.errors import ManifestError, ModelNotFound
from tests.engine.faces.networks import DETECT, EMBED, LANDMARKS, Sessions, write
from tests.engine.loading import Load

CALIBRATION = """
[config.calibration]
data = "a test"
people = 2
pairs_same = 10
pairs_different = 10
model_sha256 = "{model_sha256}"
preprocessing = "{preprocessing}"

[config.calibration.standard]
default_threshold = 0.5

[[config.calibration.standard.rows]]
threshold = 0.5
false_match_rate = 0.1
false_match_rate_high = 0.2
false_non_match_rate = 0.1
false_non_match_rate_high = 0.2
"""


def calibrated(directory: Path, **changes: str) -> str:
    """Return a calibration of the networks as they are, with what a test changes about it."""
    *_, embed = folders = write(directory)
    values = {
        "model_sha256": embed.manifest.sha256,
        "preprocessing": preprocessing_digest(*folders),
    }
    return "\n" + CALIBRATION.format(**{**values, **changes})


def test_the_models_that_a_request_needs(load: Load, tmp_path: Path) -> None:
    models = FaceModels.of(load(*write(tmp_path), sessions=Sessions()))

    def names(request: FaceRequest) -> list[str]:
        return [model.name for model in models.asked(request)]

    assert names(FaceRequest(landmarks=False)) == [DETECT]
    assert names(FaceRequest()) == [DETECT, LANDMARKS]
    assert names(FaceRequest(landmarks=False, embed=True)) == [DETECT, LANDMARKS, EMBED]
    assert (models.crop.side, models.encoder.side) == (16, 16)


@pytest.mark.parametrize("missing", [DETECT, LANDMARKS, EMBED])
def test_all_three_are_needed(load: Load, tmp_path: Path, missing: str) -> None:
    names = [name for name in (DETECT, LANDMARKS, EMBED) if name != missing]
    models = load(*write(tmp_path, *names), sessions=Sessions())
    with pytest.raises(ModelNotFound):
        FaceModels.of(models)
    check_calibrations(models)  # nothing to be compared with, so nothing is wrong


def test_a_name_that_is_not_there(load: Load, tmp_path: Path) -> None:
    models = load(*write(tmp_path), sessions=Sessions())
    for names in ({"detect": "nobody"}, {"embed": "nobody"}):
        with pytest.raises(ModelNotFound, match="nobody"):
            FaceModels.of(models, **names)


def test_a_calibration_of_these_networks(load: Load, tmp_path: Path) -> None:
    folders = write(tmp_path, more=calibrated(tmp_path))
    check_calibrations(load(*folders, sessions=Sessions()))


def test_without_a_calibration_nothing_is_wrong(load: Load, tmp_path: Path) -> None:
    check_calibrations(load(*write(tmp_path), sessions=Sessions()))


@pytest.mark.parametrize("key", ["model_sha256", "preprocessing"])
def test_a_calibration_of_something_else_is_refused(load: Load, tmp_path: Path, key: str) -> None:
    folders = write(tmp_path, more=calibrated(tmp_path, **{key: "0" * 64}))
    models = load(*folders, sessions=Sessions())
    with pytest.raises(ManifestError, match="calibrate anew") as caught:
        check_calibrations(models)
    assert caught.value.key == f"config.calibration.{key}"
    assert caught.value.file == tmp_path / EMBED / "model.toml"


def test_another_detector_makes_it_one_of_something_else(load: Load, tmp_path: Path) -> None:
    detect, *others = write(tmp_path, more=calibrated(tmp_path))
    text = detect.manifest_path.read_text(encoding="utf-8")
    changed = text.replace("[config]", "[config]\nscore_threshold = 0.7")
    detect.manifest_path.write_text(changed, encoding="utf-8")
    models = load(read_folder(detect.path), *others, sessions=Sessions())
    with pytest.raises(ManifestError, match="preprocessing"):
        check_calibrations(models)
