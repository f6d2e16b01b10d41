"""From a network's raw outputs to scored boxes: one pure function for each kind of head.

A decoder takes one image's outputs (arrays by name, without the batch axis), the size of the
network input and its own configuration, and returns the boxes that reach a score threshold, as
corners in network-input pixels. It compares before it computes: what cannot reach the threshold
is never activated, multiplied or turned into a box. `select` makes detections of candidates.

Adding a decoder is adding a configuration, a function, and a row to `DECODERS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar, Union

from pydantic import Field

from service.imaging.picture import Size
from service.tasks.decoders.anchor_free import (
    Nanodet,
    Yolov8,
    Yolox,
    decode_nanodet,
    decode_yolov8,
    decode_yolox,
)
from service.tasks.decoders.anchored import (
    Yolov2,
    Yolov3,
    Yolov5,
    decode_yolov2,
    decode_yolov3,
    decode_yolov5,
)
from service.tasks.decoders.candidates import Candidates, Selection, Suppression, select
from service.tasks.decoders.centernet import Centernet, decode_centernet
from service.tasks.decoders.finished import (
    BoxesScoresLabels,
    YoloEnd2End,
    decode_boxes_scores_labels,
    decode_yolo_end2end,
)
from service.tasks.decoders.head import Decode, DecoderConfig, GraphShapes, Outputs

ConfigT = TypeVar("ConfigT", bound=DecoderConfig)


@dataclass(frozen=True, slots=True)
class Decoder(Generic[ConfigT]):
    """What a manifest's `decoder = "..."` chooses."""

    config: type[ConfigT]
    decode: Decode[ConfigT]


DECODERS: Final[Mapping[str, Decoder[Any]]] = {
    "yolov2": Decoder(Yolov2, decode_yolov2),
    "yolov3": Decoder(Yolov3, decode_yolov3),
    "yolov5": Decoder(Yolov5, decode_yolov5),
    "yolov8": Decoder(Yolov8, decode_yolov8),
    "yolo_end2end": Decoder(YoloEnd2End, decode_yolo_end2end),
    "yolox": Decoder(Yolox, decode_yolox),
    "nanodet": Decoder(Nanodet, decode_nanodet),
    "centernet": Decoder(Centernet, decode_centernet),
    "boxes_scores_labels": Decoder(BoxesScoresLabels, decode_boxes_scores_labels),
}

if TYPE_CHECKING:
    AnyDecoder = DecoderConfig
else:
    # The type of a configuration's field that holds any decoder: Pydantic chooses by `decoder`.
    AnyDecoder = Annotated[
        Union[tuple(row.config for row in DECODERS.values())],  # noqa: UP007 (built at run time)
        Field(discriminator="decoder"),
    ]

_FUNCTIONS: Final = {row.config: row.decode for row in DECODERS.values()}


def decode(
    outputs: Outputs, config: DecoderConfig, *, input_size: Size, score_threshold: float
) -> Candidates:
    """Return one image's boxes that reach the threshold, by the decoder that `config` is for.

    Args:
        outputs: by name, float32, without the batch axis.
        config: one of the configurations in `DECODERS`.
        input_size: (H, W) of the network input.
        score_threshold: 0..1; a score exactly at it passes.
    """
    return _FUNCTIONS[type(config)](
        outputs, config, input_size=input_size, score_threshold=score_threshold
    )


__all__ = [
    "DECODERS",
    "AnyDecoder",
    "Candidates",
    "Decoder",
    "DecoderConfig",
    "GraphShapes",
    "Outputs",
    "Selection",
    "Suppression",
    "decode",
    "select",
]
