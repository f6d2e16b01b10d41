"""What goes over the wire, for the OpenAPI document; answers are written from results directly."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.imaging.encode import PictureFormat
from service.tasks.classify import ClassifyOptions, Prediction
from service.tasks.detect import DetectOptions


class ImageSize(BaseModel):
    """The full upright picture: the frame of every coordinate in the answer."""

    width: int = Field(examples=[500])
    height: int = Field(examples=[375])


class ClassifyQuery(ClassifyOptions):
    """The query of POST /classify."""

    model: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        max_length=8,
        description="Which model; several are averaged. Default: the first installed one.",
    )


class ClassifyAnswer(BaseModel):
    """Classes of a picture, best first."""

    model: str | list[str] = Field(examples=["efficientnet-lite0"])
    image: ImageSize
    predictions: list[Prediction] = Field(
        examples=[[{"class_id": 285, "label": "Egyptian cat", "score": 0.408016}]]
    )


class DetectQuery(DetectOptions):
    """The query of POST /detect."""

    model: str | None = Field(None, description="Which model; default: the first installed one.")
    render: bool = Field(
        False, description="Answer with the annotated picture, as `Accept: image/jpeg` also does."
    )


class Box(BaseModel):
    """Corners in pixels of the full upright picture, clipped to it."""

    x1: float = Field(examples=[60.5])
    y1: float = Field(examples=[34.25])
    x2: float = Field(examples=[320.0])
    y2: float = Field(examples=[299.75])


class Detection(BaseModel):
    """One thing that was found."""

    class_id: int = Field(examples=[15])
    label: str = Field(examples=["cat"])
    score: float = Field(ge=0, le=1, examples=[0.91])
    box: Box


class DetectAnswer(BaseModel):
    """What was found in a picture, best first."""

    model: str = Field(examples=["centernet-mobilenetv3"])
    image: ImageSize
    detections: list[Detection]
    truncated: bool = Field(description="Whether a limit left something out.")


class Problem(BaseModel):
    """An error, as RFC 9457 has it; `code` is stable."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:chiasm:problem:unsupported_format"])
    title: str = Field(examples=["Unsupported media type"])
    status: int = Field(examples=[415])
    code: str = Field(examples=["unsupported_format"])
    detail: str = Field(examples=["not a JPEG, PNG, WebP, BMP, GIF or TIFF picture"])
    request_id: str = Field(examples=["5f2b9c01d2e3f4a5"])


class ModelRow(BaseModel):
    """One model in the list."""

    name: str = Field(examples=["efficientnet-lite0"])
    task: str = Field(examples=["classify"])
    description: str
    license: str = Field(examples=["Apache-2.0"])
    source: str
    default: bool = Field(description="Whether its task uses it when no model is named.")
    state: str = Field(examples=["ready"])
    reason: str = Field(description="Why it is not ready; empty when it is.")
    provider: str = Field(examples=["CPUExecutionProvider"])
    instances: int = Field(description="Runs at once.")
    threads: int = Field(description="Threads of one run.")
    load_ms: float


class ModelList(BaseModel):
    """Every model that is loaded, and what the service plans with."""

    cpus: float = Field(description="CPUs that this process may use: affinity and quota.")
    cpu_threads: int = Field(description="Threads for decoding, pre- and postprocessing.")
    models: list[ModelRow]


class ModelDetail(ModelRow):
    """One model, whole: its manifest, its tensors, and its layers."""

    manifest: dict[str, Any]
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    totals: dict[str, int | None]


class Health(BaseModel):
    """The event loop turns."""

    status: str = Field(examples=["ok"])


class Readiness(BaseModel):
    """Whether every model is loaded, warm, and gave its golden answer."""

    ready: bool
    draining: bool
    models: dict[str, str] = Field(examples=[{"efficientnet-lite0": "ready"}])
    reasons: dict[str, str] = Field(description="Why a model is not ready.")


BINARY = {"type": "string", "format": "binary"}
PICTURE_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind.value: {"schema": BINARY} for kind in PictureFormat}}
}
IMAGE_BODY = {
    "requestBody": {
        "required": True,
        "description": "The picture: as a file part, as the whole body, or in JSON as base64.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": BINARY},
                }
            },
            "application/octet-stream": {"schema": BINARY},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {"type": "string", "description": "base64 or a data: URL"}
                    },
                }
            },
        },
    }
}
