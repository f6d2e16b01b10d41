"""Every setting, read from `CHIASM_*` variables; the README's table is made from here."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PACKAGE = Path(__file__).parent


def bundled_models() -> Path:
    """Return the models of an installed package, or those beside the checkout's package."""
    installed = PACKAGE / "_models"
    return installed if installed.is_dir() else PACKAGE.parent / "models"


def _split(value: object) -> object:
    """Read `a, b` as a list."""
    if isinstance(value, str):
        return [item for item in (part.strip() for part in value.split(",")) if item]
    return value


def _usable(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for key in keys:
        if len(key.get_secret_value()) < 16:
            raise ValueError("a key must have at least 16 characters")
        if not key.get_secret_value().isascii():
            raise ValueError("a key must be ASCII, as is the header that brings it")
    return keys


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), AfterValidator(_usable)]


class Settings(BaseSettings):
    """The operator's choices; the defaults suit one container on one machine."""

    model_config = SettingsConfigDict(env_prefix="CHIASM_", frozen=True, extra="forbid")

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to bind; containers say 0.0.0.0."
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    workers: int = Field(
        1, ge=1, description="Processes that answer on the port; what one may use is shared out."
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Lowest level that is logged."
    )
    cors_origins: Names = Field(
        (), description="Web origins that may call from a browser, comma-separated, or `*`."
    )
    api_keys: Keys = Field(
        (), description="Accepted keys, comma-separated; none: everybody may call."
    )

    models_dir: Path = Field(
        default_factory=bundled_models, description="The directory with a folder for each model."
    )
    default_classify: Names = Field(
        ("efficientnet-lite0",),
        description="Names to try in order when /classify is not told which model.",
    )
    default_detect: Names = Field(
        ("yolox-nano", "centernet-mobilenetv3"),
        description="Names to try in order when /detect is not told which model.",
    )
    default_segment: Names = Field(
        ("selfie-person", "unet-nuclei"),
        description="Names to try in order when /segment is not told which model.",
    )
    model_mirror: str | None = Field(
        None,
        description="A directory or base URL that `chiasm models pull` tries before the source.",
    )
    device: str = Field(
        "auto",
        pattern="^(auto|cpu|cuda|tensorrt|openvino)$",
        description="Where networks run; a named device that is missing refuses to start.",
    )
    cpus: float | None = Field(
        None, gt=0, description="CPUs to plan for; default: affinity and cgroup quota."
    )
    instances: int | None = Field(
        None, ge=1, description="Runs of a model at once; default: manifest, then one a CPU."
    )
    threads: int | None = Field(
        None, ge=1, description="Threads of one run; default: manifest, then 1."
    )

    max_image_bytes: int = Field(
        20_000_000, ge=1, description="Largest picture file, counted while it streams."
    )
    max_pixels: int = Field(
        50_000_000, ge=1, description="Most pixels of a picture, checked before decoding."
    )
    max_side: int = Field(30_000, ge=1, description="Longest side of a picture, pixels.")
    max_frames: int = Field(
        1_000, ge=1, description="Most frames that an animation may announce; one is decoded."
    )
    max_buffered_bytes: int = Field(
        512_000_000, ge=1, description="Bodies held in memory at once, over all requests."
    )
    max_in_flight: int = Field(
        128, ge=1, description="Requests a model may have in hand before it answers 503."
    )
    max_wait_ms: float = Field(
        1_000.0, gt=0, description="Longest predicted wait that is still admitted."
    )
    request_timeout_ms: float = Field(
        30_000.0, gt=0, description="Deadline of a request; X-Deadline-Ms may lower it."
    )
    data_dir: str = Field(
        "data", min_length=1, description="Where jobs are kept: a directory, or an `s3://` URL."
    )
    jobs_url: SecretStr | None = Field(
        None,
        description="Database of the jobs, `postgresql://…`, where several processes share them; "
        "default: a SQLite file in the data directory.",
    )
    jobs_concurrency: int = Field(
        1, ge=0, description="Jobs that this process paints at once; 0 leaves them to workers."
    )
    max_queued_jobs: int = Field(
        100, ge=1, description="Jobs that may wait before /style answers 503."
    )
    job_ttl_s: float = Field(
        86_400.0, gt=0, description="How long a job and its pictures are kept after its end."
    )
    webhook_hosts: Names = Field(
        (), description="Hosts that may be told that a job ended, `host` or `host:port`."
    )
    webhook_secret: SecretStr | None = Field(
        None, description="What messages to webhooks are signed with (HMAC-SHA256)."
    )
    shutdown_grace_s: float = Field(
        20.0, gt=0, description="How long SIGTERM waits for requests in flight."
    )
