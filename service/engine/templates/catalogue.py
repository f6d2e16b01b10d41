"""One row for each generation of networks: how its outputs are read and how it is fed.

`decoder` in a manifest names one of nine functions; a row here names what people call their
network, since some of them share a function and differ in anchors or in the pictures they want.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.engine.templates import anchors
from service.engine.templates.grids import read_centernet, read_heads, read_yolov2
from service.engine.templates.readings import (
    Reading,
    read_yolo_end2end,
    read_yolov5,
    read_yolov8,
    read_yolox,
)
from service.engine.templates.separate import (
    read_boxes_scores_labels,
    read_detr,
    read_nanodet,
)
from service.engine.templates.view import View
from service.imaging.geometry import Align, ResizeRule
from service.imaging.picture import Size
from service.tasks.inputs import Color

# Russakovsky et al., ImageNet, as torchvision and timm normalise with: RGB, 0..1.
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeding:
    """What a network was trained to see; the words are those of `[input]`.

    Attributes:
        source: who feeds it so.
        others: how its relatives are fed.
        pad, align: letterbox only.
        short_side: crop only, as a multiple of the input's longer side.
        scale, mean, std: for graphs that take floats.
    """

    source: str
    others: str = ""
    color: Color = Color.RGB
    resize: ResizeRule
    pad: int = 114
    align: Align = Align.CENTER
    short_side: float = 1.0
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One generation of detectors.

    Attributes:
        name: what `--decoder` calls it; mostly also the name of the decoder.
        also: other names for it.
        wants: the outputs that it reads, for one picture.
        size: (H, W) where the graph leaves it open.
        feeding: what the network sees.
        read: yields the ways to read a graph, the likely ones first.
        score_threshold: the default of the model.
    """

    name: str
    also: tuple[str, ...] = ()
    wants: str
    size: Size
    feeding: Feeding
    read: Callable[[View], Iterator[Reading]]
    score_threshold: float = 0.25


_DARKNET = Feeding(
    source="darknet's detector (letterbox_image) feeds YOLOv2 and YOLOv3",
    resize=ResizeRule.LETTERBOX,
    pad=128,
    scale=1 / 255,
)
_ULTRALYTICS = Feeding(
    source="Ultralytics (LetterBox) and YOLOv7 feed their networks",
    resize=ResizeRule.LETTERBOX,
    scale=1 / 255,
)
_HEADS = "heads (3 * (5 + C), H, W), (3, H, W, 5 + C) or (H, W, 3 * (5 + C))"


def _yolov2_anchors(classes: int) -> Sequence[anchors.AnchorSet]:
    """Return VOC's anchors for VOC's 20 classes, else COCO's."""
    if classes == 20:
        return anchors.YOLOV2_VOC, anchors.YOLOV2_TINY_VOC
    return (anchors.YOLOV2_COCO,)


def _yolov5_or_heads(*sets: anchors.AnchorSet) -> Callable[[View], Iterator[Reading]]:
    heads = read_heads("yolov5", ("anchors_first",), sets)

    def read(view: View) -> Iterator[Reading]:
        yield from read_yolov5(view)
        yield from heads(view)

    return read


