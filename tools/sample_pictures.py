"""Write the demo page's sample pictures: `python -m tools.sample_pictures`.

The photographs come with scikit-image and stardist; the two style pictures are painted here. What
each is, and its licence, stands in `service/web/samples/LICENSES.md`.
"""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from skimage import data

from tools.sources import wheel

SAMPLES = Path(__file__).resolve().parents[1] / "service" / "web" / "samples"
STARDIST_SHA256 = "1f2caf3a071c1ead1b0cbbf9614ff2c82967be1bd22764f097871fb9bbd2718f"
NUCLEI = "stardist/data/images/img2d.tif"  # from BBBC038, the 2018 Data Science Bowl
SIDE = 512  # of what is painted, pixels; shown at PAINTED_SIDE
PAINTED_SIDE = 384
STROKES = 9_000
NIGHT = ("#0b1f4b", "#12387f", "#1f5fa8", "#3f8fc4", "#8fc1d9", "#f2d16b", "#e8a33d", "#f7efc6")
GLASS = ("#b5332e", "#e07a2f", "#f0b93a", "#2f7d5b", "#1f5f8b", "#5b3a7d", "#d9d3c0", "#16263f")


def photographs() -> dict[str, Image.Image]:
    """Return the photographs by name, as small as the page shows them."""
    astronaut = Image.fromarray(data.astronaut())
    return {
        "cat": Image.fromarray(data.chelsea()),
        "coffee": Image.fromarray(data.coffee()),
        "astronaut": astronaut,
        "astronaut-changed": changed(astronaut),
        "rocket": Image.fromarray(data.rocket()),
        "nuclei": nuclei(),
    }


def changed(portrait: Image.Image) -> Image.Image:
    """Return the same photograph as another camera might have taken it: mirrored, turned, dim."""
    turned = ImageOps.mirror(portrait).rotate(-7, Image.Resampling.BICUBIC)
    cut = turned.crop((150, 20, 450, 320)).resize((384, 384), Image.Resampling.BICUBIC)
    return ImageEnhance.Color(ImageEnhance.Brightness(cut).enhance(0.75)).enhance(0.35)


def nuclei() -> Image.Image:
    """Return fluorescent nuclei on black, as the network for them knows them."""
    path = wheel("stardist", "0.9.1", STARDIST_SHA256)
    with zipfile.ZipFile(path) as archive:
        photons = np.asarray(Image.open(io.BytesIO(archive.read(NUCLEI))), np.float64)
    low, high = np.percentile(photons, (60, 99.5))  # most of the picture is ground
    shown = np.clip((photons - low) / (high - low), 0, 1)
    return Image.fromarray((255 * shown).astype(np.uint8))


def night() -> Image.Image:
    """Paint brush strokes that follow the whirls of a few vortices."""
    rng = np.random.default_rng(7)
    canvas = Image.new("RGB", (SIDE, SIDE), NIGHT[0])
    pen = ImageDraw.Draw(canvas)
    vortices = rng.uniform(0.1, 0.9, (7, 2)) * SIDE
    spins = rng.choice([-1.0, 1.0], 7) * rng.uniform(0.6, 1.0, 7)
    for index in range(STROKES):
        width = int(np.interp(index, (0, STROKES), (11, 3)))
        path = _stroke(rng.uniform(0, SIDE, 2), vortices, spins)
        distance = np.hypot(*(vortices - path[0]).T).min() / SIDE
        # Light in the eyes of the whirls, dark between them, and a little of everything anywhere.
        tone = np.clip(7.2 - 34 * distance + rng.normal(0, 0.9), 0, 7) if distance < 0.16 else None
        pick = int(tone) if tone is not None else int(np.clip(rng.normal(1.6, 1.1), 0, 4))
        pen.line([tuple(point) for point in path], fill=NIGHT[pick], width=width, joint="curve")
    return canvas


def _stroke(start: np.ndarray, vortices: np.ndarray, spins: np.ndarray) -> list[np.ndarray]:
    """Return points along the field, a few pixels from one to the next."""
    path = [start]
    for _ in range(7):
        away = path[-1] - vortices
        strength = spins / (1 + (away**2).sum(1) / 4_000)
        field = (np.stack([-away[:, 1], away[:, 0]], 1) * strength[:, None]).sum(0)
        drift = np.array([26.0, 9.0 * np.sin(path[-1][0] / 60)])
        step = field + drift
        path.append(path[-1] + 5 * step / max(float(np.hypot(*step)), 1e-6))
    return path


def glass() -> Image.Image:
    """Paint a window of coloured glass: cells around random seeds, with lead between them."""
    rng = np.random.default_rng(3)
    seeds = rng.uniform(0, SIDE, (150, 2))
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    distances = np.hypot(x[..., None] - seeds[:, 0], y[..., None] - seeds[:, 1])
    nearest, second = np.partition(distances, 1, axis=-1)[..., :2].transpose(2, 0, 1)
    palette = np.array([tuple(bytes.fromhex(color[1:])) for color in GLASS], np.float64)
    colors = palette[rng.integers(0, len(GLASS), len(seeds))]
    panes = colors[distances.argmin(-1)] * rng.normal(1, 0.05, (SIDE, SIDE, 1))
    light = 1.15 - nearest / 90  # brighter in the middle of a pane
    lead = np.clip((second - nearest - 3) / 3, 0.08, 1)
    pixels = np.clip(panes * (light * lead)[..., None], 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def paintings() -> dict[str, Image.Image]:
    """Return the style pictures by name, as small as the networks look at them."""
    painted = {"night": night(), "glass": glass()}
    size = (PAINTED_SIDE, PAINTED_SIDE)
    return {name: one.resize(size, Image.Resampling.LANCZOS) for name, one in painted.items()}


def main() -> None:
    """Write every sample as a JPEG."""
    for name, picture in {**photographs(), **paintings()}.items():
        path = SAMPLES / f"{name}.jpg"
        picture.save(path, quality=85, optimize=True, progressive=True)
        print(f"{path.name:24}{picture.width} x {picture.height}  {path.stat().st_size:>7} bytes")


if __name__ == "__main__":
    main()
