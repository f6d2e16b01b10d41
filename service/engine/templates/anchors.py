"""The anchor boxes that the well-known networks were trained with."""

from dataclasses import dataclass
from typing import Final

Box = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadAnchors:
    """The anchors of one head.

    Attributes:
        stride: pixels from cell to cell.
        boxes: (w, h), in network-input pixels; those of YOLOv2 in cells.
        scale_x_y: YOLOv4's stretch of the sigmoids of a centre.
    """

    stride: int
    boxes: tuple[Box, ...]
    scale_x_y: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorSet:
    """The anchors of all heads of a network, smallest stride first; `source` is where from."""

    source: str
    heads: tuple[HeadAnchors, ...]

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides of the heads, in their order."""
        return tuple(head.stride for head in self.heads)


def _boxes(*numbers: float) -> tuple[Box, ...]:
    """Return the (w, h) of `w, h, w, h, ...`, as configuration files write them."""
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _head(stride: int, *numbers: float, scale_x_y: float = 1.0) -> HeadAnchors:
    return HeadAnchors(stride=stride, boxes=_boxes(*numbers), scale_x_y=scale_x_y)


# pjreddie/darknet, cfg/yolov2-voc.cfg
YOLOV2_VOC: Final = AnchorSet(
    source="yolov2-voc.cfg",
    heads=(
        _head(
            32,
            *(1.3221, 1.73145, 3.19275, 4.00944, 5.05587),
            *(8.09892, 9.47112, 4.84053, 11.2364, 10.0071),
        ),
    ),
)
# pjreddie/darknet, cfg/yolov2-tiny-voc.cfg
YOLOV2_TINY_VOC: Final = AnchorSet(
    source="yolov2-tiny-voc.cfg",
    heads=(_head(32, 1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, 5.11, 16.62, 10.52),),
)
# pjreddie/darknet, cfg/yolov2.cfg and cfg/yolov2-tiny.cfg
YOLOV2_COCO: Final = AnchorSet(
    source="yolov2.cfg",
    heads=(
        _head(
            32,
            *(0.57273, 0.677385, 1.87446, 2.06253, 3.33843),
            *(5.47434, 7.88282, 3.52778, 9.77052, 9.16828),
        ),
    ),
)
# pjreddie/darknet, cfg/yolov3.cfg; Redmon and Farhadi, arXiv:1804.02767, section 2.3
YOLOV3: Final = AnchorSet(
    source="yolov3.cfg",
    heads=(
        _head(8, 10, 13, 16, 30, 33, 23),
        _head(16, 30, 61, 62, 45, 59, 119),
        _head(32, 116, 90, 156, 198, 373, 326),
    ),
)
# pjreddie/darknet, cfg/yolov3-tiny.cfg
YOLOV3_TINY: Final = AnchorSet(
    source="yolov3-tiny.cfg",
    heads=(_head(16, 10, 14, 23, 27, 37, 58), _head(32, 81, 82, 135, 169, 344, 319)),
)
# AlexeyAB/darknet, cfg/yolov4.cfg
YOLOV4: Final = AnchorSet(
    source="yolov4.cfg",
    heads=(
        _head(8, 12, 16, 19, 36, 40, 28, scale_x_y=1.2),
        _head(16, 36, 75, 76, 55, 72, 146, scale_x_y=1.1),
        _head(32, 142, 110, 192, 243, 459, 401, scale_x_y=1.05),
    ),
)
# AlexeyAB/darknet, cfg/yolov4-tiny.cfg: its first head has the masks 1, 2, 3, so 81x82 is in both
YOLOV4_TINY: Final = AnchorSet(
    source="yolov4-tiny.cfg",
    heads=(
        _head(16, 23, 27, 37, 58, 81, 82, scale_x_y=1.05),
        _head(32, 81, 82, 135, 169, 344, 319, scale_x_y=1.05),
    ),
)
# ultralytics/yolov5, models/yolov5s.yaml: those of YOLOv3
YOLOV5: Final = AnchorSet(source="yolov5s.yaml", heads=YOLOV3.heads)
# ultralytics/yolov5, models/hub/yolov5s6.yaml
YOLOV5_P6: Final = AnchorSet(
    source="yolov5s6.yaml",
    heads=(
        _head(8, 19, 27, 44, 40, 38, 94),
        _head(16, 96, 68, 86, 152, 180, 137),
        _head(32, 140, 301, 303, 264, 238, 542),
        _head(64, 436, 615, 739, 380, 925, 792),
    ),
)
# WongKinYiu/yolov7, cfg/training/yolov7.yaml: those of YOLOv4, without its stretch
YOLOV7: Final = AnchorSet(
    source="yolov7.yaml",
    heads=tuple(HeadAnchors(stride=head.stride, boxes=head.boxes) for head in YOLOV4.heads),
)
# WongKinYiu/yolov7, cfg/training/yolov7-w6.yaml: those of YOLOv5 P6
YOLOV7_W6: Final = AnchorSet(source="yolov7-w6.yaml", heads=YOLOV5_P6.heads)
