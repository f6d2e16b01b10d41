"""Graphs without a batch axis look like graphs with a batch of one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from service.arrays import Array
from service.engine.manifest import BatchAxis
from service.engine.unbatched import Unbatched
from service.tasks.base import TensorInfo


class OnePicture:
    """A session as torchvision exports Faster R-CNN: remembers what it was fed."""

    provider = "CPUExecutionProvider"
    outputs = (TensorInfo("boxes", (None, 4), "float32"), TensorInfo("scores", (None,), "float32"))

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.inputs = (TensorInfo("image", shape, "float32"),)
        self.fed: tuple[int, ...] = ()
        self.closed = False

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        self.fed = feeds["image"].shape
        return {"boxes": np.ones((7, 4), np.float32), "scores": np.ones(7, np.float32)}

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("axis", "own"),
    [
        pytest.param(BatchAxis.NONE, (3, 8, 8), id="neither inputs nor outputs have one"),
        pytest.param(BatchAxis.INPUT, (1, 3, 8, 8), id="only inputs have one"),
    ],
)
def test_it_looks_like_a_batch_of_one(axis: BatchAxis, own: tuple[int, ...]) -> None:
    inner = OnePicture(own)
    session = Unbatched(inner, axis)
    assert session.inputs[0].shape == (1, 3, 8, 8)
    assert [info.shape for info in session.outputs] == [(1, None, 4), (1, None)]
    answer = session.run({"image": np.zeros((1, 3, 8, 8), np.float32)})
    assert inner.fed == own
    assert {name: value.shape for name, value in answer.items()} == {
        "boxes": (1, 7, 4),
        "scores": (1, 7),
    }
    assert session.provider == inner.provider
    session.close()
    assert inner.closed
