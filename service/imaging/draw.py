"""Boxes and captions on a picture, readable whatever its size."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw, ImageFont

from service.imaging.picture import Picture

RGB = tuple[int, int, int]
Rectangle = tuple[int, int, int, int]

# Steps of the golden ratio around the hue circle keep any number of classes apart.
GOLDEN_RATIO = 0.6180339887498949
SMALLEST_FONT, LARGEST_FONT = 11, 64  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One thing to draw.

    Attributes:
        box: x1, y1, x2, y2 in pixels of the full upright picture.
        caption: a short text.
        class_id: decides the colour; the same class has the same colour in every picture.
        points: x, y in the same pixels, drawn as dots.
    """

    box: tuple[float, float, float, float]
    caption: str
    class_id: int
    points: tuple[tuple[float, float], ...] = ()


def annotate(picture: Picture, marks: Sequence[Mark]) -> Picture:
    """Return a copy of the picture with the marks drawn, the first of them on top.

    Line width and letters grow with the picture. A caption stands above its box, or where there
    is room: below it, or inside; never outside the picture, and off other captions if possible.

    Args:
        picture: at its full size.
        marks: best first.
    """
    canvas = picture.image.copy()
    pen = ImageDraw.Draw(canvas)
    short_side = min(canvas.size)
    width = max(1, round(short_side / 240))
    font = _font(min(LARGEST_FONT, max(SMALLEST_FONT, round(short_side / 28))))
    for mark in reversed(marks):
        x1, y1, x2, y2 = (round(value) for value in mark.box)
        pen.rectangle(
            (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=color(mark.class_id), width=width
        )
        _dots(pen, mark, width)
    taken: list[Rectangle] = []
    labels = [(mark, _place(pen, mark, font, canvas.size, taken)) for mark in marks]
    for mark, label in reversed(labels):
        fill = color(mark.class_id)
        pen.rectangle(label, fill=fill)
        pad = _padding(font)
        pen.text((label[0] + pad, label[1] + pad), mark.caption, _ink(fill), font, anchor="la")
    return Picture(canvas, picture.size)


def _dots(pen: ImageDraw.ImageDraw, mark: Mark, width: int) -> None:
    """Draw the points, smaller in a small box, so that those of a small face stay apart."""
    radius = min(width, (mark.box[2] - mark.box[0]) / 60)
    for x, y in mark.points:
        corners = (x - radius, y - radius, x + radius, y + radius)
        pen.ellipse(corners, fill=color(mark.class_id + 1))


def color(class_id: int) -> RGB:
    """Return the class's colour: strong, bright, and never the same as its neighbours'.

    >>> color(0), color(1) != color(2)
    ((242, 61, 61), True)
    """
    hue = class_id * GOLDEN_RATIO % 1.0
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 0.95))
    return red, green, blue


def _place(
    pen: ImageDraw.ImageDraw,
    mark: Mark,
    font: ImageFont.FreeTypeFont,
    size: tuple[int, int],
    taken: list[Rectangle],
) -> Rectangle:
    """Return where the caption goes, and take the place."""
    pad = _padding(font)
    left, _, right, _ = pen.textbbox((0, 0), mark.caption, font, anchor="la")
    ascent, descent = font.getmetrics()
    wide, high = round(right - left) + 2 * pad, ascent + descent + 2 * pad
    x1, y1, x2, y2 = (round(value) for value in mark.box)
    corners = [(x1, y1 - high), (x1, y2), (x1, y1), (x2 - wide, y1 - high), (x1, y2 - high)]
    places = []
    for x, y in corners:
        left = max(0, min(x, size[0] - wide))
        top = max(0, min(y, size[1] - high))
        places.append((left, top, left + wide - 1, top + high - 1))
    # A place that had to be moved to stay inside the picture is as good as any other then.
    free = [place for place in places if not any(_overlap(place, other) for other in taken)]
    chosen = (free or places)[0]
    taken.append(chosen)
    return chosen


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _ink(background: RGB) -> RGB:
    """Black or white, whichever contrasts more (ITU-R BT.601 luma)."""
    red, green, blue = background
    return (0, 0, 0) if 299 * red + 587 * green + 114 * blue > 140_000 else (255, 255, 255)


def _padding(font: ImageFont.FreeTypeFont) -> int:
    return max(1, round(font.size / 6))


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Aileron (CC0), which ships inside Pillow."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType, so captions cannot be drawn")
    return font
