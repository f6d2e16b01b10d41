"""What the rivals compute: the same networks, with the preprocessing that tutorials teach.

The whole picture is decoded, converted to RGB, resized with the filter that the network was
trained with, and put into an array. What a detector's head means is Chiasm's own code, so that
nobody is slowed by another's NMS; so is the form of the answer, so that all write the same JSON.
"""

import io

import numpy as np
import onnxruntime as ort
from PIL import Image

from bench.models import folder_of
from service.arrays import Array
from service.imaging.geometry import ToSource
from service.tasks.base import Network, Prepared, TensorInfo

RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
DTYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}


class Book:
    """A model in onnxruntime, from a decoded picture to an answer."""

    def __init__(self, task: str, options: ort.SessionOptions | None = None) -> None:
        """Load the model that answers `task`; `options` is None for onnxruntime's defaults."""
        folder = folder_of(task)
        self._session = ort.InferenceSession(
            folder.graph_path, options, providers=["CPUExecutionProvider"]
        )
        self._spec = folder.manifest.input
        [source] = self._session.get_inputs()
        self._input, self._dtype = source.name, DTYPES[source.type]
        self._outputs = [output.name for output in self._session.get_outputs()]
        network = Network(
            name=folder.manifest.name,
            input=self._spec,
            inputs=_infos(self._session.get_inputs()),
            outputs=_infos(self._session.get_outputs()),
        )
        self._task = folder.task_type(network, folder.config)
        self._options = folder.task_type.options_type()

    def answer(self, image: Image.Image) -> dict[str, object]:
        """Return the answer about a picture that may not have been decoded yet."""
        rgb = image.convert("RGB")
        pixels, to_source = self._fit(rgb)
        outputs = self._session.run(self._outputs, {self._input: self._array(pixels)})
        prepared = Prepared(tensors={}, context=to_source)
        named = dict(zip(self._outputs, outputs, strict=True))
        return self._task.postprocess(named, prepared, self._options).answer()

    def answer_bytes(self, data: bytes) -> dict[str, object]:
        """Return the answer about the bytes of a picture file."""
        return self.answer(Image.open(io.BytesIO(data)))

    def _fit(self, rgb: Image.Image) -> tuple[Image.Image, ToSource]:
        """Return a picture of the network's size, and the way back."""
        height, width = self._spec.size
        filtering = RESAMPLING[self._spec.interpolation.value]
        full = (rgb.height, rgb.width)
        if self._spec.resize.value == "stretch":
            return rgb.resize((width, height), filtering), _way_back(1.0, full)
        if self._spec.resize.value == "crop":
            scale = self._spec.short_side / min(rgb.size)
            scaled = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), filtering)
            left, top = (scaled.width - width) // 2, (scaled.height - height) // 2
            return scaled.crop((left, top, left + width, top + height)), _way_back(1.0, full)
        scale = min(width / rgb.width, height / rgb.height)
        scaled = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), filtering)
        canvas = Image.new("RGB", (width, height), (self._spec.pad,) * 3)
        corner = (0, 0)
        if self._spec.align.value == "center":
            corner = (width - scaled.width) // 2, (height - scaled.height) // 2
        canvas.paste(scaled, corner)
        return canvas, _way_back(1 / scale, full, corner)

    def _array(self, pixels: Image.Image) -> Array:
        """Return the picture as the network's tensor (1, ...)."""
        if self._spec.color.value == "GRAY":
            array = np.asarray(pixels.convert("L"))[..., None]
        else:
            array = np.asarray(pixels)
        if self._spec.color.value == "BGR":
            array = array[..., ::-1]
        if self._dtype is np.float32:
            array = array.astype(np.float32) * self._spec.scale
            array = (array - np.float32(self._spec.mean)) / np.float32(self._spec.std)
        if self._spec.layout.value == "NCHW":
            array = array.transpose(2, 0, 1)
        return np.ascontiguousarray(array[None], self._dtype)


def one_thread() -> ort.SessionOptions:
    """Return options for a worker that has one core to itself, among others like it.

    By default a session has a thread for each core of the machine; as many workers as cores then
    fight for them.

    Source: onnxruntime's documentation, Thread management.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return options


def _way_back(scale: float, size: tuple[int, int], corner: tuple[int, int] = (0, 0)) -> ToSource:
    return ToSource(
        scale_x=scale,
        scale_y=scale,
        offset_x=float(corner[0]),
        offset_y=float(corner[1]),
        size=size,
    )


def _infos(nodes: list[ort.NodeArg]) -> tuple[TensorInfo, ...]:
    return tuple(
        TensorInfo(
            node.name,
            tuple(size if isinstance(size, int) else None for size in node.shape),
            np.dtype(DTYPES[node.type]).name,
        )
        for node in nodes
    )
