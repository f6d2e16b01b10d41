"""What a manifest says of a segmentation network, and what a caller may choose."""

from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.tasks.base import Options, TaskConfig
from service.tasks.classify import Activation
from service.tasks.labels import Labels

MAX_CLASSES = 256  # class ids are bytes


class Tiles(BaseModel):
    """`[config.tile]`: the network takes any size, and sees a picture at the picture's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(512, ge=1, description="Longest side of one tile, pixels.")
    multiple: int = Field(16, ge=1, description="The sides of a tile are multiples of this.")
    overlap: int = Field(64, ge=0, description="Pixels that neighbours share, and are blended in.")
    batch: int = Field(4, ge=1, description="Tiles of one run.")

    @model_validator(mode="after")
    def _on_one_grid(self) -> Self:
        # A tile then pools the same pixels together as the whole picture would.
        if self.size % self.multiple or self.overlap % self.multiple:
            raise ValueError("size and overlap must be multiples of `multiple`")
        if 2 * self.overlap > self.size:
            raise ValueError("overlap: must not be more than half of `size`")
        return self


class InstanceRule(BaseModel):
    """`[config.instances]`: how the things of a class are told apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    border: str | None = Field(None, description="The label between things that touch, if any.")
    min_area: int = Field(10, ge=1, description="What is smaller is no thing, pixels.")
    reach: int = Field(4, ge=0, description="How far a thing grows back into the border, pixels.")


class SegmentConfig(TaskConfig):
    """What `[config]` says for a segmentation network: its classes, or else its filters."""

    output: str | None = Field(None, description="The map; default: the graph's only output.")
    activation: Activation = Field(
        Activation.SOFTMAX, description="What makes the map 0..1; for filters by default none."
    )
    labels: Labels = Field((), description="The classes; the first is the background.")
    threshold: float = Field(
        0.5, ge=0, le=1, description="Of two classes on one channel: from where it is the second."
    )
    filters: tuple[str, ...] = Field(
        (), description="Names of maps without classes, one a channel."
    )
    refine: bool = Field(
        False, description="Draw the outline of a cut-out along the picture's own edges."
    )
    tile: Tiles | None = None
    instances: InstanceRule = InstanceRule()

    @model_validator(mode="before")
    @classmethod
    def _filters_are_finished(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("filters"):
            return {"activation": Activation.NONE, **given}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.labels) == bool(self.filters):
            raise ValueError("give labels, or filters if the network has no classes")
        if self.filters:
            self._check_filters()
        elif not 2 <= len(self.labels) <= MAX_CLASSES:
            raise ValueError(f"labels: between 2, background included, and {MAX_CLASSES}")
        if self.refine and (self.filters or self.tile is not None):
            raise ValueError("refine: is for classes on a map smaller than the picture")
        border = self.instances.border
        if border is not None and border not in {label.name for label in self.labels[1:]}:
            raise ValueError(f"instances.border: no label but the background's is {border!r}")
        return self

    def _check_filters(self) -> None:
        if len(set(self.filters)) != len(self.filters):
            raise ValueError("filters: two of them have the same name")
        if self.activation is Activation.SOFTMAX:
            raise ValueError("activation: filters do not exclude each other: sigmoid, or none")

    @property
    def border_id(self) -> int | None:
        """The class that separates things that touch."""
        names = [label.name for label in self.labels]
        border = self.instances.border
        return None if border is None else names.index(border)


class MaskFormat(StrEnum):
    """How a JSON answer says which pixels are meant."""

    RLE = "rle"
    POLYGON = "polygon"
    NONE = "none"


class SegmentOptions(Options):
    """What a caller of /segment may choose."""

    mask: MaskFormat = Field(
        MaskFormat.RLE, description="COCO's compressed run lengths, polygons, or no masks."
    )
    instances: bool = Field(False, description="Whether to tell the things of a class apart.")
    filter: str | None = Field(
        None, description="Which map, of a network without classes; default: its first."
    )
