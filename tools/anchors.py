"""Anchor boxes for one's own data: k-means over box sizes, nearer meaning a higher IoU.

    python -m tools.anchors annotations.json --size 416 416

reads a COCO file, scales every box as its picture is scaled to the network input (letterbox), and
prints for each k the anchors in pixels, smallest first, and the mean over all boxes of the IoU
with the best anchor. More anchors always fit better and cost more; the paper takes the k where the
curve flattens (5 of 61.0 %, 9 of 67.2 % on VOC 2007).

Source: Redmon and Farhadi, YOLO9000, CVPR 2017, section 2, "Dimension clusters".
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from service.arrays import F32

Size = tuple[int, int]


def iou_of_sizes(sizes: F32, anchors: F32) -> F32:
    """Return the IoU of boxes and anchors that share a corner.

    Args:
        sizes: (N, 2) width, height, positive.
        anchors: (K, 2) likewise.

    Returns:
        (N, K), 0..1.

    >>> iou_of_sizes(np.array([[2, 2]], np.float32), np.array([[2, 2], [4, 1]], np.float32))
    array([[1.        , 0.33333334]], dtype=float32)
    """
    common = np.minimum(sizes[:, None], anchors).prod(axis=2)
    union = sizes.prod(axis=1)[:, None] + anchors.prod(axis=1) - common
    overlap: F32 = common / union
    return overlap


def mean_best_iou(sizes: F32, anchors: F32) -> float:
    """Return the mean over (N, 2) sizes of the IoU with the best of (K, 2) anchors, 0..1."""
    return float(iou_of_sizes(sizes, anchors).max(axis=1).mean())


def cluster(sizes: F32, count: int, rng: np.random.Generator, *, restarts: int = 5) -> F32:
    """Return the anchors that fit best among several runs of k-means under 1 - IoU.

    A run starts from boxes far from each other (k-means++), moves each anchor to the mean of the
    boxes nearest to it, and ends when that no longer helps. (Under 1 - IoU the mean is not exactly
    the best place, so waiting until nothing moves might be waiting for ever.)

    Args:
        sizes: (N, 2) width, height of all boxes.
        count: K, at most the number of different sizes.
        rng: of the starts.
        restarts: runs.

    Returns:
        (K, 2) width, height, by area.

    Raises:
        ValueError: there are fewer different sizes than anchors.
    """
    if len(np.unique(sizes, axis=0)) < count:
        raise ValueError(f"{count} anchors need as many different box sizes")
    best, best_fit = sizes[:count], -1.0
    for _ in range(restarts):
        anchors = _spread(sizes, count, rng)
        fit, last_fit = mean_best_iou(sizes, anchors), -1.0
        while fit > last_fit:
            if fit > best_fit:
                best, best_fit = anchors, fit
            anchors = _means(sizes, anchors)
            fit, last_fit = mean_best_iou(sizes, anchors), fit
    order = np.argsort(best.prod(axis=1), kind="stable")
    return best[order]


def box_sizes(coco: Mapping[str, Any], input_size: Size) -> F32:
    """Return the sizes that a COCO file's boxes have in the network input.

    Args:
        coco: `images` with `id`, `width`, `height` and `annotations` with `image_id`, `bbox`.
        input_size: (H, W) of the network input; pictures are letterboxed into it.

    Returns:
        (N, 2) width, height in input pixels; crowds and empty boxes are left out.
    """
    height, width = input_size
    scales = {
        image["id"]: min(height / image["height"], width / image["width"])
        for image in coco["images"]
    }
    sizes = [
        (box["bbox"][2] * scales[box["image_id"]], box["bbox"][3] * scales[box["image_id"]])
        for box in coco["annotations"]
        if min(box["bbox"][2:]) > 0 and not box.get("iscrowd")
    ]
    return np.array(sizes, np.float32).reshape(-1, 2)


def report(sizes: F32, counts: range, seed: int) -> str:
    """Return a line for each number of anchors: the fit, and the anchors as a manifest has them."""
    lines = [f"{len(sizes)} boxes", " k  mean best IoU  anchors (w, h), pixels"]
    for count in counts:
        anchors = cluster(sizes, count, np.random.default_rng(seed))
        listed = ", ".join(f"[{w:.1f}, {h:.1f}]" for w, h in anchors.tolist())
        lines.append(f"{count:2}  {mean_best_iou(sizes, anchors):13.3f}  [{listed}]")
    return "\n".join(lines)


def _means(sizes: F32, anchors: F32) -> F32:
    """Return the mean size of the boxes nearest to each anchor; one without boxes stays."""
    nearest = iou_of_sizes(sizes, anchors).argmax(axis=1)
    members = np.bincount(nearest, minlength=len(anchors))[:, None]
    sums = np.stack(
        [np.bincount(nearest, weights=side, minlength=len(anchors)) for side in sizes.T], axis=1
    )
    return np.where(members > 0, sums / np.maximum(members, 1), anchors).astype(np.float32)


def _spread(sizes: F32, count: int, rng: np.random.Generator) -> F32:
    """Choose starts with a probability of the square of 1 - IoU with those chosen before.

    Source: Arthur and Vassilvitskii, k-means++, SODA 2007.
    """
    chosen = [int(rng.integers(len(sizes)))]
    while len(chosen) < count:
        distance = 1 - iou_of_sizes(sizes, sizes[chosen]).max(axis=1).astype(np.float64)
        weight = np.square(np.maximum(distance, 0))
        chosen.append(int(rng.choice(len(sizes), p=weight / weight.sum())))
    return sizes[chosen]


def main() -> None:
    """Read the arguments and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("annotations", type=Path, help="a COCO instances file")
    parser.add_argument("--size", type=int, nargs=2, default=(416, 416), metavar=("H", "W"))
    parser.add_argument("--most", type=int, default=9, help="the largest k; the smallest is 2")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    coco = json.loads(arguments.annotations.read_text())
    sizes = box_sizes(coco, tuple(arguments.size))
    print(report(sizes, range(2, arguments.most + 1), arguments.seed))


if __name__ == "__main__":
    main()
