"""Networks that paint, as a task sees them: sizes and names, no weights."""

from typing import Any

from service.tasks.base import Network, TensorInfo
from service.tasks.inputs import InputSpec
from service.tasks.style.transfer import StylePresets, StyleTransform, TransferConfig

CHANNELS = 5


def network(*, numbers: int | None = 3, size: tuple[int, int] = (48, 48), **spec: Any) -> Network:
    return Network(
        name="painter",
        input=InputSpec(**{"name": "image", "size": size, "layout": "NHWC", **spec}),
        inputs=(
            TensorInfo("image", (1, None, None, 3), "uint8"),
            TensorInfo("style", (1, numbers), "float32"),
            TensorInfo("given", (None, CHANNELS, 2), "float32"),
        ),
        outputs=(
            TensorInfo("pixels", (1, None, None, 3), "float32"),
            TensorInfo("statistics", (1, CHANNELS, 2), "float32"),
        ),
    )


def presets(config: Any = None, **choices: Any) -> StylePresets:
    return StylePresets(network(**choices), TransferConfig(**{"halo": 8, **(config or {})}))


def transform(**choices: Any) -> StyleTransform:
    return StyleTransform(network(**choices), TransferConfig(halo=8))
