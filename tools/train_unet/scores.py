"""How well masks and nuclei are found, as the figures in the model's README are defined."""

import numpy as np

from service.arrays import Array


def foreground_iou(labels: Array, foreground: Array) -> float:
    """Return the intersection over union of two (H, W) masks; 1 if both are empty."""
    truth = labels > 0
    union = np.count_nonzero(truth | foreground)
    return float(np.count_nonzero(truth & foreground) / union) if union else 1.0


def instance_score(labels: Array, found: Array, *, iou: float = 0.5) -> float:
    """Return TP / (TP + FP + FN) of one picture, a nucleus being found above an IoU.

    Above 0.5 a nucleus can overlap only one other that much, so that no matching is needed.

    Args:
        labels: (H, W) numbers of the true nuclei, 0 is background.
        found: (H, W) numbers of the nuclei that were found.
        iou: what counts as found, at least 0.5.

    Returns:
        0..1; 1 if there is no nucleus and none was found.
    """
    pairs, counts = np.unique(
        np.stack((labels.ravel(), found.ravel())).astype(np.int64), axis=1, return_counts=True
    )
    areas = [np.bincount(side, weights=counts) for side in pairs]
    truths, answers = (np.count_nonzero(area[1:]) for area in areas)
    both = (pairs > 0).all(axis=0)
    shared = counts[both]
    unions = areas[0][pairs[0, both]] + areas[1][pairs[1, both]] - shared
    hits = int(np.count_nonzero(shared > iou * unions))
    total = truths + answers - hits
    return hits / total if total else 1.0
