"""A model folder's task on a graph of one's choice: one picture in, one answer out, no queues."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.arrays import Array
from service.engine.manifest import BatchAxis, ModelFolder
from service.engine.session import Device, OrtSession, Session
from service.engine.unbatched import Unbatched
from service.imaging.decode import DecodeLimits, decode
from service.tasks.base import ConfigError, Network, Options, Prepared, Task


class Bound:
    """Feeds a graph exactly as the service does: scaled decode, resize, layout, type.

    Args:
        folder: whose manifest says how.
        graph: the .onnx file; default: the folder's own.

    Raises:
        ConfigError: the graph is not what the manifest describes, or its task needs several runs
            for one picture.
    """

    def __init__(self, folder: ModelFolder, graph: Path | None = None) -> None:
        session: Session = OrtSession(graph or folder.graph_path, device=Device.CPU, threads=1)
        if folder.manifest.batch.axis is not BatchAxis.ALL:
            session = Unbatched(session, folder.manifest.batch.axis)
        self.session = session
        network = Network(
            name=folder.manifest.name,
            input=folder.manifest.input,
            inputs=session.inputs,
            outputs=session.outputs,
        )
        self.task: Task[Any, Any, Any] = folder.task_type(network, folder.config)
        if len(session.inputs) != 1:
            raise ConfigError("input", "only networks whose one input is the picture are quantised")

    def prepare(self, picture: Path, options: Options | None = None) -> Prepared:
        """Return a picture file as tensors; without options, as a caller without any has it.

        Raises:
            BadRequest: the file is not a picture.
        """
        decoded = decode(picture.read_bytes(), limits=DecodeLimits(), scale=self.task.needed)
        return self.task.preprocess(decoded, options or self.task.options_type())

    def run(self, prepared: Prepared) -> Mapping[str, Array]:
        """Return the graph's outputs for one picture."""
        return self.session.run(prepared.tensors)

    def answer(self, picture: Path, options: Options) -> Any:
        """Return the task's result about a picture file."""
        prepared = self.prepare(picture, options)
        return self.task.postprocess(self.run(prepared), prepared, options)
