"""Crops that the network has not seen yet: turned, mirrored, scaled, bent and recoloured."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from tools.train_unet.nuclei import Kind

SIDE = 224
SCALES = (0.7, 1.4)
ELASTIC_POINTS, ELASTIC_SIGMA = 5, 5.0  # a coarse field of displacements, in pixels
ON_NUCLEUS = 0.5  # the share of crops whose centre is sought on a nucleus


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A picture with its targets, as tensors.

    Attributes:
        pixels: (3, H, W) float, 0..1.
        targets: (2, H, W) float: class and weight.
        nuclei: (M, 2) pixel coordinates (y, x) of the foreground.
    """

    kind: Kind
    pixels: Tensor
    targets: Tensor
    nuclei: Tensor


def crop(sample: Labelled, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return one random crop: pixels (3, S, S), classes (S, S) and weights (S, S)."""
    grid = _grid(sample, random)
    pixels = _sample(sample.pixels, grid, "bilinear")
    targets = _sample(sample.targets, grid, "nearest")
    return _recolor(pixels, sample.kind, random), targets[0].long(), targets[1]


def _sample(maps: Tensor, grid: Tensor, mode: str) -> Tensor:
    return grid_sample(maps[None], grid, mode=mode, padding_mode="reflection", align_corners=True)[
        0
    ]


def _grid(sample: Labelled, random: np.random.Generator) -> Tensor:
    """Return where each pixel of the crop is taken from, (1, S, S, 2) in (x, y) of -1..1."""
    height, width = sample.pixels.shape[1:]
    axis = torch.arange(SIDE) - (SIDE - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    bend = torch.from_numpy(
        random.normal(0, ELASTIC_SIGMA, (1, 2, ELASTIC_POINTS, ELASTIC_POINTS)).astype(np.float32)
    )
    dx, dy = interpolate(bend, (SIDE, SIDE), mode="bicubic", align_corners=True)[0]
    angle = random.uniform(0, 2 * math.pi)
    zoom = math.exp(random.uniform(math.log(SCALES[0]), math.log(SCALES[1])))
    mirror = random.choice((-1, 1))
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    x, y = mirror * (x + dx), y + dy
    center_y, center_x = _center(sample, zoom, random)
    source_x = center_x + cos * x - sin * y
    source_y = center_y + sin * x + cos * y
    return torch.stack((2 * source_x / (width - 1) - 1, 2 * source_y / (height - 1) - 1), -1)[None]


def _center(sample: Labelled, zoom: float, random: np.random.Generator) -> tuple[float, float]:
    """Choose a centre, on a nucleus or anywhere, that keeps the crop inside where it fits."""
    wanted = [random.uniform(0, side) for side in sample.pixels.shape[1:]]
    if len(sample.nuclei) and random.random() < ON_NUCLEUS:
        wanted = sample.nuclei[random.integers(len(sample.nuclei))].tolist()
    half = SIDE / zoom / 2
    inside = []
    for side, place in zip(sample.pixels.shape[1:], wanted, strict=True):
        inside.append(side / 2 if side <= 2 * half else min(max(place, half), side - half))
    return inside[0], inside[1]


def _recolor(pixels: Tensor, kind: Kind, random: np.random.Generator) -> Tensor:
    """Change light, contrast and colours as another microscope and another stain would."""
    if kind is Kind.STAINED:
        mixing = np.eye(3) + random.normal(0, 0.06, (3, 3))
        pixels = torch.einsum("ij,jhw->ihw", torch.from_numpy(mixing).float(), pixels)
        gain = random.uniform(0.85, 1.15, (3, 1, 1))
        pixels = pixels * torch.from_numpy(gain).float() + float(random.uniform(-0.08, 0.08))
        if random.random() < 0.15:
            pixels = pixels.mean(dim=0, keepdim=True).expand(3, -1, -1)
    elif kind is Kind.FLUORESCENT:
        brightest = float(pixels.max()) or 1.0
        pixels = pixels * min(math.exp(random.uniform(-0.8, 0.8)), 1.2 / brightest)
        if random.random() < 0.08:
            pixels = 1 - pixels
    else:
        pixels = pixels * float(random.uniform(0.8, 1.15)) + float(random.uniform(-0.1, 0.1))
    pixels = pixels.clamp(0, 1) ** math.exp(random.uniform(-0.35, 0.35))
    if random.random() < 0.3:
        noise = random.normal(0, random.uniform(0.003, 0.02), (1, *pixels.shape[1:]))
        pixels = pixels + torch.from_numpy(noise).float()
    return pixels.clamp(0, 1)
