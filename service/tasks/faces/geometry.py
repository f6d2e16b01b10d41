"""Where a face is in a picture, and how it is brought upright: pure geometry."""

from typing import Final

import numpy as np

from service.arrays import F32, Index
from service.imaging.warp import Similarity

LANDMARKS: Final = 68

# dlib's mean face, landmarks 17..67 of the iBUG 68, in units of a face about 1 wide and high.
# Source: dlib (Boost Software License 1.0), dlib/image_transforms/interpolation.h,
# get_face_chip_details.
_MEAN_X: Final = (
    "0.000213256 0.0752622 0.18113 0.29077 0.393397 0.586856 0.689483 0.799124 0.904991 0.98004 "
    "0.490127 0.490127 0.490127 0.490127 0.36688 0.426036 0.490127 0.554217 0.613373 0.121737 "
    "0.187122 0.265825 0.334606 0.260918 0.182743 0.645647 0.714428 0.793132 0.858516 0.79751 "
    "0.719335 0.254149 0.340985 0.428858 0.490127 0.551395 0.639268 0.726104 0.642159 0.556721 "
    "0.490127 0.423532 0.338094 0.290379 0.428096 0.490127 0.552157 0.689874 0.553364 0.490127 "
    "0.42689"
)
_MEAN_Y: Final = (
    "0.106454 0.038915 0.0187482 0.0344891 0.0773906 0.0773906 0.0344891 0.0187482 0.038915 "
    "0.106454 0.203352 0.307009 0.409805 0.515625 0.587326 0.609345 0.628106 0.609345 0.587326 "
    "0.216423 0.178758 0.179852 0.231733 0.245099 0.244077 0.231733 0.179852 0.178758 0.216423 "
    "0.244077 0.245099 0.780233 0.745405 0.727388 0.742578 0.727388 0.745405 0.780233 0.864805 "
    "0.902192 0.909281 0.902192 0.864805 0.784792 0.778746 0.785343 0.778746 0.784792 0.824182 "
    "0.831803 0.824182"
)
_FIRST: Final = 17
_MEAN: Final[F32] = np.array([_MEAN_X.split(), _MEAN_Y.split()], np.float32).T

# The chip follows nose, eyes and upper lip: brows are raised, and the lower lip moves in speech
# (same source).
ANCHORED: Final[Index] = np.array([*range(27, 55), *range(60, 65)])

FIVE: Final = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
"""The five classic points; right is the person's own right."""


def umeyama(source: F32, target: F32) -> Similarity:
    """Return the similarity that brings points closest to others, in the least-squares sense.

    In the plane the solution is closed: with points as complex numbers about their means, the
    factor (turn and scale in one) is the sum of conj(source) * target over that of |source|^2.

    Args:
        source: (N, 2) points x, y.
        target: (N, 2) where they should go.

    Raises:
        ValueError: the source points are all one point, or the arrays differ in length.

    Source: Umeyama, Least-squares estimation of transformation parameters between two point
        patterns, PAMI 1991; no mirroring.

    >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    >>> found = umeyama(square, 2 * square + 3)
    >>> found.scale, found.shift_x, found.shift_y
    (2.0, 3.0, 3.0)
    """
    if source.shape != target.shape:
        raise ValueError(f"{len(source)} points cannot be brought onto {len(target)}")
    before = source[:, 0].astype(np.float64) + 1j * source[:, 1].astype(np.float64)
    after = target[:, 0].astype(np.float64) + 1j * target[:, 1].astype(np.float64)
    from_mean, to_mean = before.mean(), after.mean()
    before, after = before - from_mean, after - to_mean
    spread = float(np.vdot(before, before).real)
    if spread == 0:
        raise ValueError("all points are the same point")
    factor = np.vdot(before, after) / spread
    shift = to_mean - factor * from_mean
    return Similarity(
        a=float(factor.real),
        b=float(factor.imag),
        shift_x=float(shift.real),
        shift_y=float(shift.imag),
    )


def chip_points(side: int, padding: float) -> F32:
    """Return where dlib puts the landmarks `ANCHORED` in an upright chip, (33, 2) in its pixels.

    Args:
        side: of the square chip.
        padding: margin around the mean face, in its widths.

    Source: dlib, get_face_chip_details, as above.
    """
    points: F32 = (_MEAN[ANCHORED - _FIRST] + padding) / (2 * padding + 1) * side
    return points.astype(np.float32)


def to_chip(landmarks: F32, side: int, padding: float) -> Similarity:
    """Return what brings a face with (68, 2) landmarks upright into a chip of `side` pixels.

    Raises:
        ValueError: the landmarks are all one point.
    """
    return umeyama(landmarks[ANCHORED], chip_points(side, padding))


def five_points(landmarks: F32) -> F32:
    """Return the points named by `FIVE`, (..., 5, 2), out of (..., 68, 2) landmarks.

    An eye is the mean of the six points around it.
    """
    right, left = landmarks[..., 36:42, :].mean(axis=-2), landmarks[..., 42:48, :].mean(axis=-2)
    nose, mouth_right, mouth_left = (landmarks[..., index, :] for index in (30, 48, 54))
    points: F32 = np.stack([right, left, nose, mouth_right, mouth_left], axis=-2)
    return points


def roll_of(right_eye: F32, left_eye: F32) -> F32:
    """Return the radians by which faces lean clockwise, as the picture is seen.

    Args:
        right_eye: (..., 2) x, y of the person's right eye, which is left in the picture.
        left_eye: likewise.

    >>> round(float(np.degrees(roll_of(np.zeros(2, np.float32), np.full(2, 5, np.float32)))), 3)
    45.0
    """
    line = left_eye - right_eye
    roll: F32 = np.arctan2(line[..., 1], line[..., 0])
    return roll
