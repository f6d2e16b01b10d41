"""What a model must pass before it may be asked: digest, batch, and its golden answer."""

import hashlib
import logging
import time
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from service.engine.deadline import Deadline
from service.engine.golden import GOLDEN, difference, read_golden
from service.engine.manifest import BatchAxis, BatchSpec, ModelFolder, first_mistake
from service.engine.pipeline import Decoded, Encoded, Pipeline, Source
from service.errors import ManifestError
from service.imaging.decode import DecodeLimits
from service.imaging.picture import Picture
from service.tasks.base import ConfigError, TensorInfo

log = logging.getLogger(__name__)


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(folder: ModelFolder) -> None:
    """Compare the graph's file with what the manifest says of it.

    Raises:
        ManifestError: the file is missing, or is another one.
    """
    if not folder.graph_path.is_file():
        raise ManifestError(folder.manifest_path, "file", f"there is no {folder.graph_path}")
    digest = file_sha256(folder.graph_path)
    if digest != folder.manifest.sha256:
        raise ManifestError(
            folder.manifest_path, "sha256", f"the digest of {folder.graph_path.name} is {digest}"
        )


def check_batch(info: TensorInfo, batch: BatchSpec) -> None:
    """Compare the batch axis of the picture's tensor with the manifest's `[batch]`.

    Raises:
        ConfigError: the graph cannot take batches of that size.
    """
    fixed = info.shape[0]
    if batch.axis is not BatchAxis.ALL and batch.max_size != 1:
        raise ConfigError("batch.max_size", "outputs without a batch axis are of one picture")
    if fixed is not None and fixed != batch.max_size:
        raise ConfigError("batch.max_size", f"the graph's batch is fixed at {fixed}")
    if fixed is not None and fixed > 1:
        raise ConfigError("batch.max_size", "export the graph with a batch of 1, or a dynamic one")


def check_golden(
    folder: ModelFolder, pipeline: Pipeline, *, decode: DecodeLimits, threads: int
) -> str:
    """Warm a model up, compare its answer where the right one is known, and time it.

    The second of the two runs seeds the admission's guess of how fast work goes.

    Args:
        folder: may have a golden answer; without one the model is only warmed.
        pipeline: the model's.
        decode: limits on pictures.
        threads: requests that are worked on at once.

    Returns:
        What is wrong with the model; empty if nothing is.

    Raises:
        ManifestError: `golden.json` is malformed.
    """
    check = read_golden(folder.path)
    options_type = folder.task_type.options_type
    source: Source = Decoded(Picture.from_pixels(np.full((64, 64, 3), 127, np.uint8)))
    options = options_type()
    if check is None:
        log.warning("%s has no golden.json: warmed, but not checked", folder.manifest.name)
    else:
        source = Encoded(check.picture, decode)
        try:
            options = options_type.model_validate(check.golden.options)
        except ValidationError as error:
            raise first_mistake(folder.path / GOLDEN, error, "options") from error
    try:
        pipeline.submit(source, options, Deadline.never()).result()  # the slow first run
        started = time.perf_counter()
        answer = pipeline.submit(source, options, Deadline.never()).result()
        pipeline.admission.seed((time.perf_counter() - started) / threads)
        found = check and difference(
            check.golden.expected, answer.result.answer(), check.golden.tolerance
        )
    except Exception as error:  # any failure here is the model's, and is what is reported
        log.exception("%s failed its first run", folder.manifest.name)
        found = str(error) or type(error).__name__
    if not found:
        return ""
    log.error("%s is not ready: golden answer: %s", folder.manifest.name, found)
    return f"golden answer: {found}"
