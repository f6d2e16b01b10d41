"""Masks as pictures: files of pixel values, colours over a picture, and things cut out of one."""

import io

import numpy as np
from PIL import Image

from service.arrays import U8, Array, Mask
from service.imaging.draw import color
from service.imaging.picture import Picture

# At 12 megapixels level 6 takes four to six times as long for a tenth (photograph) to two fifths
# (label map) less.
_COMPRESS_LEVEL = 1
_COLORS = 255  # that a palette holds besides black
_LARGEST_ID = 0xFFFF
_OPAQUE = 255
_OUTLINES = 500  # that would lie side by side along the shorter side of a picture


def palette_png(ids: U8) -> bytes:
    """Return a PNG whose pixel values are the ids, and that a viewer shows in colours.

    Args:
        ids: (H, W); 0 is black, any other has the colour that its boxes would have.
    """
    return _png(_paletted(ids))


def sixteen_bit_png(ids: Array) -> bytes:
    """Return a grey 16-bit PNG whose pixel values are the ids.

    Args:
        ids: (H, W) whole numbers, 0 .. 65535.

    Raises:
        ValueError: an id is larger than 16 bits hold.
    """
    if ids.size and ids.max() > _LARGEST_ID:
        raise ValueError(f"ids go up to {_LARGEST_ID} in 16 bits")
    return _png(Image.fromarray(ids.astype(np.uint16)))


def gray_png(values: U8) -> bytes:
    """Return (H, W) values as a grey 8-bit PNG."""
    return _png(Image.fromarray(values))


def overlay(picture: Picture, ids: Array, *, opacity: float = 0.5) -> Picture:
    """Return a copy of the picture with a colour on every pixel whose id is not 0.

    Where ids meet, an outline as wide as suits the picture runs inside of each in its full
    colour. Ids above 255 take the colours again from the beginning.

    Args:
        picture: with all its pixels, (H, W).
        ids: (H, W) whole numbers, 0 or more, of classes or of single things.
        opacity: of the colour within the outlines, 0 (only outlines) .. 1.

    Raises:
        ValueError: `ids` is not of the picture's size.
    """
    _check_size(picture, ids)
    canvas = picture.image.copy()
    strength = (ids != 0) * np.uint8(round(opacity * _OPAQUE))
    strength[_outlines(ids, max(1, round(min(ids.shape) / _OUTLINES)))] = _OPAQUE
    canvas.paste(_paletted(_folded(ids)).convert("RGB"), mask=Image.fromarray(strength))
    return Picture(canvas, picture.size)


def cutout(picture: Picture, alpha: U8) -> bytes:
    """Return an RGBA PNG with the picture's own colours, also where nothing is to be seen.

    Args:
        picture: with all its pixels, (H, W).
        alpha: (H, W), 0 (transparent) .. 255.

    Raises:
        ValueError: `alpha` is not of the picture's size.
    """
    _check_size(picture, alpha)
    image = picture.image.copy()
    image.putalpha(Image.fromarray(alpha))
    return _png(image)


def _check_size(picture: Picture, plane: Array) -> None:
    if plane.shape != picture.stored_size:
        raise ValueError(f"{plane.shape} is not the picture's size, {picture.stored_size}")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_COMPRESS_LEVEL)
    return buffer.getvalue()


def _paletted(ids: U8) -> Image.Image:
    image = Image.fromarray(ids)
    rest = (part for class_id in range(1, _COLORS + 1) for part in color(class_id))
    image.putpalette([0, 0, 0, *rest])
    return image


def _folded(ids: Array) -> U8:
    """Return ids that a palette has a colour for: 1 again after 255; 0 stays."""
    if ids.dtype == np.uint8:
        return ids.astype(np.uint8, copy=False)
    folded = np.remainder(ids, _COLORS).astype(np.uint8)
    folded[(folded == 0) & (ids != 0)] = _COLORS
    return folded


def _outlines(ids: Array, width: int) -> Mask:
    """Return which pixels of an id other than 0 are among the `width` next to where ids meet."""
    edges = np.zeros(ids.shape, np.bool_)
    for plane, marked in ((ids, edges), (ids.T, edges.T)):
        meet = plane[1:] != plane[:-1]
        marked[1:] |= meet
        marked[:-1] |= meet
    for marked in (edges, edges.T):
        _widen(marked, width - 1)
    edges &= ids != 0
    return edges


def _widen(marked: Mask, reach: int) -> None:
    """Mark also what is at most `reach` rows above or below of what is marked."""
    done = 0
    while done < reach:
        step = min(2 * done + 1, reach - done)  # as far as leaves no gap
        before = marked.copy(order="K")  # a transposed view is not turned around in memory
        marked[step:] |= before[:-step]
        marked[:-step] |= before[step:]
        done += step
