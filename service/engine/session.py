"""The only file that knows onnxruntime: a graph on a device, and proof of which device."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Protocol

# The wheel reports on its use to its makers unless it is told not to, before it is imported.
# Nothing that sees people's pictures may call anybody.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from service.arrays import Array
from service.errors import DeviceUnavailable
from service.tasks.base import TensorInfo


class Device(StrEnum):
    """Where networks run. `auto` may fall back to the CPU; every other name may not."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    OPENVINO = "openvino"


SHRINK_ARENA = "memory.enable_memory_arena_shrinkage"  # onnxruntime_run_options_config_keys.h
CPU_PROVIDER = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
# Most wanted first; the later ones run what the first does not implement.
_CHAINS: dict[Device, tuple[str, ...]] = {
    Device.AUTO: (_CUDA, CPU_PROVIDER),
    Device.CPU: (CPU_PROVIDER,),
    Device.CUDA: (_CUDA, CPU_PROVIDER),
    Device.TENSORRT: ("TensorrtExecutionProvider", _CUDA, CPU_PROVIDER),
    Device.OPENVINO: ("OpenVINOExecutionProvider", CPU_PROVIDER),
}
# Grow by what was asked for, not by powers of two, so that the arena stays at what is in use.
_PROVIDER_OPTIONS: dict[str, dict[str, str]] = {
    _CUDA: {"arena_extend_strategy": "kSameAsRequested", "cudnn_conv_algo_search": "HEURISTIC"},
}
SHRINK_EVERY_S = 10.0
# Keys of onnxruntime_session_options_config_keys.h.
SLEEP = ("session.intra_op.allow_spinning", "0")
SHARED_ARENA = ("session.use_env_allocators", "1")
WEIGHTS_APART = ("session.use_device_allocator_for_initializers", "1")
# Regions of the size that was asked for; -1: onnxruntime's own choice.
_ARENA = {
    "arena_extend_strategy": 1,  # kSameAsRequested
    "max_mem": 0,  # no limit
    "initial_chunk_size_bytes": -1,
    "max_dead_bytes_per_chunk": -1,
}
# onnxruntime's element types in NumPy's words; anything else is no picture and no answer.
_DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
}


class Session(Protocol):
    """A loaded graph; `run` may be called from several threads at once."""

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """What `run` must be fed."""
        ...

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """What `run` returns."""
        ...

    @property
    def provider(self) -> str:
        """The execution provider that really runs the graph, in onnxruntime's spelling."""
        ...

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Return the outputs that are named, or every one, by name."""
        ...

    def close(self) -> None:
        """Give the memory back; `run` fails from then on."""
        ...


def providers_for(device: Device, available: Sequence[str]) -> list[str]:
    """Return the chain of execution providers for `device`, most wanted first.

    Raises:
        DeviceUnavailable: the installed onnxruntime was built without the named device.
    """
    chain = _CHAINS[device]
    if device is not Device.AUTO and chain[0] not in available:
        raise DeviceUnavailable(
            f"device {device.value!r} was asked for, but the installed onnxruntime has only "
            f"{', '.join(available)}"
        )
    return [provider for provider in chain if provider in available]


class OrtSession:
    """An onnxruntime session that refuses to run elsewhere than it was told to."""

    def __init__(self, path: Path, *, device: Device, threads: int, frugal: bool = False) -> None:
        """Load and optimise the graph.

        Args:
            path: the .onnx file.
            device: where it must run.
            threads: `intra_op_num_threads`: threads that one `run` may use.
            frugal: give the memory of a run back after it instead of keeping it for the next: a
                U-Net at 512 x 512 then leaves 10 MB behind and not 240, and takes a fifth longer.

        Raises:
            DeviceUnavailable: the session fell back to another device than the one named.
        """
        providers = providers_for(device, ort.get_available_providers())
        self._session: ort.InferenceSession | None = ort.InferenceSession(
            path,
            sess_options=_options(threads, own_arena=frugal),
            providers=providers,
            provider_options=[_PROVIDER_OPTIONS.get(name, {}) for name in providers],
        )
        self.provider: str = self._session.get_providers()[0]
        wanted = _CHAINS[device][0]
        if device is not Device.AUTO and self.provider != wanted:
            raise DeviceUnavailable(
                f"device {device.value!r} was asked for, but {path.name} runs on {self.provider}; "
                "is the driver installed and a device visible?"
            )
        self.inputs = tuple(map(_info, self._session.get_inputs()))
        self.outputs = tuple(map(_info, self._session.get_outputs()))
        self._output_names = [info.name for info in self.outputs]
        self._run_options: Callable[[], ort.RunOptions]
        if self.provider != CPU_PROVIDER:
            self._run_options = ort.RunOptions
        elif frugal:
            self._run_options = _shrinking
        else:
            self._run_options = _shared_arena().run_options

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Return the outputs that are named, or every one, by name."""
        session = self._session  # once: another thread may close this one meanwhile
        if session is None:
            raise RuntimeError("the session is closed")
        names = self._output_names if outputs is None else outputs
        return dict(zip(names, session.run(names, feeds, self._run_options()), strict=True))

    def close(self) -> None:
        """Drop the graph; its memory is freed when the last running `run` returns."""
        self._session = None


class _Arena:
    """The memory that sessions on the CPU take for their runs and share.

    It grows with what runs at once: four faces in one batch take 150 MB. What none of them uses
    is given back once in `SHRINK_EVERY_S`, by a run that happens to come then; the next one takes
    4 to 24 ms longer, since it has to ask the system again.
    """

    def __init__(self) -> None:
        """Register the arena with onnxruntime, which takes one for each process."""
        memory = ort.OrtMemoryInfo(
            "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
        )
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(_ARENA))
        self._keeping = ort.RunOptions()
        self._shrinking = _shrinking()
        self._due = time.monotonic() + SHRINK_EVERY_S

    def run_options(self) -> ort.RunOptions:
        """Return what the next run is to do with memory that it leaves."""
        now = time.monotonic()
        if now < self._due:
            return self._keeping
        self._due = now + SHRINK_EVERY_S  # another thread may come between; twice does no harm
        return self._shrinking


_shared_arena = cache(_Arena)


def _shrinking() -> ort.RunOptions:
    options = ort.RunOptions()
    options.add_run_config_entry(SHRINK_ARENA, "cpu:0")
    return options


def _options(threads: int, *, own_arena: bool) -> ort.SessionOptions:
    """Return the settings of a session.

    Memory for what runs pass from layer to layer comes from one arena for all sessions: it is as
    large as the largest runs that were under way at once, and not as the sum of every model's
    largest. Without a pattern a run takes and returns tensor by tensor, which fits into the gaps
    that the last run left, whatever model that was of.

    A frugal session keeps an arena of its own, since what a run gives back it gives back for all.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only: a fallback is found and raised by the caller
    # Waiting threads sleep instead of spinning: the cores are shared with decoding.
    options.add_session_config_entry(*SLEEP)
    options.enable_mem_pattern = False
    if not own_arena:
        _shared_arena()
        options.add_session_config_entry(*SHARED_ARENA)
        # Weights live as long as their session, and would leave holes in what outlives it.
        options.add_session_config_entry(*WEIGHTS_APART)
    return options


def _info(node: ort.NodeArg) -> TensorInfo:
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorInfo(node.name, shape, _DTYPES.get(node.type, node.type))
