"""The image transformation network, against one of NumPy."""

import numpy as np
import pytest

from service.arrays import F32, U8
from tests.tools.networks import session
from tests.tools.test_subpixel import bordered, convolved
from tools.style_network import EPSILON, Affine, Layer, StyleNetwork, build

RNG = np.random.default_rng(0)
STYLES = 3
Statistics = list[tuple[F32, F32]]


def random(*shape: int) -> F32:
    return RNG.normal(size=shape).astype(np.float32)


def layer(name: str, inputs: int, outputs: int, side: int = 3, *, norm: bool = True) -> Layer:
    kernel = random(outputs, inputs, side, side) / side
    if not norm:
        return Layer(name=name, kernel=kernel, bias=random(outputs))
    gain, shift = (Affine(weights=random(STYLES, outputs), bias=random(outputs)) for _ in "gs")
    return Layer(name=name, kernel=kernel, gain=gain, shift=shift)


def network(*, norms_first: bool) -> StyleNetwork:
    sizes = [(3, 5, 9), (5, 6, 3), (6, 7, 3)]
    return StyleNetwork(
        name="tiny",
        contract=[
            layer(f"contract{index}", *size, norm=norms_first) for index, size in enumerate(sizes)
        ],
        residual=[
            (layer(f"residual{index}a", 7, 7), layer(f"residual{index}b", 7, 7)) for index in (0, 1)
        ],
        expand=[layer("expand0", 7, 4), layer("expand1", 4, 2), layer("expand2", 2, 3, 9)],
    )


class Reference:
    """The network as the papers draw it, for one picture."""

    def __init__(self, style: F32, given: Statistics | None = None) -> None:
        self.statistics: Statistics = []
        self._style = style
        self._given = list(given or [])

    def paint(self, net: StyleNetwork, pixels: U8) -> F32:
        """Return the picture (H, W, 3) painted, 0..255."""
        maps = pixels.transpose(2, 0, 1) / np.float32(255)
        for index, one in enumerate(net.contract):
            maps = np.maximum(self.layer(maps, one, stride=min(index + 1, 2)), 0)
        for first, second in net.residual:
            maps = maps + self.layer(np.maximum(self.layer(maps, first), 0), second)
        for one in net.expand[:2]:
            maps = np.maximum(self.layer(maps.repeat(2, axis=1).repeat(2, axis=2), one), 0)
        painted = 255 / (1 + np.exp(-self.layer(maps, net.expand[2])))
        return painted.transpose(1, 2, 0)

    def layer(self, maps: F32, one: Layer, *, stride: int = 1) -> F32:
        maps = bordered(maps, one.kernel.shape[-1] // 2, "reflect")
        maps = convolved(maps, one.kernel, stride=stride)
        if one.gain is None or one.shift is None:
            return maps + one.bias[:, None, None]
        own = maps.mean(axis=(1, 2)), maps.var(axis=(1, 2))
        mean, variance = self._given[len(self.statistics)] if self._given else own
        self.statistics.append((mean, variance))
        gain, shift = (self._style @ part.weights + part.bias for part in (one.gain, one.shift))
        normal = (maps - mean[:, None, None]) / np.sqrt(variance + EPSILON)[:, None, None]
        return gain[:, None, None] * normal + shift[:, None, None]


def stacked(statistics: Statistics) -> F32:
    """Return statistics as the graph has them, (1, S, 2)."""
    return np.concatenate([np.stack(pair, axis=1) for pair in statistics])[None]


@pytest.mark.parametrize("norms_first", [True, False], ids=["norms", "biases"])
@pytest.mark.parametrize("size", [(8, 8), (16, 12), (20, 36)])
def test_the_graph_paints_as_the_papers_say(*, norms_first: bool, size: tuple[int, int]) -> None:
    net, style = network(norms_first=norms_first), random(STYLES)
    pixels = RNG.integers(0, 256, (*size, 3), np.uint8)
    reference = Reference(style)
    expected = reference.paint(net, pixels)
    channels = stacked(reference.statistics).shape[1]

    feeds = {
        "image": pixels[None],
        "style": style[None],
        "given": np.zeros((0, channels, 2), np.float32),
    }
    painted, statistics = session(build(net, half=False)).run(["pixels", "statistics"], feeds)

    np.testing.assert_allclose(painted[0], expected, atol=0.05)
    np.testing.assert_allclose(statistics, stacked(reference.statistics), rtol=1e-3, atol=1e-3)


def test_statistics_that_are_given_are_taken() -> None:
    net, style = network(norms_first=True), random(STYLES)
    one, other = RNG.integers(0, 256, (2, 16, 16, 3), np.uint8)
    of_another = Reference(style)
    of_another.paint(net, other)
    expected = Reference(style, of_another.statistics).paint(net, one)
    given = stacked(of_another.statistics)

    painted, statistics = session(build(net, half=False)).run(
        ["pixels", "statistics"], {"image": one[None], "style": style[None], "given": given}
    )

    np.testing.assert_allclose(painted[0], expected, atol=0.05)
    np.testing.assert_array_equal(statistics, given)


def test_weights_are_stored_as_halves() -> None:
    net = network(norms_first=True)
    half, whole = (len(build(net, half=half).SerializeToString()) for half in (True, False))
    assert half < whole - 2 * sum(one.kernel.size for one in net.styled if one.kernel.size >= 64)
