"""What /faces and /verify take and answer, for the OpenAPI document."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas import Box, ImageSize
from service.tasks.faces.detect import FaceDetectOptions
from service.tasks.faces.embed import Accuracy
from service.tasks.faces.quality import Flaw

PRIVACY = "Pictures and encodings are not stored and not logged."
NO_LIVENESS = (
    "There is no liveness detection: a photograph of a photograph, or of a screen, is compared "
    "like any other. Do not let this answer alone open a door."
)

Point = tuple[float, float]


class FacesQuery(FaceDetectOptions):
    """The query of POST /faces."""

    model: str | None = Field(None, description="Which detector; default: the first installed one.")
    landmarks: bool = Field(True, description="Whether to tell the 68 landmarks of every face.")
    embed: bool = Field(False, description="Whether to tell the encoding of every face.")
    accuracy: Accuracy = Field(
        Accuracy.STANDARD, description="`high` encodes the mirror image too, at twice the cost."
    )
    render: bool = Field(
        False, description="Answer with the annotated picture, as `Accept: image/jpeg` also does."
    )


class VerifyQuery(BaseModel):
    """The query of POST /verify."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = Field(None, description="Which encoder; default: the first installed one.")
    faces: Literal["only", "largest"] = Field(
        "only", description="Refuse a picture with several faces, or take its largest."
    )
    threshold: float | None = Field(
        None, gt=0, description="Largest distance of a match; default: the calibration's own."
    )
    max_false_match_rate: float | None = Field(
        None, gt=0, le=1, description="In place of a threshold: the error rate that is allowed."
    )
    accuracy: Accuracy = Field(
        Accuracy.STANDARD, description="`high` encodes the mirror images too, at twice the cost."
    )


class FaceQuality(BaseModel):
    """What an encoding was computed from."""

    side: float = Field(description="Of the aligned face, pixels of the picture.", examples=[142.0])
    sharpness: float = Field(
        description="Variance of the Laplacian over that of the brightness.", examples=[0.08]
    )
    outside: float = Field(ge=0, le=1, description="Share that the picture cuts off.")
    disagreement: float = Field(
        description="Of two networks about eyes, nose and mouth, in longer sides of the box.",
        examples=[0.025],
    )
    flaws: list[Flaw] = Field(description="Why the face cannot be compared; empty if it can.")


class FaceRow(BaseModel):
    """One face, in pixels of the full upright picture."""

    box: Box
    score: float = Field(ge=0, le=1, examples=[0.97])
    share: float = Field(ge=0, le=1, description="Of the picture's area.", examples=[0.11])
    keypoints: dict[str, Point] = Field(
        description="x, y by name; right is the person's own right.",
        examples=[{"right_eye": [196.5, 110.25]}],
    )
    landmarks: list[Point] | None = Field(
        None, description="68 points x, y in the order of iBUG's 300-W, if asked for."
    )
    encoding: list[float] | None = Field(None, description="If asked for.")
    quality: FaceQuality | None = Field(None, description="With the encoding.")


class FacesAnswer(BaseModel):
    """The faces of a picture, best score first."""

    model: str = Field(description="The detector.", examples=["centerface"])
    models: list[str] = Field(description="All networks that were asked, in order.")
    image: ImageSize
    faces: list[FaceRow]
    truncated: bool = Field(description="Whether a limit left something out.")


class ComparedFace(FaceRow):
    """One of the two faces that were compared."""

    picture: Literal["image1", "image2"]
    image: ImageSize


class CalibrationFacts(BaseModel):
    """What the error rates were measured on."""

    data: str
    people: int
    pairs_same: int
    pairs_different: int


class VerifyAnswer(BaseModel):
    """Whether two faces are taken for one person, and how often such an answer is wrong."""

    model: str = Field(examples=["dlib-resnet-face"])
    model_sha256: str
    verified: bool | None = Field(
        description="null if a face cannot be judged; its `quality.flaws` say why."
    )
    distance: float = Field(ge=0, description="Between the encodings.", examples=[0.41])
    similarity: float = Field(
        ge=0,
        le=1,
        description="For people to look at: 1 for the same picture, 0.5 at the usual threshold.",
    )
    threshold: float = Field(description="The largest distance of a match.", examples=[0.6])
    false_match_rate: float = Field(
        description="Share of pairs of different people that matched at this threshold, or, "
        "between two thresholds that were measured, at the higher one."
    )
    false_match_rate_high: float = Field(description="Its upper confidence bound.")
    false_non_match_rate: float = Field(
        description="Share of pairs of one person that did not match at this threshold, or, "
        "between two thresholds that were measured, at the lower one."
    )
    false_non_match_rate_high: float = Field(description="Its upper confidence bound.")
    calibration: CalibrationFacts
    faces: list[ComparedFace]


def _two_pictures(schema: dict[str, object]) -> dict[str, object]:
    names = ["image1", "image2"]
    return {"type": "object", "required": names, "properties": dict.fromkeys(names, schema)}


TWO_IMAGES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The two pictures: as file parts, or in JSON as base64.",
        "content": {
            "multipart/form-data": {
                "schema": _two_pictures({"type": "string", "format": "binary"})
            },
            "application/json": {
                "schema": _two_pictures({"type": "string", "description": "base64 or a data: URL"})
            },
        },
    }
}
