"""The models that are there: scanned, verified, loaded, warmed, checked, and closed at the end."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from service.engine.admission import Admission
from service.engine.checks import check_batch, check_digest, check_golden
from service.engine.cpus import thread_budget, usable_cpus
from service.engine.manifest import (
    MANIFEST,
    BatchAxis,
    ModelFolder,
    read_folder,
)
from service.engine.pipeline import Observer, Pipeline
from service.engine.pool import CpuPool
from service.engine.priority import in_background
from service.engine.session import CPU_PROVIDER, Device, OrtSession, Session
from service.engine.unbatched import Unbatched
from service.errors import ChiasmError, ManifestError, ModelNotFound, ModelNotReady
from service.imaging.decode import DecodeLimits
from service.tasks.base import ConfigError, Network

log = logging.getLogger(__name__)


class State(StrEnum):
    """What a loaded model may be."""

    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """What the operator allows, in the engine's words.

    Attributes:
        device: where sessions must run.
        cpus: CPUs to plan for; may be a fraction.
        instances, threads: override the manifests' `[runtime]` where not None.
        max_in_flight: requests a model may have in hand.
        max_wait_s: longest predicted wait that is still admitted.
        decode: limits on pictures.
    """

    device: Device = Device.AUTO
    cpus: float = field(default_factory=usable_cpus)
    instances: int | None = None
    threads: int | None = None
    max_in_flight: int = 128
    max_wait_s: float = 1.0
    decode: DecodeLimits = field(default_factory=DecodeLimits)


@dataclass(slots=True, kw_only=True)
class Model:
    """A loaded model.

    Attributes:
        folder: where it came from.
        session: its graph, on a device.
        pipeline: its way from a picture to an answer.
        runners: the threads that wait for its accelerator; None where it runs on the CPU pool.
        instances: runs at once.
        threads: of one run.
        state, reason: whether it may be asked, and why not.
        load_ms: how long it took to load, warm and check.
    """

    folder: ModelFolder
    session: Session
    pipeline: Pipeline
    runners: CpuPool | None
    instances: int
    threads: int
    state: State = State.READY
    reason: str = ""
    load_ms: float = 0.0

    @property
    def name(self) -> str:
        """The name that manifests, requests and metrics use."""
        return self.folder.manifest.name

    @property
    def task(self) -> str:
        """The name of the task it serves."""
        return self.folder.manifest.task

    def close(self) -> None:
        """Finish what is queued and give the memory back."""
        self.pipeline.close()
        if self.runners is not None:
            self.runners.close()
        self.session.close()


OpenSession = Callable[..., Session]


def open_ort(path: Path, device: Device, threads: int, *, frugal: bool = False) -> Session:
    """Open a graph in onnxruntime; what `Repository` does unless a test says otherwise."""
    return OrtSession(path, device=device, threads=threads, frugal=frugal)


class Repository:
    """Every model by name; owns their sessions, their threads and the CPU pool they share."""

    def __init__(
        self,
        folders: Iterable[ModelFolder],
        *,
        limits: EngineLimits,
        observer: Observer,
        preferred: Mapping[str, Sequence[str]] | None = None,
        open_session: OpenSession = open_ort,
    ) -> None:
        """Load every folder, several at a time, and check it against its golden answer.

        Args:
            folders: valid manifests.
            limits: the operator's.
            observer: told of stages, batches and drops.
            preferred: for a task, the names to try in order when a caller names no model.
            open_session: opens a graph.

        Raises:
            ManifestError: a manifest contradicts its file or graph; names file and key.
            DeviceUnavailable: the device that was named is not what the session runs on.
        """
        self._limits = limits
        self._observer = observer
        self._preferred = preferred or {}
        self._open_session = open_session
        self.cpus = limits.cpus
        self.draining = False
        self.pool = CpuPool(thread_budget(limits.cpus))
        self.models: dict[str, Model] = {}
        self._opened: list[Model] = []  # also those of a start that failed half-way
        try:
            with ThreadPoolExecutor(thread_budget(limits.cpus)) as loaders:
                for model in loaders.map(self._load, folders):
                    self.models[model.name] = model
        except BaseException:
            self.close()
            raise

    def find(self, task: str, name: str | None = None) -> Model:
        """Return the model called `name`, or the task's default.

        Raises:
            ModelNotFound: no such model serves the task.
            ModelNotReady: it is there, but failed its golden check.
        """
        for one in self._preferred.get(task, ()) if name is None else (name,):
            model = self.models.get(one)
            if model is not None and model.task == task:
                break
        else:
            serving = sorted(one.name for one in self.models.values() if one.task == task)
            if name is not None or not serving:
                raise ModelNotFound(name or "", serving)
            model = self.models[serving[0]]
        if model.state is not State.READY:
            raise ModelNotReady(f"{model.name} failed its check at start", model=model.name)
        return model

    def drain(self, timeout_s: float) -> bool:
        """Admit nothing more; wait for what is in hand.

        Returns:
            False if `timeout_s` passed first.
        """
        self.draining = True
        end = time.monotonic() + timeout_s
        drained = [
            model.pipeline.admission.close(max(0.0, end - time.monotonic()))
            for model in self.models.values()
        ]
        return all(drained)

    def close(self) -> None:
        """Close every model, then the pool."""
        for model in self._opened:
            model.close()
        self.pool.close()

    def _load(self, folder: ModelFolder) -> Model:
        started = time.perf_counter()
        check_digest(folder)
        runtime = folder.manifest.runtime
        budget = thread_budget(self._limits.cpus)
        threads = min(self._limits.threads or runtime.threads or 1, budget)
        instances = self._limits.instances or runtime.instances or max(1, budget // threads)
        open_session = partial(self._open_session, folder.graph_path, self._limits.device, threads)
        try:
            if folder.task_type.in_background:
                session = in_background(partial(open_session, frugal=True))
            else:
                session = open_session()
        except ChiasmError:
            raise
        except Exception as error:  # whatever the runtime says of a file it cannot load
            raise ManifestError(folder.manifest_path, "file", str(error)) from error
        if folder.manifest.batch.axis is not BatchAxis.ALL:
            session = Unbatched(session, folder.manifest.batch.axis)
        runners = None
        if session.provider != CPU_PROVIDER:
            runners = CpuPool(instances, name=folder.manifest.name)
        try:
            pipeline = self._join(folder, session, runners, instances)
        except ConfigError as error:
            if runners is not None:
                runners.close()
            session.close()
            raise ManifestError(folder.manifest_path, error.key, error.reason) from error
        model = Model(
            folder=folder,
            session=session,
            pipeline=pipeline,
            runners=runners,
            instances=instances,
            threads=threads,
        )
        self._opened.append(model)
        model.reason = check_golden(
            folder, pipeline, decode=self._limits.decode, threads=self.pool.threads
        )
        model.state = State.FAILED if model.reason else State.READY
        model.load_ms = (time.perf_counter() - started) * 1000
        return model

    def _join(
        self, folder: ModelFolder, session: Session, runners: CpuPool | None, instances: int
    ) -> Pipeline:
        manifest = folder.manifest
        network = Network(
            name=manifest.name,
            input=manifest.input,
            inputs=session.inputs,
            outputs=session.outputs,
        )
        task = folder.task_type(network, folder.config)
        check_batch(network.input_info(), manifest.batch)
        return Pipeline(
            task=task,
            session=session,
            pool=self.pool,
            runners=runners or self.pool,
            admission=Admission(
                max_in_flight=self._limits.max_in_flight, max_wait_s=self._limits.max_wait_s
            ),
            observer=self._observer,
            instances=instances,
            max_rows=manifest.batch.max_size,
            max_delay_s=manifest.batch.max_delay_ms / 1000,
        )


def scan(directory: Path) -> list[ModelFolder]:
    """Return every model folder of a directory, by name, whether its graph is there or not.

    Raises:
        ManifestError: the directory is missing, or one of its manifests is wrong.
    """
    if not directory.is_dir():
        raise ManifestError(directory, "", "there is no such directory of models")
    return [read_folder(path.parent) for path in sorted(directory.glob(f"*/{MANIFEST}"))]
