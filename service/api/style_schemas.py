"""What /style takes and answers, for the OpenAPI document."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.jobs.job import Status
from service.tasks.style.optimize import MAX_SIZE, MAX_STEPS, MAX_WEIGHT, Init


class StyleMethod(StrEnum):
    """How a picture is painted."""

    FAST = "fast"
    OPTIMIZE = "optimize"


class StyleQuery(BaseModel):
    """The query of POST /style; an option that is not given is the method's own default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: StyleMethod = Field(
        StyleMethod.FAST,
        description="`fast`: one pass of a network trained for it. `optimize`: gradient descent on "
        "the picture's own pixels (Gatys et al. 2016), minutes instead of seconds.",
    )
    preset: str | None = Field(
        None,
        description="fast: one of the painted styles, `3`, or a mixture, `3:0.7,12:0.3`, in place "
        "of a style picture.",
        examples=["3"],
    )
    strength: float | None = Field(
        None, ge=0, le=1, description="fast: 0 keeps the content's own style. Default 1."
    )
    preserve_color: bool | None = Field(
        None, description="fast: keep the content's colours, take the brush strokes only."
    )
    size: int | None = Field(
        None, ge=32, description=f"Longer side of the result at most; optimize: up to {MAX_SIZE}."
    )
    content_weight: float | None = Field(
        None, ge=0, le=MAX_WEIGHT, description="optimize: how much the content's shapes count."
    )
    style_weight: float | None = Field(
        None, ge=0, le=MAX_WEIGHT, description="optimize: how much the style's texture counts."
    )
    tv_weight: float | None = Field(
        None, ge=0, le=MAX_WEIGHT, description="optimize: how much smoothness counts."
    )
    steps: int | None = Field(
        None, ge=1, le=MAX_STEPS, description="optimize: steps of the optimiser at most."
    )
    init: Init | None = Field(None, description="optimize: what to start from. Default: content.")
    seed: int | None = Field(None, ge=0, lt=2**32, description="optimize: of the noise.")
    webhook: str | None = Field(
        None,
        max_length=2000,
        description="Where to POST that the job ended; only to hosts that the operator allows.",
    )


class JobListQuery(BaseModel):
    """The query of GET /style."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(20, ge=1, le=100, description="Jobs in one answer at most.")
    cursor: str | None = Field(None, description="`next` of the answer before.")


class JobQuery(BaseModel):
    """The query of GET /style/{id}."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wait: float = Field(
        0, ge=0, le=60, description="Seconds to wait for a change before answering."
    )


class StyleCosts(BaseModel):
    """What the picture costs after a step: J and its terms."""

    step: int
    content: float
    style: float
    tv: float
    total: float


class JobTimings(BaseModel):
    """How long a job waited and worked so far, milliseconds."""

    queued_ms: float
    running_ms: float | None = None


class JobFailureReason(BaseModel):
    """Why a job failed; `code` is stable."""

    code: str = Field(examples=["corrupt_image"])
    detail: str


class JobLinks(BaseModel):
    """Where the rest of a job is; what is not there yet has no link."""

    self: str = Field(examples=["/style/5f2b9c01d2e3f4a55f2b9c01d2e3f4a5"])
    events: str
    preview: str | None = None
    result: str | None = None


class JobAnswer(BaseModel):
    """A style job as it is now."""

    id: str = Field(examples=["5f2b9c01d2e3f4a55f2b9c01d2e3f4a5"])
    status: Status
    method: StyleMethod
    options: dict[str, Any] = Field(description="As they were given.", examples=[{"preset": "3"}])
    progress: float = Field(ge=0, le=1, examples=[0.25])
    step: int = Field(examples=[50])
    steps: int = Field(description="0 until it is known.", examples=[200])
    costs: list[StyleCosts] = Field(
        default_factory=list, description="Of method=optimize, step by step; not in lists."
    )
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = Field(None, description="When its pictures are removed.")
    timings: JobTimings
    warnings: list[str] = Field(default_factory=list)
    error: JobFailureReason | None = None
    links: JobLinks


class JobEvent(BaseModel):
    """The `data` of an event `progress`: where a job was, and what it cost to get there."""

    status: Status
    progress: float = Field(ge=0, le=1, examples=[0.25])
    step: int = Field(examples=[50])
    steps: int = Field(description="0 until it is known.", examples=[200])
    costs: list[StyleCosts] = Field(description="Of the steps since the event before.")


class JobListAnswer(BaseModel):
    """Some of the caller's jobs, the newest first."""

    jobs: list[JobAnswer]
    next: str | None = Field(None, description="The `cursor` for those that follow, if any do.")


STYLE_BODY = {
    "requestBody": {
        "required": True,
        "description": "The pictures, as file parts or in JSON as base64; a raw body is `content`.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["content"],
                    "properties": {
                        "content": {"type": "string", "format": "binary"},
                        "style": {"type": "string", "format": "binary"},
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["content"],
                    "properties": {
                        "content": {"type": "string", "description": "base64 or a data: URL"},
                        "style": {"type": "string", "description": "base64 or a data: URL"},
                    },
                }
            },
        },
    }
}
