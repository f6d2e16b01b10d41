"""LeNet-5 for handwritten digits: scikit-learn's `load_digits` → `models/lenet5-digits/`.

    python -m tools.train_lenet5

The network of the paper with three usual simplifications: C3 sees all of S2 instead of the
connection table, S2 and S4 average without a gain and bias of their own (the next convolution
absorbs them), and the output is linear under a softmax instead of radial basis functions. The
activation is tanh. Training takes some minutes on one core and is repeatable on one machine; on
another the weights differ in their last bits, and then in more.

Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document
recognition, Proceedings of the IEEE 86(11), 1998, section II.B.
"""

from collections.abc import Mapping

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor, nn
from torch.nn import functional as F

from service.arrays import F32
from tools import digits
from tools.digits import Digits
from tools.graph import MODELS, Graph, save

FOLDER = MODELS / "lenet5-digits"
FEATURES, CLASSES = 84, 10

EPOCHS = 200
BATCH = 64
PEAK_RATE = 4e-3
WEIGHT_DECAY = 1e-2

# What a picture may differ by from those of the data set.
MAX_ROTATION = 15.0  # degrees
ZOOM = (0.7, 1.15)
MAX_SHIFT = 0.12  # of the side
CONTRAST = (0.4, 1.0)


class LeNet5(nn.Module):
    """(N, 1, 32, 32) pixels, 0..255 → logits (N, 10) and features (N, 84), the output of F6."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, FEATURES)
        self.out = nn.Linear(FEATURES, CLASSES)
        for layer in self.children():
            # PyTorch's own start is too small for tanh: half the pictures being inverted, the
            # network would first have to leave a plateau, and some seeds never do.
            nn.init.xavier_uniform_(layer.weight, nn.init.calculate_gain("tanh"))
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and features."""
        x = pixels / 127.5 - 1  # -1..1, so that inverting a picture only changes the sign
        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.c3(x)), 2)
        x = torch.tanh(self.c5(x)).flatten(1)
        features = torch.tanh(self.f6(x))
        return self.out(features), features


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures turned, zoomed, shifted and faded at random, half of them inverted.

    Args:
        pictures: (N, 1, H, W), 0 (paper) .. 255 (ink).
        generator: the only source of randomness.

    Returns:
        (N, 1, H, W), 0..255.
    """

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(len(pictures)).uniform_(low, high, generator=generator)

    angle = torch.deg2rad(uniform(-MAX_ROTATION, MAX_ROTATION))
    # affine_grid maps the new picture to the old one, so that a zoom divides; its frame is -1..1,
    # so that a shift by the whole side is 2.
    cosine, sine = torch.cos(angle) / uniform(*ZOOM), torch.sin(angle) / uniform(*ZOOM)
    shift_x, shift_y = (2 * uniform(-MAX_SHIFT, MAX_SHIFT) for _ in range(2))
    rows = [torch.stack((cosine, -sine, shift_x), 1), torch.stack((sine, cosine, shift_y), 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="zeros", align_corners=False)
    faded = moved * uniform(*CONTRAST)[:, None, None, None]
    inverted = uniform(0, 1)[:, None, None, None] < 0.5
    return torch.where(inverted, 255 - faded, faded)


def train(data: Digits, *, epochs: int = EPOCHS, seed: int = 0) -> LeNet5:
    """Return a network trained on `data`, by AdamW under one cycle of the learning rate."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.from_numpy(data.pictures).float()[:, None]
    classes = torch.from_numpy(data.classes)
    network = LeNet5()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(classes) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(classes), generator=generator).split(BATCH):
            logits, _ = network(augment(pictures[batch], generator))
            loss = F.cross_entropy(logits, classes[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def accuracy(network: LeNet5, data: Digits) -> float:
    """Return the share of `data` that the network names right, 0..1."""
    with torch.no_grad():
        logits, _ = network(torch.from_numpy(data.pictures).float()[:, None])
    return float((logits.argmax(1).numpy() == data.classes).mean())


def build(weights: Mapping[str, F32]) -> onnx.ModelProto:
    """Return the network: `image` uint8 (N, 32, 32, 1) grey → `logits`, `features`.

    Args:
        weights: of a `LeNet5`, name → array.
    """
    graph = Graph("lenet5-digits", half=False)
    image = graph.pictures("image", digits.SIDE, digits.SIDE, 1)
    value = graph.node("Transpose", [image], "plane", perm=(0, 3, 1, 2))
    value = graph.node("Cast", [value], "pixels", to=TensorProto.FLOAT)
    kernel, bias = weights["c1.weight"].astype(np.float64), weights["c1.bias"]
    # The normalisation pixel / 127.5 - 1 as part of C1, which pads nothing.
    value = _conv(graph, "c1", value, kernel / 127.5, bias - kernel.sum(axis=(1, 2, 3)))
    value = graph.node("AveragePool", [value], "s2", kernel_shape=(2, 2), strides=(2, 2))
    value = _conv(graph, "c3", value, weights["c3.weight"], weights["c3.bias"])
    value = graph.node("AveragePool", [value], "s4", kernel_shape=(2, 2), strides=(2, 2))
    value = _conv(graph, "c5", value, weights["c5.weight"], weights["c5.bias"])
    value = graph.node("Flatten", [value], "flat")
    value = _linear(graph, "f6", value, "f6/linear", weights)
    features = graph.node("Tanh", [value], "features")
    logits = _linear(graph, "out", features, "logits", weights)
    graph.output(logits, CLASSES)
    graph.output(features, FEATURES)
    return graph.model()


def _conv(
    graph: Graph,
    name: str,
    value: str,
    kernel: NDArray[np.floating],
    bias: NDArray[np.floating],
) -> str:
    """Append a convolution and its tanh."""
    stored = [
        graph.weight(f"{name}/weight", kernel),
        graph.constant(f"{name}/bias", bias.astype(np.float32)),
    ]
    value = graph.node("Conv", [value, *stored], f"{name}/conv")
    return graph.node("Tanh", [value], f"{name}/tanh")


def _linear(graph: Graph, name: str, value: str, result: str, weights: Mapping[str, F32]) -> str:
    """Append a fully connected layer whose value is named `result`."""
    stored = [
        graph.weight(f"{name}/weight", weights[f"{name}.weight"]),
        graph.constant(f"{name}/bias", weights[f"{name}.bias"]),
    ]
    return graph.node("Gemm", [value, *stored], result, transB=1)


def arrays(network: LeNet5) -> dict[str, F32]:
    """Return the network's weights, name → array."""
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def main() -> None:
    """Train, say how well on the held-out fifth, and write `model.onnx` and its SHA-256."""
    torch.set_num_threads(1)  # the order of additions, and so the result, depends on it
    torch.use_deterministic_algorithms(True)
    learned, held_out = digits.load()
    network = train(learned)
    inverted = Digits(pictures=255 - held_out.pictures, classes=held_out.classes)
    print(
        f"held out: {accuracy(network, held_out):.2%}, inverted {accuracy(network, inverted):.2%}"
    )
    digest = save(build(arrays(network)), FOLDER)
    print(f"{FOLDER / 'model.onnx'}: sha256 {digest}")


if __name__ == "__main__":
    main()
