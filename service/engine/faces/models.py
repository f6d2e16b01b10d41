"""The three networks that a face passes, and the proof that a calibration is about them."""

from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from service.engine.faces.result import FaceRequest
from service.engine.manifest import ModelFolder
from service.engine.repository import Model, Repository
from service.errors import ManifestError, ModelNotFound, ModelNotReady
from service.tasks.faces import FaceDetect, FaceEmbed, FaceLandmarks
from service.tasks.faces.calibration import Stage
from service.tasks.faces.calibration import preprocessing_digest as digest_of
from service.tasks.faces.embed import FaceEmbedConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceModels:
    """Finds faces, finds their parts, and encodes them; in this order.

    Attributes:
        detect, landmarks, embed: loaded models of the tasks face-detect, -landmarks and -embed.
    """

    detect: Model
    landmarks: Model
    embed: Model

    @classmethod
    def of(
        cls, models: Repository, *, detect: str | None = None, embed: str | None = None
    ) -> "FaceModels":
        """Return the models of these names, or the tasks' defaults.

        Raises:
            ModelNotFound: one of the three is not installed.
            ModelNotReady: one of the three failed its golden check.
        """
        return cls(
            detect=models.find(FaceDetect.name, detect),
            landmarks=models.find(FaceLandmarks.name),
            embed=models.find(FaceEmbed.name, embed),
        )

    def asked(self, request: FaceRequest) -> list[Model]:
        """Return the models that a request needs, in the order in which they are asked."""
        wanted = [self.detect]
        if request.landmarks or request.embed:
            wanted.append(self.landmarks)
        if request.embed:
            wanted.append(self.embed)
        return wanted

    @property
    def crop(self) -> FaceLandmarks:
        """The task that cuts faces out for the landmarks."""
        return cast(FaceLandmarks, self.landmarks.pipeline.task)

    @property
    def encoder(self) -> FaceEmbed:
        """The task that encodes faces and knows what their distances mean."""
        return cast(FaceEmbed, self.embed.pipeline.task)


def preprocessing_digest(detect: ModelFolder, landmarks: ModelFolder, embed: ModelFolder) -> str:
    """Return what a calibration of these three folders is tied to; see `calibration`."""
    return digest_of(
        Stage(
            task=folder.manifest.task,
            sha256=folder.manifest.sha256,
            input=folder.manifest.input,
            config=folder.config,
        )
        for folder in (detect, landmarks, embed)
    )


def check_calibrations(models: Repository) -> None:
    """Refuse error rates that were measured on another network, or with other preprocessing.

    Raises:
        ManifestError: names the manifest and the key that does not match.
    """
    for name in [model.name for model in models.models.values() if model.task == FaceEmbed.name]:
        with suppress(ModelNotFound, ModelNotReady):  # the routes say so to whoever asks
            _check_calibration(FaceModels.of(models, embed=name))


def _check_calibration(models: FaceModels) -> None:
    folder = models.embed.folder
    calibration = cast(FaceEmbedConfig, folder.config).calibration
    if calibration is None:
        return
    detect, landmarks = models.detect.folder, models.landmarks.folder
    actual = {
        "model_sha256": folder.manifest.sha256,
        "preprocessing": preprocessing_digest(detect, landmarks, folder),
    }
    for key, digest in actual.items():
        if getattr(calibration, key) != digest:
            raise ManifestError(
                folder.manifest_path,
                f"config.calibration.{key}",
                f"it was measured with something else; now this is {digest}: calibrate anew",
            )
