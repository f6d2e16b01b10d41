"""An export for each generation of networks, in the shapes and with the notes of its project."""

from math import exp, log

import numpy as np

from tests.exports import NO, YES, Array, Export, Fed, Output, names, scored
from tests.planted_grids import COCO, SIZE, cell_of, centernet, yolov2, yolov3, yolov4, yolov7

ULTRALYTICS = Fed(size=SIZE, rule="letterbox")


def numbered_cell(fed: Fed, stride: int, strides: tuple[int, ...]) -> tuple[int, float, float]:
    """Return the number of the box's cell, counted through all strides, and where in it that is."""
    before = sum((fed.size // one) ** 2 for one in strides[: strides.index(stride)])
    column, row, x, y = cell_of(fed.box, stride)
    return before + row * (fed.size // stride) + column, x, y


def yolov5() -> Export:
    """YOLOv5 with its own export.py: joined rows, all decoded."""
    rows = np.zeros((1, 3 * (32**2 + 16**2 + 8**2), 5 + COCO), np.float32)
    rows[0, 1000, :4] = ULTRALYTICS.box
    rows[0, 1000, [4, 5 + 7]] = 0.95
    place = np.zeros(rows.shape, bool)
    place[0, 1000, 4] = True
    notes = {"stride": "32", **names(COCO)}
    outputs = {"output0": scored(rows, place, 0.95)}
    return Export(fed=ULTRALYTICS, outputs=outputs, label="thing 7", notes=notes)


def yolov8() -> Export:
    """YOLOv8, YOLOv9, YOLO11 by Ultralytics, with dynamic=True: (4 + C, A), decoded."""
    rows = np.zeros((1, 4 + COCO, 32**2 + 16**2 + 8**2), np.float32)
    rows[0, :4, 1100] = ULTRALYTICS.box
    rows[0, 4 + 7, 1100] = 0.95
    place = np.zeros(rows.shape, bool)
    place[0, 4:, 1100] = True
    output = scored(rows, place, 0.95)
    output = Output(value=output.value, lowered=output.lowered, axes=("batch", 4 + COCO, "anchors"))
    notes = {
        "author": "Ultralytics",
        "version": "8.4.0",
        "license": "AGPL-3.0 License (https://ultralytics.com/license)",
        "stride": "32",
        "task": "detect",
        "imgsz": f"[{SIZE}, {SIZE}]",
        **names(COCO),
    }
    return Export(
        fed=ULTRALYTICS,
        axes=("batch", 3, "height", "width"),
        outputs={"output0": output},
        label="thing 7",
        notes=notes,
    )


def yolov10() -> Export:
    """YOLOv10 and YOLO26 end to end: 300 rows of corners, score, class."""
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = [*ULTRALYTICS.corners, 0.95, 7]
    place = np.zeros(rows.shape, bool)
    place[0, 0, 4] = True
    notes = {"task": "detect", "imgsz": f"[{SIZE}, {SIZE}]", **names(COCO)}
    outputs = {"output0": scored(rows, place, 0.95)}
    return Export(fed=ULTRALYTICS, outputs=outputs, label="thing 7", notes=notes)


def yolox() -> Export:
    """YOLOX with tools/export_onnx.py: offsets and log sizes in strides, scores sigmoided."""
    fed = Fed(size=SIZE, rule="top-left", bgr=True, scale=1.0)
    strides = (8, 16, 32)
    rows = np.zeros((1, sum((SIZE // one) ** 2 for one in strides), 5 + COCO), np.float32)
    number, x, y = numbered_cell(fed, 16, strides)
    rows[0, number, :4] = [x, y, log(fed.box[2] / 16), log(fed.box[3] / 16)]
    rows[0, number, [4, 5 + 7]] = 0.95
    place = np.zeros(rows.shape, bool)
    place[0, number, 4] = True
    return Export(fed=fed, outputs={"output": scored(rows, place, 0.95)}, label="class 7")


def nanodet() -> Export:
    """NanoDet before 1.0: for each stride sigmoided scores and distributions over distances."""
    fed = Fed(
        size=320,
        rule="letterbox",
        bgr=True,
        scale=1.0,
        mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395),
    )
    outputs = {}
    for stride in (8, 16, 32):
        cells = (fed.size // stride) ** 2
        scores = np.zeros((1, cells, COCO), np.float32)
        bins = np.zeros((1, cells, 32), np.float32)
        if stride == 32:
            number, x, y = numbered_cell(fed, 32, (32,))
            point = fed.box[0] + (0.5 - x) * 32, fed.box[1] + (0.5 - y) * 32
            x1, y1, x2, y2 = fed.corners
            sides = (point[0] - x1, point[1] - y1, x2 - point[0], y2 - point[1])
            bins[0, number] = np.concatenate([distribution(side / 32) for side in sides])
            scores[0, number, 7] = 0.95
        outputs[f"cls_pred_stride_{stride}"] = scored(scores, scores > 0, 0.95)
        outputs[f"dis_pred_stride_{stride}"] = Output(value=bins)
    return Export(fed=fed, input="data", outputs=outputs, label="class 7")


def distribution(mean: float) -> Array:
    """Return 8 raw values whose softmax has this mean over 0..7."""
    below = int(mean)
    values = np.full(8, NO, np.float32)
    values[below] = log(max(1 - (mean - below), exp(NO)))
    values[below + 1] = log(max(mean - below, exp(NO)))
    return values


def faster_rcnn() -> Export:
    """Faster R-CNN by torchvision: one picture without a batch axis, any size, label 0 is none."""
    fed = Fed(size=800, rule="top-left")
    boxes = np.array([fed.corners, (0, 0, 9, 9)], np.float32)
    scores = np.array([0.95, 0.1], np.float32)
    outputs = {
        "boxes": Output(value=boxes, axes=("found", 4)),
        "labels": Output(value=np.array([2, 1]), axes=("found",)),
        "scores": Output(value=scores, lowered=scores, axes=("found",)),
    }
    return Export(
        fed=fed, input="image", axes=(3, "height", "width"), outputs=outputs, label="bicycle"
    )


def detr() -> Export:
    """DETR: class values with a last place for 'no object', boxes as fractions of the input."""
    fed = Fed(size=SIZE, rule="stretch", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    logits = np.full((1, 100, 4), NO, np.float32)
    logits[..., 3] = 0
    logits[0, 5, 1] = YES
    boxes = np.zeros((1, 100, 4), np.float32)
    boxes[0, 5] = np.array(fed.box) / SIZE
    outputs = {"pred_logits": scored(logits, logits == YES, 100), "pred_boxes": Output(value=boxes)}
    return Export(fed=fed, outputs=outputs, label="bicycle")


def classifier() -> Export:
    """A classifier by PyTorch: raw values."""
    fed = Fed(
        size=224,
        rule="crop",
        short_side=256,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    logits = np.array([[0, YES, 0]], np.float32)
    outputs = {"logits": scored(logits, logits > 0, 10)}
    return Export(fed=fed, input="input", outputs=outputs, label="bicycle")


EXPORTS = {
    "tiny_yolov2.onnx": yolov2,
    "yolov3.onnx": yolov3,
    "yolov4.onnx": yolov4,
    "yolov5s.onnx": yolov5,
    "yolov7.onnx": yolov7,
    "yolov8n.onnx": yolov8,
    "yolov10n.onnx": yolov10,
    "yolox_s.onnx": yolox,
    "nanodet_m.onnx": nanodet,
    "centernet.onnx": centernet,
    "faster_rcnn.onnx": faster_rcnn,
    "detr.onnx": detr,
    "classifier.onnx": classifier,
}
"""By the file's name in docs/your-own-model.md."""
LISTS = {
    "voc.names": "aeroplane bicycle bird boat bottle bus car horse cat chair cow diningtable dog "
    "motorbike person pottedplant sheep sofa train tvmonitor",
    "classes.txt": "person bicycle car",
}
"""Class names by the name of the file that has them, one a line."""
