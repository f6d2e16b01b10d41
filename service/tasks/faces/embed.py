"""A face as a point in a space where the photographs of one person are close together."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np
from pydantic import Field

from service.arrays import F32, Array
from service.errors import InvalidOption
from service.imaging.picture import Picture
from service.imaging.sharpness import sharpness
from service.imaging.warp import Similarity, outside, warp
from service.tasks.base import Network, Options, Prepared, Task, TaskConfig
from service.tasks.faces.calibration import Calibration, OperatingCurve
from service.tasks.faces.geometry import LANDMARKS, to_chip
from service.tasks.faces.landmarks import square_side
from service.tasks.faces.quality import Quality, QualityLimits

Point = tuple[float, float]


class Accuracy(StrEnum):
    """How often a face is looked at: once, or its mirror image too, at twice the cost."""

    STANDARD = "standard"
    HIGH = "high"


class FaceEmbedConfig(TaskConfig):
    """What `[config]` says for an embedding network."""

    output: str | None = Field(None, description="Encodings; default: the graph's only output.")
    padding: float = Field(0.25, ge=0, description="Margin of the chip, in widths of the face.")
    quality: QualityLimits = QualityLimits()
    calibration: Calibration | None = None


class FaceEmbedOptions(Options):
    """Which faces to encode, and how."""

    faces: tuple[tuple[Point, ...], ...] = Field(
        (), description="68 landmarks each; default: the picture is an aligned chip."
    )
    accuracy: Accuracy = Accuracy.STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Encodings:
    """The encodings of K faces.

    Attributes:
        vectors: (K, D); the Euclidean distance between two tells people apart.
        qualities: (K,) what each was computed from.
    """

    vectors: F32
    qualities: tuple[Quality, ...]

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer."""
        return {"encodings": np.round(self.vectors.astype(np.float64), 6).tolist()}

    def text(self) -> str:
        """Return a line for each face."""
        return "\n".join(
            f"{len(vector)} values, from {quality.side:.0f} pixels"
            for vector, quality in zip(self.vectors, self.qualities, strict=True)
        )


class FaceEmbed(Task[FaceEmbedConfig, FaceEmbedOptions, Encodings]):
    """Brings every face upright into a chip and encodes it."""

    name = "face-embed"
    config_type: ClassVar[type[TaskConfig]] = FaceEmbedConfig
    options_type: ClassVar[type[Options]] = FaceEmbedOptions

    def __init__(self, network: Network, config: FaceEmbedConfig) -> None:
        """Bind the task; the output is checked against the graph."""
        super().__init__(network, config)
        self._output = network.output_info(config.output, "config.output")
        self.side = square_side(network)

    def check_options(self, options: FaceEmbedOptions) -> None:
        """Refuse faces without their 68 landmarks.

        Raises:
            InvalidOption: names the option.
        """
        if any(len(landmarks) != LANDMARKS for landmarks in options.faces):
            raise InvalidOption("faces", f"each needs {LANDMARKS} landmarks")

    def chip(self, landmarks: F32) -> Similarity:
        """Return what maps the picture to the upright chip of a face with (68, 2) landmarks."""
        return to_chip(landmarks, self.side, self.config.padding)

    def preprocess(self, picture: Picture, options: FaceEmbedOptions) -> Prepared:
        """Return a row for each face, its mirror image behind it where that is wanted."""
        if options.faces:
            chips = [self.chip(np.array(points, np.float32)) for points in options.faces]
        else:
            height, width = picture.size
            middle = (width / 2, height / 2)
            chips = [Similarity.onto_square(middle, max(height, width), side=self.side)]
        pixels = np.stack([warp(picture, chip, self.side) for chip in chips])
        qualities = tuple(
            Quality(
                side=self.side / chip.scale,
                sharpness=sharpness(face),
                outside=outside(chip, self.side, picture.size),
            )
            for chip, face in zip(chips, pixels, strict=True)
        )
        if options.accuracy is Accuracy.HIGH:
            pixels = np.stack([pixels, pixels[:, :, ::-1]], axis=1).reshape(-1, *pixels.shape[1:])
        return Prepared(tensors=self.feed(pixels), context=qualities)

    def postprocess(
        self,
        outputs: Mapping[str, Array],
        prepared: Prepared,
        options: FaceEmbedOptions,  # noqa: ARG002  (they chose the rows)
    ) -> Encodings:
        """Return the encodings of one picture's faces; a face's rows are averaged."""
        qualities = prepared.context
        assert isinstance(qualities, tuple)
        rows = np.asarray(outputs[self._output.name], np.float32)
        vectors: F32 = rows.reshape(len(qualities), -1, rows.shape[1]).mean(axis=1)
        return Encodings(vectors=vectors, qualities=qualities)

    def calibration(self, accuracy: Accuracy) -> tuple[Calibration, OperatingCurve]:
        """Return what distances were measured to mean, and the thresholds for one accuracy.

        Raises:
            InvalidOption: nothing was measured for this model, or for this accuracy.
        """
        calibration = self.config.calibration
        if calibration is None:
            raise InvalidOption("model", f"{self.network.name} is not calibrated")
        curve = calibration.standard if accuracy is Accuracy.STANDARD else calibration.high
        if curve is None:
            raise InvalidOption("accuracy", f"{self.network.name} is calibrated for standard only")
        return calibration, curve
