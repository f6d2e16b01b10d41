"""The training loop: seeded by step, so that what was interrupted goes on as if it had not been."""

import csv
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor, nn

from service.arrays import Array
from tools.train_unet import scores, targets
from tools.train_unet.augment import Labelled, crop
from tools.train_unet.network import UNet
from tools.train_unet.nuclei import Kind, Sample, load

SEED = 2018
STEPS, BATCH = 2400, 8
PEAK_RATE, WARM_UP, WEIGHT_DECAY = 3e-3, 300, 1e-4
# The few stained pictures are the hardest; drawn by their number they would be one in six.
SHARES = {Kind.FLUORESCENT: 0.6, Kind.STAINED: 0.32, Kind.BRIGHTFIELD: 0.08}
# Dark and light pictures share few batches in the same proportion, so that batch statistics tell
# the network what it will not be told later. The last steps are made with those it will have.
FREEZE_NORM_AT = 1200
EVERY, VALIDATE_EVERY = 50, 500
CHECKPOINT, LOG = "checkpoint.pt", "log.csv"
COLUMNS = ("step", "loss", "learning_rate", "foreground_iou", "instance_score", "minutes")


def train(data: Path, work: Path) -> None:
    """Train to the last step, from the last checkpoint in `work` if there is one."""
    torch.manual_seed(SEED)
    work.mkdir(parents=True, exist_ok=True)
    samples = [labelled(sample) for sample in load(data, validation=False)]
    held_back = load(data, validation=True)
    network = UNet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    first, minutes = _resume(work, network, optimizer)
    started, losses = time.monotonic() - 60 * minutes, []
    for step, batch in _batches(samples, first):
        _set_mode(network, frozen=step > FREEZE_NORM_AT)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        losses.append(_step(network, optimizer, batch))
        if step % EVERY:
            continue
        row: dict[str, object] = {"step": step, "loss": f"{np.mean(losses):.4f}"}
        row["learning_rate"] = f"{learning_rate(step):.2e}"
        losses.clear()
        if step % VALIDATE_EVERY == 0:
            iou, found = validate(network, held_back)
            row |= {"foreground_iou": f"{iou:.4f}", "instance_score": f"{found:.4f}"}
        minutes = (time.monotonic() - started) / 60
        _log(work, row | {"minutes": f"{minutes:.1f}"})
        _save(work, step, minutes, network, optimizer)


def learning_rate(step: int) -> float:
    """Return the rate of a step, 1..STEPS: up in a line, then down half a cosine to nothing.

    >>> learning_rate(WARM_UP) == PEAK_RATE, learning_rate(STEPS) < 1e-8
    (True, True)
    """
    if step < WARM_UP:
        return PEAK_RATE * step / WARM_UP
    return PEAK_RATE * (1 + math.cos(math.pi * (step - WARM_UP) / (STEPS - WARM_UP))) / 2


def labelled(sample: Sample) -> Labelled:
    """Return a picture and its targets as tensors."""
    classes, weights = targets.classes_and_weights(sample.labels)
    pixels = torch.from_numpy(sample.pixels.copy()).permute(2, 0, 1).float() / 255
    return Labelled(
        kind=sample.kind,
        pixels=pixels,
        targets=torch.from_numpy(np.stack((classes.astype(np.float32), weights))),
        nuclei=torch.from_numpy(np.argwhere(sample.labels > 0).astype(np.int16)),
    )


def validate(network: nn.Module, samples: list[Sample]) -> tuple[float, float]:
    """Return mean foreground IoU and instance score, with the plainest of post-processing."""
    network.eval()
    figures = []
    for sample in samples:
        classes = predict(network, sample).argmax(axis=0)
        interior, _ = ndimage.label(classes == targets.NUCLEUS)
        found = ndimage.grey_dilation(interior, size=3)
        found = np.where(interior > 0, interior, np.where(classes == targets.BORDER, found, 0))
        figures.append(
            (
                scores.foreground_iou(sample.labels, classes > 0),
                scores.instance_score(sample.labels, found),
            )
        )
    iou, found = np.mean(figures, axis=0)
    return float(iou), float(found)


def predict(network: nn.Module, sample: Sample) -> Array:
    """Return (3, H, W) probabilities, mirrored at the borders to a multiple of 16."""
    height, width = sample.pixels.shape[:2]
    padded = np.pad(sample.pixels, ((0, -height % 16), (0, -width % 16), (0, 0)), mode="reflect")
    pixels = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        logits = network(pixels.contiguous(memory_format=torch.channels_last))
        return logits.softmax(dim=1)[0, :, :height, :width].numpy()


def _batches(samples: list[Labelled], first: int) -> Iterator[tuple[int, list[Tensor]]]:
    """Yield (step, [pixels, classes, weights]), the next one made while one is in use."""
    kinds = {kind: [sample for sample in samples if sample.kind is kind] for kind in SHARES}

    def draw(step: int) -> list[Tensor]:
        random = np.random.default_rng((SEED, step))
        drawn = random.choice(list(SHARES), size=BATCH, p=list(SHARES.values()))
        crops = []
        for kind in drawn:
            choice = kinds[Kind(kind)]
            crops.append(crop(choice[random.integers(len(choice))], random))
        return [torch.stack(part) for part in zip(*crops, strict=True)]

    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(draw, first + 1)
        for step in range(first + 1, STEPS + 1):
            batch, coming = coming.result(), ahead.submit(draw, step + 1)
            yield step, batch


def _set_mode(network: nn.Module, *, frozen: bool) -> None:
    """Make the network ready to learn, with batch statistics or with the running ones."""
    network.train()
    for module in network.modules():
        if frozen and isinstance(module, nn.BatchNorm2d):
            module.eval()


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, batch: list[Tensor]) -> float:
    pixels, classes, weights = batch
    logits = network(pixels.contiguous(memory_format=torch.channels_last))
    each = nn.functional.cross_entropy(logits, classes, reduction="none")
    foreground = 1 - logits.softmax(dim=1)[:, targets.BACKGROUND]
    truth = (classes != targets.BACKGROUND).float()
    dice = (2 * (foreground * truth).sum() + 1) / (foreground.sum() + truth.sum() + 1)
    loss = (each * weights).sum() / weights.sum() + (1 - dice)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def _resume(work: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, float]:
    """Load the last checkpoint; return its step and the minutes it took, or zeros."""
    path = work / CHECKPOINT
    if not path.exists():
        _log(work, dict(zip(COLUMNS, COLUMNS, strict=True)))
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["minutes"]


def _save(
    work: Path, step: int, minutes: float, network: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    state = {
        "step": step,
        "minutes": minutes,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    part = work / (CHECKPOINT + ".part")
    torch.save(state, part)
    part.replace(work / CHECKPOINT)


def _log(work: Path, row: dict[str, object]) -> None:
    with (work / LOG).open("a", newline="") as file:
        csv.DictWriter(file, COLUMNS).writerow(row)
    print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
