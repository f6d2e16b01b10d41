"""ONNX networks under test: sessions, noise for pictures, and the parity oracles."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from service.arrays import U8, Array

ORACLES = Path(__file__).resolve().parents[3] / "shared" / "models"


def pictures(count: int, side: int) -> U8:
    """Pixels at random, (count, side, side, 3), the first picture with large flat patches."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, side, side, 3), np.uint8)
    patches = rng.integers(0, 256, (8, 8, 3), np.uint8)
    pixels[0] = patches.repeat(-(-side // 8), 0).repeat(-(-side // 8), 1)[:side, :side]
    return pixels


def session(model: onnx.ModelProto | Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def answers(network: ort.InferenceSession, pixels: Array) -> dict[str, Array]:
    """Return the outputs by name."""
    names = [output.name for output in network.get_outputs()]
    return dict(zip(names, network.run(names, {network.get_inputs()[0].name: pixels}), strict=True))


def oracle(name: str, pixels: Array) -> dict[str, Array]:
    """Return what an earlier export of a network answers; skips the test where there is none."""
    path = ORACLES / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"the earlier export ../shared/models/{name}.onnx is not here")
    return answers(session(path), pixels)


def signature(network: ort.InferenceSession) -> dict[str, tuple[str, list[int | str]]]:
    """Return type and shape of every input and output by name."""
    ends = [*network.get_inputs(), *network.get_outputs()]
    return {end.name: (end.type, end.shape) for end in ends}
