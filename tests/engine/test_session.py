"""onnxruntime's sessions: what they say of themselves, and where they really run."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto

from service.engine.session import Device, OrtSession, _shared_arena, providers_for
from service.errors import DeviceUnavailable
from service.tasks.base import TensorInfo
from service.telemetry import resident_bytes
from tests.engine.graph.graphs import model, node

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
TENSORRT, OPENVINO = "TensorrtExecutionProvider", "OpenVINOExecutionProvider"
AZURE = "AzureExecutionProvider"  # which the plain CPU wheel lists first


@pytest.fixture
def doubler(tmp_path: Path) -> Path:
    """Return a graph of any number of rows of three, with their double and their sign."""
    nodes = [node("Add", ["x", "x"], ["double"]), node("Sign", ["x"], ["sign"])]
    path = tmp_path / "doubler.onnx"
    graph = model(nodes, inputs={"x": ["N", 3]}, outputs=["double", "sign"])
    path.write_bytes(graph.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("device", "available", "chain"),
    [
        (Device.CPU, [AZURE, CPU], [CPU]),
        (Device.CPU, [CUDA, CPU], [CPU]),  # although there is a better one
        (Device.AUTO, [AZURE, CPU], [CPU]),
        (Device.AUTO, [TENSORRT, CUDA, CPU], [CUDA, CPU]),
        (Device.CUDA, [CUDA, CPU], [CUDA, CPU]),
        (Device.TENSORRT, [TENSORRT, CUDA, CPU], [TENSORRT, CUDA, CPU]),
        (Device.TENSORRT, [TENSORRT, CPU], [TENSORRT, CPU]),
        (Device.OPENVINO, [OPENVINO, CPU], [OPENVINO, CPU]),
    ],
)
def test_a_device_is_a_chain_of_providers(
    device: Device, available: list[str], chain: list[str]
) -> None:
    assert providers_for(device, available) == chain


@pytest.mark.parametrize("device", [Device.CUDA, Device.TENSORRT, Device.OPENVINO])
def test_a_device_that_is_not_built_in_is_refused_by_name(device: Device) -> None:
    with pytest.raises(DeviceUnavailable, match=f"'{device}'.*only {AZURE}, {CPU}"):
        providers_for(device, [AZURE, CPU])


def test_a_session_says_what_it_takes_and_gives(doubler: Path) -> None:
    session = OrtSession(doubler, device=Device.CPU, threads=1)

    assert session.provider == CPU
    assert session.inputs == (TensorInfo("x", (None, 3), "float32"),)
    assert session.outputs == (
        TensorInfo("double", (None, 3), "float32"),
        TensorInfo("sign", (None, 3), "float32"),
    )


def test_a_run_gives_every_output_by_name(doubler: Path) -> None:
    session = OrtSession(doubler, device=Device.AUTO, threads=1)

    answers = session.run({"x": np.array([[1, -2, 0]], np.float32)})

    np.testing.assert_array_equal(answers["double"], [[2, -4, 0]])
    np.testing.assert_array_equal(answers["sign"], [[1, -1, 0]])
    assert list(answers) == ["double", "sign"]


def test_a_closed_session_runs_no_more(doubler: Path) -> None:
    session = OrtSession(doubler, device=Device.CPU, threads=1)

    session.close()
    session.close()  # again does no harm

    with pytest.raises(RuntimeError, match="closed"):
        session.run({"x": np.zeros((1, 3), np.float32)})


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (TensorProto.UINT8, "uint8"),
        (TensorProto.INT32, "int32"),
        (TensorProto.INT64, "int64"),
        (TensorProto.FLOAT16, "float16"),
        (TensorProto.FLOAT, "float32"),
        (TensorProto.DOUBLE, "float64"),
        (TensorProto.BOOL, "bool"),
        (TensorProto.STRING, "tensor(string)"),  # no picture: left in the runtime's words
    ],
)
def test_element_types_are_said_in_numpys_words(kind: int, dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "identity.onnx"
    graph = model([node("Identity", ["x"], ["y"])], inputs={"x": [2, "N"]}, dtype=kind)
    path.write_bytes(graph.SerializeToString())

    session = OrtSession(path, device=Device.CPU, threads=1)

    assert session.inputs == (TensorInfo("x", (2, None), dtype),)
    assert session.outputs[0].dtype == dtype


class Opened:
    """Stands in for onnxruntime's session: remembers its options, says where it runs."""

    runs_on = (CPU,)
    options: ort.SessionOptions
    arguments: dict[str, Any]

    def __init__(self, path: Path, *, sess_options: ort.SessionOptions, **arguments: Any) -> None:
        Opened.options, Opened.arguments = sess_options, arguments

    def get_providers(self) -> list[str]:
        return list(self.runs_on)

    def get_inputs(self) -> list[SimpleNamespace]:
        return []

    get_outputs = get_inputs


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> type[Opened]:
    """Return onnxruntime's double, built for every device that there is."""
    monkeypatch.setattr(ort, "InferenceSession", Opened)
    monkeypatch.setattr(ort, "get_available_providers", lambda: [TENSORRT, CUDA, OPENVINO, CPU])
    return Opened


