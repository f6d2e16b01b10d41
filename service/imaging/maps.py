"""What a network says of every place of its input, brought back to the pixels of the picture."""

import math

import numpy as np
from PIL import Image

from service.arrays import F32
from service.imaging.geometry import ToSource
from service.imaging.picture import Size

# Decimals to which a place of the map is known; what is beyond is rounding of the way back.
_DECIMALS = 6
_BAND = 256  # rows made at a time, because Pillow hands over its pixels by way of two copies


def spread(values: F32, input_size: Size, to_source: ToSource) -> F32:
    """Return a map at the size of the picture that it was made from.

    Values between the middles of cells are bilinear; where the picture is smaller than its part
    of the map, they are averages. Cells that show only the padding of a letterbox have no say.

    Args:
        values: (h, w), of the whole network input; h and w may be smaller than the input's sides
            by the network's stride.
        input_size: (H, W) of the network input.
        to_source: how the picture lies in the network input.

    Returns:
        (H, W) of the full picture.

    Raises:
        ValueError: the network did not see the whole picture (the model's fault: it crops).

    >>> way = ToSource(scale_x=1, scale_y=1, offset_x=1, offset_y=0, size=(1, 2))
    >>> spread(np.array([[9, 1, 2, 9]], np.float32), (1, 4), way).tolist()
    [[1.0, 2.0]]
    """
    (height, width), (rows, columns) = to_source.size, values.shape
    left, right = _span(to_source.offset_x, width / to_source.scale_x, columns / input_size[1])
    top, bottom = _span(to_source.offset_y, height / to_source.scale_y, rows / input_size[0])
    if left < 0 or top < 0 or right > columns or bottom > rows:
        raise ValueError("the map is of a part of the picture only")
    # Cut first: Pillow would let the cells beside the box bleed into it.
    x, y = math.floor(left), math.floor(top)
    seen = Image.fromarray(
        np.ascontiguousarray(values[y : math.ceil(bottom), x : math.ceil(right)])
    )
    whole = np.empty((height, width), np.float32)
    for start in range(0, height, _BAND):
        stop = min(start + _BAND, height)
        first, last = ((bottom - top) * row / height + top - y for row in (start, stop))
        box = (left - x, first, right - x, min(last, bottom - y))
        band = seen.resize((width, stop - start), Image.Resampling.BILINEAR, box)
        whole[start:stop] = np.asarray(band)
    return whole


def _span(offset: float, length: float, cells: float) -> tuple[float, float]:
    """Return where something begins and ends, in cells of which there are `cells` a pixel."""
    return round(offset * cells, _DECIMALS), round((offset + length) * cells, _DECIMALS)
