"""Exports whose heads are grids: YOLO with anchor boxes, and CenterNet."""

from math import log

import numpy as np

from tests.exports import NO, YES, Array, Export, Fed, Output, logit, scored

SIZE = 256
COCO = 80
VOC = 20


def cell_of(box: tuple[float, ...], stride: int) -> tuple[int, int, float, float]:
    """Return column and row of the cell that has a box's centre, and where in the cell that is."""
    x, y = box[0] / stride, box[1] / stride
    return int(x), int(y), x - int(x), y - int(y)


def anchored_head(
    fed: Fed, stride: int, anchors: int, classes: int, *, plant: int | None, terms: list[float]
) -> tuple[Array, Array]:
    """Return a raw head (A, H, W, 5 + C) with the thing at anchor `plant`, and its objectness."""
    cells = fed.size // stride
    head = np.full((anchors, cells, cells, 5 + classes), NO, np.float32)
    head[..., :4] = 0
    if plant is not None:
        column, row, *_ = cell_of(fed.box, stride)
        head[plant, row, column, :4] = terms
        head[plant, row, column, [4, 5 + 7]] = YES
    place = np.zeros(head.shape, bool)
    place[..., 4] = True
    return head, place


def channels_first(head: Array) -> Array:
    """Return (A, H, W, V) as (1, A * V, H, W)."""
    anchors, height, width, values = head.shape
    return head.transpose(0, 3, 1, 2).reshape(1, anchors * values, height, width)


def channels_last(head: Array) -> Array:
    """Return (A, H, W, V) as (1, H, W, A, V)."""
    return head.transpose(1, 2, 0, 3)[None]


def yolov2() -> Export:
    """Tiny-YOLOv2 or YOLOv2 on VOC: sigmoid(x), anchor * exp(w), in cells of 32 pixels."""
    fed = Fed(size=SIZE, rule="letterbox")
    *_, x, y = cell_of(fed.box, 32)
    width, height = fed.box[2] / 32, fed.box[3] / 32
    terms = [logit(x), logit(y), log(width / 5.05587), log(height / 8.09892)]
    head, place = anchored_head(fed, 32, 5, VOC, plant=2, terms=terms)
    output = scored(channels_first(head), channels_first(place), 100)
    return Export(fed=fed, input="image", outputs={"grid": output}, label="horse")


def yolov3() -> Export:
    """YOLOv3 as converted from darknet: raw heads, the coarse one first."""
    fed = Fed(size=SIZE, rule="letterbox")
    *_, x, y = cell_of(fed.box, 16)
    terms = [logit(x), logit(y), log(fed.box[2] / 62), log(fed.box[3] / 45)]
    outputs = {}
    for name, stride in (("082_convolutional", 32), ("094_convolutional", 16), ("106_conv", 8)):
        plant = 1 if stride == 16 else None
        head, place = anchored_head(fed, stride, 3, COCO, plant=plant, terms=terms)
        outputs[name] = scored(channels_first(head), channels_first(place), 100)
    return Export(fed=fed, input="000_net", outputs=outputs, label="class 7")


def yolov4() -> Export:
    """YOLOv4 as converted from darknet by way of TensorFlow: channels last, centres stretched."""
    fed = Fed(size=SIZE, rule="stretch")
    *_, x, y = cell_of(fed.box, 32)
    stretch = 1.05
    terms = [
        logit((x - 0.5) / stretch + 0.5),
        logit((y - 0.5) / stretch + 0.5),
        log(fed.box[2] / 142),
        log(fed.box[3] / 110),
    ]
    outputs = {}
    for name, stride in (("Identity:0", 8), ("Identity_1:0", 16), ("Identity_2:0", 32)):
        plant = 0 if stride == 32 else None
        head, place = anchored_head(fed, stride, 3, COCO, plant=plant, terms=terms)
        outputs[name] = scored(channels_last(head), channels_last(place), 100)
    axes = (1, SIZE, SIZE, 3)
    return Export(fed=fed, input="input_1:0", axes=axes, outputs=outputs, label="class 7")


def yolov7() -> Export:
    """YOLOv7 without --grid: raw heads (3, H, W, 85)."""
    fed = Fed(size=SIZE, rule="letterbox")
    *_, x, y = cell_of(fed.box, 16)
    width, height = fed.box[2:]
    terms = [
        logit((x + 0.5) / 2),
        logit((y + 0.5) / 2),
        logit((width / 76) ** 0.5 / 2),
        logit((height / 55) ** 0.5 / 2),
    ]
    outputs = {}
    for name, stride in (("output", 8), ("516", 16), ("528", 32)):
        plant = 1 if stride == 16 else None
        head, place = anchored_head(fed, stride, 3, COCO, plant=plant, terms=terms)
        outputs[name] = scored(head[None], place[None], 100)
    return Export(fed=fed, outputs=outputs, label="class 7")


def centernet() -> Export:
    """CenterNet's own network: a raw heat map, sizes and offsets in cells of 4 pixels."""
    fed = Fed(
        size=SIZE,
        rule="letterbox",
        bgr=True,
        mean=(0.408, 0.447, 0.47),
        std=(0.289, 0.274, 0.278),
    )
    cells = SIZE // 4
    column, row, x, y = cell_of(fed.box, 4)
    heat = np.full((1, COCO, cells, cells), NO, np.float32)
    heat[0, 7, row, column] = YES
    sizes = np.zeros((1, 2, cells, cells), np.float32)
    sizes[0, :, row, column] = fed.box[2] / 4, fed.box[3] / 4
    offsets = np.zeros((1, 2, cells, cells), np.float32)
    offsets[0, :, row, column] = x, y
    outputs = {
        "hm": scored(heat, heat > 0, 100),
        "wh": Output(value=sizes),
        "reg": Output(value=offsets),
    }
    return Export(fed=fed, input="input", outputs=outputs, label="class 7")
