"""The 68 points of a face: jaw, brows, nose, eyes and lips."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from service.arrays import F32, Array
from service.imaging.picture import Picture, Size
from service.imaging.warp import Similarity, warp
from service.tasks.base import ConfigError, Network, Options, Prepared, Task, TaskConfig
from service.tasks.faces.detect import plain_points
from service.tasks.faces.geometry import LANDMARKS


class FaceLandmarksConfig(TaskConfig):
    """What `[config]` says: the output, and which part of the picture the network is shown."""

    output: str | None = Field(None, description="Landmarks; default: the graph's only output.")
    scale: float = Field(1.0, gt=0, description="The crop's side over the box's longer side.")
    shift_y: float = Field(0.0, description="The crop's centre, moved down by box heights.")
    upright: bool = Field(False, description="Whether the crop is turned with the face.")


class FaceRegion(BaseModel):
    """Where a face was found, in pixels of the full upright picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    box: tuple[float, float, float, float] = Field(description="x1, y1, x2, y2; may stick out.")
    roll: float = Field(0.0, description="Radians by which the face leans clockwise.")


class FaceLandmarksOptions(Options):
    """Which faces to look at."""

    faces: tuple[FaceRegion, ...] = Field((), description="Default: the picture is one face.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """The landmarks of K faces.

    Attributes:
        points_source: (K, 68, 2) x, y in pixels of the full upright picture, not clipped. The
            order is that of iBUG's 300-W: 0..16 jaw from the person's right to left, 17..21 and
            22..26 brows, 27..35 nose, 36..41 right eye, 42..47 left eye, 48..67 lips.
    """

    points_source: F32

    def answer(self) -> dict[str, object]:
        """Return the members of the JSON answer, in hundredths of a pixel."""
        return {"landmarks": [plain_points(points) for points in self.points_source]}

    def text(self) -> str:
        """Return a line for each face."""
        return "\n".join(
            f"{LANDMARKS} points around ({x:.0f}, {y:.0f})"
            for x, y in self.points_source.mean(axis=1)
        )


class FaceLandmarks(Task[FaceLandmarksConfig, FaceLandmarksOptions, Landmarks]):
    """Cuts every face out and maps the network's points back to the picture."""

    name = "face-landmarks"
    config_type: ClassVar[type[TaskConfig]] = FaceLandmarksConfig
    options_type: ClassVar[type[Options]] = FaceLandmarksOptions

    def __init__(self, network: Network, config: FaceLandmarksConfig) -> None:
        """Bind the task; the output is checked against the graph."""
        super().__init__(network, config)
        self._output = network.output_info(config.output, "config.output")
        if self._output.shape[1:] != (LANDMARKS, 2):
            raise ConfigError("config.output", f"{self._output.name} is not (N, {LANDMARKS}, 2)")
        self.side = square_side(network)

    def crop(self, face: FaceRegion) -> Similarity:
        """Return what maps the picture to the crop of one face, in the network's pixels."""
        x1, y1, x2, y2 = face.box
        width, height = x2 - x1, y2 - y1
        roll = face.roll if self.config.upright else 0.0
        down = self.config.shift_y * height
        centre = ((x1 + x2) / 2 - down * np.sin(roll), (y1 + y2) / 2 + down * np.cos(roll))
        extent = max(width, height, 1.0) * self.config.scale
        return Similarity.onto_square(centre, extent, side=self.side, roll=roll)

    def preprocess(self, picture: Picture, options: FaceLandmarksOptions) -> Prepared:
        """Return a row for each face, and how each was cut out as context."""
        faces = options.faces or (FaceRegion(box=_whole(picture.size)),)
        crops = [self.crop(face) for face in faces]
        chips = np.stack([warp(picture, crop, self.side) for crop in crops])
        return Prepared(tensors=self.feed(chips), context=crops)

    def postprocess(
        self,
        outputs: Mapping[str, Array],
        prepared: Prepared,
        options: FaceLandmarksOptions,  # noqa: ARG002  (they chose the rows)
    ) -> Landmarks:
        """Return the landmarks of one picture's faces."""
        crops = prepared.context
        assert isinstance(crops, list)
        points = np.asarray(outputs[self._output.name], np.float32) * self.side
        mapped = [crop.inverse().points(one) for crop, one in zip(crops, points, strict=True)]
        return Landmarks(points_source=np.stack(mapped))


def _whole(size: Size) -> tuple[float, float, float, float]:
    return 0.0, 0.0, float(size[1]), float(size[0])


def square_side(network: Network) -> int:
    """Return the side of a network's square input, pixels.

    Raises:
        ConfigError: it is not square.
    """
    height, width = network.input.size
    if height != width:
        raise ConfigError("input.size", "faces are cut out as squares")
    return height
