"""What /segment takes and answers, for the OpenAPI document."""

from enum import StrEnum

from pydantic import BaseModel, Field

from service.api.schemas import Box, ImageSize
from service.tasks.segment import SegmentOptions


class Render(StrEnum):
    """What a picture that is the answer shows."""

    MASK = "mask"
    OVERLAY = "overlay"
    CUTOUT = "cutout"


class SegmentQuery(SegmentOptions):
    """The query of POST /segment."""

    model: str | None = Field(None, description="Which model; default: the first installed one.")
    render: Render | None = Field(
        None,
        description="Answer with a picture, as `Accept: image/png` also does: `mask` has class ids "
        "as the values of a palette PNG (with `instances`, their numbers in 16 bit), `overlay` "
        "colours the picture, `cutout` makes the background transparent.",
    )


class RunLengths(BaseModel):
    """A mask as COCO has it: runs of a column-major mask, compressed; pycocotools decodes it."""

    size: tuple[int, int] = Field(description="(height, width)", examples=[[375, 500]])
    counts: str


Ring = list[tuple[float, float]]
Polygons = list[list[Ring]]
"""Polygons; each is its outer ring, then its holes, of x, y in pixels of the picture."""


class SegmentedClass(BaseModel):
    """One class in a picture."""

    class_id: int = Field(examples=[1])
    label: str = Field(examples=["person"])
    pixels: int = Field(examples=[54321])
    fraction: float = Field(ge=0, le=1, description="Of the picture.", examples=[0.29])
    mask: RunLengths | Polygons | None = Field(None, description="Absent for `mask=none`.")


class SegmentedThing(BaseModel):
    """One connected thing of a class, by itself."""

    instance_id: int = Field(description="Its pixels' value in the 16-bit mask.", examples=[1])
    class_id: int
    label: str = Field(examples=["nucleus"])
    score: float = Field(ge=0, le=1, description="Mean probability of its pixels.")
    box: Box
    area: int = Field(description="Pixels.")
    mask: RunLengths | Polygons | None = Field(None, description="Absent for `mask=none`.")


class MapSummary(BaseModel):
    """A map without classes, such as of edges."""

    filter: str = Field(examples=["sobel"])
    min: float = Field(ge=0, le=1)
    max: float = Field(ge=0, le=1)
    mean: float = Field(ge=0, le=1)
    png: str = Field(description="The map as an 8-bit grey PNG, base64.")


class SegmentAnswer(BaseModel):
    """What every pixel of a picture belongs to, at the picture's own size."""

    model: str = Field(examples=["selfie-person"])
    image: ImageSize
    classes: list[SegmentedClass] | None = Field(None, description="Of a network with classes.")
    instances: list[SegmentedThing] | None = Field(None, description="If asked for.")
    map: MapSummary | None = Field(None, description="Of a network without classes.")