@pytest.mark.parametrize("threads", [1, 3])
def test_a_run_uses_as_many_threads_as_it_was_told(threads: int, opened: type[Opened]) -> None:
    OrtSession(Path("model.onnx"), device=Device.CPU, threads=threads)

    assert opened.options.intra_op_num_threads == threads
    assert opened.options.inter_op_num_threads == 1
    spinning = opened.options.get_session_config_entry("session.intra_op.allow_spinning")
    assert spinning == "0"


@pytest.fixture
def hungry(tmp_path: Path) -> Path:
    """Return a graph that takes twice the memory of its input to find three times its maximum."""
    path = tmp_path / "hungry.onnx"
    chain = [node("Add", ["x", "x"], ["a"]), node("Add", ["a", "x"], ["b"])]
    graph = model([*chain, node("ReduceMax", ["b"], ["y"])], inputs={"x": ["N", 3]}, outputs=["y"])
    path.write_bytes(graph.SerializeToString())
    return path


def test_sessions_do_not_each_keep_the_memory_of_their_runs(hungry: Path) -> None:
    rows = np.ones((1_500_000, 3), np.float32)  # 18 MB, and as much for `a` and for `b`
    sessions = []
    before = resident_bytes()

    for _ in range(10):
        session = OrtSession(hungry, device=Device.CPU, threads=1)
        assert session.run({"x": rows})["y"].tolist() == [[3.0]]
        sessions.append(session)

    assert resident_bytes() - before < 4 * rows.nbytes  # and not 20 times


def test_what_runs_left_is_given_back_from_time_to_time(
    hungry: Path, doubler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = OrtSession(hungry, device=Device.CPU, threads=1)
    small = OrtSession(doubler, device=Device.CPU, threads=1)
    rows = np.ones((8_000_000, 3), np.float32)  # 96 MB
    arena, one = _shared_arena(), {"x": np.ones((1, 3), np.float32)}
    monkeypatch.setattr(arena, "_due", math.inf)
    large.run({"x": rows})
    held = resident_bytes()
    small.run(one)
    assert held - resident_bytes() < rows.nbytes / 2

    monkeypatch.setattr(arena, "_due", 0.0)
    small.run(one)

    assert held - resident_bytes() > rows.nbytes
    assert arena._due > time.monotonic()  # and not at every run


@pytest.mark.parametrize("device", [Device.CUDA, Device.TENSORRT, Device.OPENVINO])
def test_a_silent_fallback_is_refused(
    device: Device, opened: type[Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeviceUnavailable, match=rf"'{device}'.*model\.onnx runs on {CPU}"):
        OrtSession(Path("models/model.onnx"), device=device, threads=1)

    wanted = opened.arguments["providers"]
    monkeypatch.setattr(opened, "runs_on", wanted)
    assert OrtSession(Path("model.onnx"), device=device, threads=1).provider == wanted[0]


@pytest.mark.parametrize("runs_on", [[CPU], [CUDA, CPU]])
def test_only_auto_may_fall_back(
    runs_on: list[str], opened: type[Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "runs_on", runs_on)

    session = OrtSession(Path("model.onnx"), device=Device.AUTO, threads=1)

    assert session.provider == runs_on[0]
    assert opened.arguments["providers"] == [CUDA, CPU]
    assert len(opened.arguments["provider_options"]) == 2


def test_the_runtime_is_told_to_report_to_nobody_before_it_is_imported() -> None:
    code = (
        "import importlib.abc, os, sys\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import service.app\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ORT_")}
    seen = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert seen.stdout.split() == ["1"]
