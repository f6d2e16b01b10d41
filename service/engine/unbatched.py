"""Graphs that take or give one picture without a batch axis, dressed as a batch of one."""

from collections.abc import Mapping, Sequence

from service.arrays import Array
from service.engine.manifest import BatchAxis
from service.engine.session import Session
from service.tasks.base import TensorInfo


class Unbatched:
    """A session whose outputs, and perhaps inputs, get the batch axis that the graph lacks.

    torchvision exports Faster R-CNN so: (3, H, W) in; boxes (N, 4), labels (N,), scores (N,) out.
    """

    def __init__(self, session: Session, axis: BatchAxis) -> None:
        """Wrap a session.

        Args:
            session: takes one picture at a time.
            axis: INPUT if only its inputs have a batch axis (of 1), NONE if nothing has.
        """
        self._session = session
        self._bare_inputs = axis is BatchAxis.NONE
        self.provider = session.provider
        self.inputs = session.inputs
        if self._bare_inputs:
            self.inputs = tuple(map(_with_axis, session.inputs))
        self.outputs = tuple(map(_with_axis, session.outputs))

    def run(
        self, feeds: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Return outputs by name, (1, ...), for feeds of (1, ...)."""
        if self._bare_inputs:
            feeds = {name: value[0] for name, value in feeds.items()}
        return {name: value[None] for name, value in self._session.run(feeds, outputs).items()}

    def close(self) -> None:
        """Close the session."""
        self._session.close()


def _with_axis(info: TensorInfo) -> TensorInfo:
    return TensorInfo(info.name, (1, *info.shape), info.dtype)