TEMPLATES: Final = (
    Template(
        name="yolov2",
        also=("tiny-yolov2",),
        wants="one head (5 * (5 + C), H, W) or (H, W, 5 * (5 + C)), also with the 5 as an axis",
        size=(416, 416),
        feeding=_DARKNET,
        read=read_yolov2(_yolov2_anchors),
    ),
    Template(
        name="yolov3",
        also=("yolov3-tiny",),
        wants=_HEADS,
        size=(416, 416),
        feeding=_DARKNET,
        read=read_heads(
            "yolov3", ("channels_first", "channels_last"), (anchors.YOLOV3, anchors.YOLOV3_TINY)
        ),
    ),
    Template(
        name="yolov4",
        also=("yolov4-tiny",),
        wants=_HEADS,
        size=(416, 416),
        feeding=Feeding(
            source="AlexeyAB's darknet feeds YOLOv4 (letter_box=0)",
            resize=ResizeRule.STRETCH,
            scale=1 / 255,
        ),
        read=read_heads(
            "yolov3", ("channels_first", "channels_last"), (anchors.YOLOV4, anchors.YOLOV4_TINY)
        ),
    ),
    Template(
        name="yolov5",
        also=("yolov6",),
        wants=f"joined rows (A, 5 + C), or {_HEADS}",
        size=(640, 640),
        feeding=_ULTRALYTICS,
        read=_yolov5_or_heads(anchors.YOLOV5, anchors.YOLOV5_P6),
    ),
    Template(
        name="yolov7",
        wants=f"joined rows (A, 5 + C), or {_HEADS}",
        size=(640, 640),
        feeding=_ULTRALYTICS,
        read=_yolov5_or_heads(anchors.YOLOV7, anchors.YOLOV7_W6),
    ),
    Template(
        name="yolov8",
        also=("yolov9", "yolo11", "yolo12"),
        wants="(4 + C, A)",
        size=(640, 640),
        feeding=_ULTRALYTICS,
        read=read_yolov8,
    ),
    Template(
        name="yolo_end2end",
        also=("yolov10", "yolo26"),
        wants="rows (N, 6): x1, y1, x2, y2, score, class",
        size=(640, 640),
        feeding=_ULTRALYTICS,
        read=read_yolo_end2end,
    ),
    Template(
        name="yolox",
        wants="rows (A, 5 + C), one for each cell of each stride",
        size=(640, 640),
        feeding=Feeding(
            source="Megvii feeds YOLOX since 0.1.1 (yolox/data/data_augment.py, preproc)",
            color=Color.BGR,
            resize=ResizeRule.LETTERBOX,
            align=Align.TOP_LEFT,
        ),
        read=read_yolox,
    ),
    Template(
        name="nanodet",
        wants="for each stride scores (A, C) and distance bins (A, 4 * (n + 1))",
        size=(320, 320),
        feeding=Feeding(
            source="NanoDet's configurations say",
            others='With keep_ratio: False, as in NanoDet-Plus: resize = "stretch".',
            color=Color.BGR,
            resize=ResizeRule.LETTERBOX,
            pad=0,
            mean=(103.53, 116.28, 123.675),
            std=(57.375, 57.12, 58.395),
        ),
        read=read_nanodet,
        score_threshold=0.35,
    ),
    Template(
        name="centernet",
        wants="a heat map (C, H, W) and sizes (2, H, W) or distances (4, H, W)",
        size=(512, 512),
        feeding=Feeding(
            source="CenterNet feeds its COCO networks (src/lib/opts.py, base_detector.py)",
            color=Color.BGR,
            resize=ResizeRule.LETTERBOX,
            pad=0,
            scale=1 / 255,
            mean=(0.408, 0.447, 0.47),
            std=(0.289, 0.274, 0.278),
        ),
        read=read_centernet,
        score_threshold=0.3,
    ),
    Template(
        name="faster_rcnn",
        also=("boxes_scores_labels", "ssd", "retinanet", "fcos"),
        wants="boxes (N, 4), scores (N,) and labels (N,)",
        size=(800, 800),
        feeding=Feeding(
            source="torchvision's detectors want it: 0..1, they normalise and resize by themselves",
            resize=ResizeRule.LETTERBOX,
            align=Align.TOP_LEFT,
            scale=1 / 255,
        ),
        read=read_boxes_scores_labels,
        score_threshold=0.5,
    ),
    Template(
        name="detr",
        also=("boxes_scores_labels", "rt-detr"),
        wants="boxes (N, 4) and class values (N, C) or (N, C + 1)",
        size=(800, 800),
        feeding=Feeding(
            source="DETR is fed",
            others="RT-DETR: 640x640, without mean and std.",
            resize=ResizeRule.STRETCH,
            scale=1 / 255,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
        ),
        read=read_detr,
        score_threshold=0.5,
    ),
)
