"""From raw values to scores and classes, computing no more than a threshold leaves.

Activations rise with their argument, so a threshold on scores is a threshold on raw values too:
most of a head is ruled out by comparisons alone, and only what remains is put through `exp`.
"""

import math
from typing import Final, Literal

import numpy as np

from service.arrays import F32, Index

Activation = Literal["sigmoid", "softmax", "none"]

# A float32 sigmoid is off by less than 1e-6 of itself; ten times that is left as slack.
_SLACK: Final = 1e-5


def sigmoid(values: F32) -> F32:
    """Return 1 / (1 + exp(-x)), elementwise.

    >>> sigmoid(np.array([-200, 0, 200], np.float32))
    array([0. , 0.5, 1. ], dtype=float32)
    """
    with np.errstate(over="ignore"):  # exp(200) is inf, and 1 / inf the right answer
        scores: F32 = np.exp(-values)
    scores += 1
    return np.reciprocal(scores, out=scores)


def softmax(values: F32) -> F32:
    """Return exp(x) / sum of exp(x) along the last axis.

    >>> softmax(np.array([[500, 500]], np.float32))
    array([[0.5, 0.5]], dtype=float32)
    """
    exponentials: F32 = np.exp(values - values.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def activate(values: F32, activation: Activation) -> F32:
    """Return the scores of raw values; softmax runs along the last axis."""
    if activation == "sigmoid":
        return sigmoid(values)
    return softmax(values) if activation == "softmax" else values


def lowest_raw(score_threshold: float, activation: Activation) -> float:
    """Return a raw value below which no score reaches the threshold.

    It is a little lower than the exact one, so what passes it has yet to be compared as a score.

    >>> lowest_raw(0.25, "none"), round(lowest_raw(0.5, "sigmoid"), 4), lowest_raw(0.5, "softmax")
    (0.25, -0.0, -inf)
    """
    if activation == "none":
        return score_threshold
    score = min(score_threshold, 1.0) * (1 - _SLACK)
    if activation == "softmax" or score <= 0:
        return -math.inf
    return math.log(score / (1 - score))


def rows_reaching(
    classes: F32, *, axis: int, activation: Activation, score_threshold: float
) -> tuple[Index, F32]:
    """Return which rows have a class that may reach the threshold, and those rows.

    Args:
        classes: (A, C), or (C, A) if `axis` is 0.
        axis: where the classes are.
        activation: of the classes.
        score_threshold: 0..1.

    Returns:
        rows: (K,) indices along the other axis.
        values: (K, C) their raw class values.
    """
    best = classes.max(axis=axis)
    rows = np.flatnonzero(best >= lowest_raw(score_threshold, activation))
    return rows, classes.take(rows, axis=1).T if axis == 0 else classes[rows]


def objects(
    objectness: F32, *, activation: Activation, score_threshold: float
) -> tuple[Index, F32]:
    """Return the flat indices of (...) raw objectness that may reach the threshold, and its scores.

    No score can exceed its objectness, so whatever fails here needs no class scores at all.
    """
    rows = np.flatnonzero(objectness >= lowest_raw(score_threshold, activation))
    return rows, activate(objectness.reshape(-1)[rows], activation)


def choose_classes(
    classes: F32,
    *,
    activation: Activation,
    score_threshold: float,
    objectness: F32 | None = None,
    multi_label: bool = False,
) -> tuple[Index, Index, F32]:
    """Return each row's best class, or every class, that reaches the threshold.

    Args:
        classes: (K, C) raw class values; with C = 0 the objectness alone is the score of class 0.
        activation: of the classes.
        score_threshold: 0..1; a score exactly at it passes, NaN never does.
        objectness: (K,) 0..1, multiplies the class scores; None for heads without.
        multi_label: every class above the threshold instead of the best one.

    Returns:
        rows: (M,) rows of `classes`, ascending.
        class_ids: (M,)
        scores: (M,)
    """
    weights = np.ones(len(classes), np.float32) if objectness is None else objectness
    if multi_label:
        all_scores = activate(classes, activation) * weights[:, None]
        rows, class_ids = np.nonzero(all_scores >= score_threshold)
        return rows, class_ids, all_scores[rows, class_ids]
    if classes.shape[1] == 0:
        class_ids, scores = np.zeros(len(classes), np.intp), weights
    else:
        every_row = np.arange(len(classes))
        class_ids = classes.argmax(axis=1)
        if activation == "softmax":
            best = softmax(classes)[every_row, class_ids]
        else:
            best = activate(classes[every_row, class_ids], activation)
        scores = best * weights
    rows = np.flatnonzero(scores >= score_threshold)
    return rows, class_ids[rows], scores[rows]
