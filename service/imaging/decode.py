"""Bytes to an upright RGB picture, with every limit checked before a pixel is decoded."""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from service.arrays import U8, Array
from service.errors import (
    ChiasmError,
    CorruptImage,
    EmptyBody,
    ImageTooLarge,
    TruncatedImage,
    UnsupportedFormat,
)
from service.imaging.formats import declared_size, is_cut_short, sniff
from service.imaging.picture import Picture, Size

# Our own limit is checked on the header, before `load`, and is stricter than Pillow's warning.
Image.MAX_IMAGE_PIXELS = None
# A damaged EXIF or TIFF tag is no reason to refuse a picture; Pillow warns and goes on.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

ORIENTATION_TAG = 0x0112
# What undoes each orientation, by EXIF's number (CIPA DC-008, section 4.6.4).
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = range(5, 9)  # those that exchange height and width
SIXTEEN_BIT_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})

Scale = Callable[[Size], Size]
"""Maps the full (H, W) to the smallest (h, w) whose decoding loses nothing for the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What a picture may at most claim to be in its header.

    Attributes:
        max_pixels: height times width.
        max_side: the longer side, pixels.
        max_frames: frames that the header of an animated picture announces. Only the first is
            ever decoded; GIF and TIFF announce no number and are not walked to find out.
    """

    max_pixels: int = 50_000_000
    max_side: int = 30_000
    max_frames: int = 1_000


def full_size(size: Size) -> Size:
    """Ask for every pixel: the `Scale` of a task that shrinks nothing."""
    return size


def decode(data: bytes, *, limits: DecodeLimits, scale: Scale = full_size) -> Picture:
    """Return the first frame as an upright RGB picture.

    A JPEG is decoded at the smallest of the scales 1, 1/2, 1/4, 1/8 that is not below what
    `scale` asks for, by leaving out high-frequency coefficients: a 12-megapixel photograph for
    a 224-pixel network then costs an eighth. Alpha is laid on white; 16-bit samples keep their
    high byte; CMYK, palette and 1-bit pictures become RGB.

    Args:
        data: the body of a file: JPEG, PNG, WebP, BMP, GIF or TIFF.
        limits: checked on the header.
        scale: the pixels that are needed, given the full upright (H, W).

    Raises:
        EmptyBody, UnsupportedFormat, CorruptImage, TruncatedImage, ImageTooLarge: the caller's
            fault, each for its own reason.
    """
    if not data:
        raise EmptyBody("the body is empty; send the bytes of a picture")
    name = sniff(data)
    if name is None:
        raise UnsupportedFormat("not a JPEG, PNG, WebP, BMP, GIF or TIFF picture")
    claimed = declared_size(data, name)
    if claimed is not None:
        _check_size(claimed, limits)
    try:
        with Image.open(io.BytesIO(data), formats=(name,)) as image:
            return _load(image, limits, scale)
    except (ChiasmError, MemoryError):
        raise
    except Exception as error:  # hostile bytes: Pillow's plugins raise nearly anything
        if is_cut_short(data, name):
            raise TruncatedImage(f"the {name} picture ends before its data does") from error
        raise CorruptImage(f"the {name} picture cannot be decoded") from error


def _load(image: Image.Image, limits: DecodeLimits, scale: Scale) -> Picture:
    _check_size((image.height, image.width), limits)
    _check_frames(image, limits)
    if image.format not in {"JPEG", "MPO"}:
        image.load()  # PNG may keep its EXIF behind the pixels; nothing here can be scaled
    orientation = _orientation(image)
    sideways = orientation in SIDEWAYS
    size = (image.width, image.height) if sideways else (image.height, image.width)
    height, width = scale(size)
    image.draft(None, (height, width) if sideways else (width, height))
    image.load()
    upright = image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
    return Picture(_to_rgb(upright), size)


def _orientation(image: Image.Image) -> int:
    """Return EXIF's number for how the picture lies; 1, upright, where nothing legible says so."""
    if image.format == "TIFF":
        return 1  # Pillow's own loader has turned it, and reports the upright size
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001  (Pillow's reader raises nearly anything at damaged EXIF)
        return 1


def _check_size(size: Size, limits: DecodeLimits) -> None:
    height, width = size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"the picture has {width} x {height} pixels; {limits.max_pixels} are allowed",
            limit="pixels",
            max_pixels=limits.max_pixels,
        )
    if max(width, height) > limits.max_side:
        raise ImageTooLarge(
            f"the longer side has {max(width, height)} pixels; {limits.max_side} are allowed",
            limit="side",
            max_side=limits.max_side,
        )


def _check_frames(image: Image.Image, limits: DecodeLimits) -> None:
    frames = getattr(image, "n_frames", 1) if image.format in {"PNG", "WEBP"} else 1
    if frames > limits.max_frames:
        raise ImageTooLarge(
            f"the picture has {frames} frames; {limits.max_frames} are allowed",
            limit="frames",
            max_frames=limits.max_frames,
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in SIXTEEN_BIT_MODES:
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in {"I", "F"}:
        return Image.fromarray(_stretch(np.asarray(image))).convert("RGB")
    if image.mode == "La":
        image = image.convert("LA")  # Pillow leads from La nowhere else
    if image.mode in ALPHA_MODES or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _stretch(samples: Array) -> U8:
    """Map 32-bit samples, which have no agreed white point, from their own range to 0..255."""
    finite = np.nan_to_num(samples, posinf=0.0, neginf=0.0).astype(np.float64)
    low, high = finite.min(), finite.max()
    scaled = (finite - low) * (255.0 / (high - low)) if high > low else np.zeros_like(finite)
    return scaled.round().astype(np.uint8)
