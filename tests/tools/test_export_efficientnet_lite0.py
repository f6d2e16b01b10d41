"""The exported graph against the same network in PyTorch, batch norms and all."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from PIL import Image

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.nn.utils.fusion import fuse_conv_bn_eval  # noqa: E402

from tools import export_efficientnet_lite0 as recipe  # noqa: E402
from tools.sources import SourceError  # noqa: E402

pytestmark = pytest.mark.export

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "imagenet"


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding, worked out from the picture it is given."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = []
        for side, kernel, stride in zip(
            reversed(x.shape[2:]), reversed(self.kernel_size), reversed(self.stride), strict=True
        ):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def conv_bn(fan_in: int, fan_out: int, kernel: int, **options: int) -> tuple[nn.Module, nn.Module]:
    conv = SameConv(fan_in, fan_out, kernel, bias=False, **options)
    return conv, nn.BatchNorm2d(fan_out, eps=1e-3)


class Block(nn.Module):
    """Inverted bottleneck; the attribute names are the checkpoint's."""

    def __init__(self, fan_in: int, fan_out: int, expand: int, kernel: int, stride: int) -> None:
        super().__init__()
        width = fan_in * expand
        self.shortcut = stride == 1 and fan_in == fan_out
        self.expand = expand
        if expand != 1:
            self._expand_conv, self._bn0 = conv_bn(fan_in, width, 1)
        self._depthwise_conv, self._bn1 = conv_bn(width, width, kernel, stride=stride, groups=width)
        self._project_conv, self._bn2 = conv_bn(width, fan_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expand != 1 else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.shortcut else y


class EfficientNetLite0(nn.Module):
    """The network as published: batch norms kept, pixels normalised outside."""

    stages = (  # input, output, expansion, kernel, stride of the first, repeats
        (32, 16, 1, 3, 1, 1),
        (16, 24, 6, 3, 2, 2),
        (24, 40, 6, 5, 2, 2),
        (40, 80, 6, 3, 2, 3),
        (80, 112, 6, 5, 1, 3),
        (112, 192, 6, 5, 2, 4),
        (192, 320, 6, 3, 1, 1),
    )

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = conv_bn(3, 32, 3, stride=2)
        self._blocks = nn.Sequential()
        for fan_in, fan_out, expand, kernel, stride, repeats in self.stages:
            self._blocks.append(Block(fan_in, fan_out, expand, kernel, stride))
            for _ in range(repeats - 1):
                self._blocks.append(Block(fan_out, fan_out, expand, kernel, 1))
        self._conv_head, self._bn1 = conv_bn(320, 1280, 1)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = F.relu6(self._bn0(self._conv_stem(x)))
        x = F.relu6(self._bn1(self._conv_head(self._blocks(x))))
        features = x.mean((2, 3))
        return self._fc(features), features

    def predict(self, pictures: NDArray[np.uint8]) -> tuple[NDArray, NDArray]:
        """Return logits and features of (N, 224, 224, 3) pixels."""
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        x = (x.to(self._fc.weight.dtype) - 127) / 128
        with torch.no_grad():
            logits, features = self(x)
        return logits.numpy(), features.numpy()


def halve(parameter: nn.Parameter) -> None:
    """Round a float64 weight to the nearest float16, in one step as the recipe does."""
    parameter.data = torch.from_numpy(parameter.detach().numpy().astype(np.float16)).double()


def fold_and_halve(module: nn.Module) -> None:
    """Fuse each batch norm into the convolution before it, then round the kernels."""
    pairs = [
        ("_conv_stem", "_bn0"),
        ("_expand_conv", "_bn0"),
        ("_depthwise_conv", "_bn1"),
        ("_project_conv", "_bn2"),
        ("_conv_head", "_bn1"),
    ]
    for conv, norm in pairs:
        if hasattr(module, conv):
            fused = fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm))
            halve(fused.weight)
            setattr(module, conv, fused)
            setattr(module, norm, nn.Identity())


@pytest.fixture(scope="module")
def weights() -> Mapping[str, NDArray[np.float32]]:
    try:
        return recipe.read_weights()
    except SourceError as error:
        pytest.skip(str(error))


@pytest.fixture
def network(weights: Mapping[str, NDArray[np.float32]]) -> EfficientNetLite0:
    """The reference in float64, so that a difference is the graph's own."""
    network = EfficientNetLite0()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return network.double().eval()


@pytest.fixture(scope="module")
def noise() -> NDArray[np.uint8]:
    """Pixels at random, a black picture and a white one."""
    pictures = np.random.default_rng(0).integers(0, 256, (4, 224, 224, 3), np.uint8)
    pictures[2], pictures[3] = 0, 255
    return pictures


@pytest.fixture(scope="module")
def photos() -> NDArray[np.uint8]:
    """A hundred photographs, short side 256, the 224 pixels in the middle."""
    paths = sorted(PHOTOS.glob("*.JPEG"))
    if not paths:
        pytest.skip("the photographs of ../shared/data/imagenet are not here")
    return np.stack([crop(path) for path in paths])


def crop(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as file:
        picture = file.convert("RGB")
    scale = 256 / min(picture.size)
    width, height = (round(side * scale) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - 224) // 2, (height - 224) // 2
    return np.asarray(picture.crop((left, top, left + 224, top + 224)))


def run(model: onnx.ModelProto, pictures: NDArray[np.uint8]) -> tuple[NDArray, NDArray]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    answers = [session.run(["logits", "features"], {"image": one[None]}) for one in pictures]
    logits, features = zip(*answers, strict=True)
    return np.concatenate(logits), np.concatenate(features)


@pytest.mark.parametrize("pictures", ["noise", "photos"])
def test_full_precision_equals_pytorch(
    pictures: str,
    request: pytest.FixtureRequest,
    weights: Mapping[str, NDArray[np.float32]],
    network: EfficientNetLite0,
) -> None:
    images = request.getfixturevalue(pictures)[:8]

    logits, features = run(recipe.build(weights, half=False), images)

    expected_logits, expected_features = network.predict(images)
    np.testing.assert_allclose(logits, expected_logits, atol=1e-4, rtol=0)
    np.testing.assert_allclose(features, expected_features, atol=1e-4, rtol=0)


@pytest.mark.parametrize("pictures", ["noise", "photos"])
def test_half_storage_equals_pytorch_with_rounded_weights(
    pictures: str,
    request: pytest.FixtureRequest,
    weights: Mapping[str, NDArray[np.float32]],
    network: EfficientNetLite0,
) -> None:
    images = request.getfixturevalue(pictures)[:8]
    network.apply(fold_and_halve)
    halve(network._fc.weight)

    logits, features = run(recipe.build(weights, half=True), images)

    expected_logits, expected_features = network.predict(images)
    np.testing.assert_allclose(logits, expected_logits, atol=1e-4, rtol=0)
    np.testing.assert_allclose(features, expected_features, atol=1e-4, rtol=0)


@pytest.mark.data
def test_half_storage_changes_no_answer(
    photos: NDArray[np.uint8], weights: Mapping[str, NDArray[np.float32]]
) -> None:
    half, _ = run(recipe.build(weights, half=True), photos)
    full, _ = run(recipe.build(weights, half=False), photos)

    np.testing.assert_array_equal(half.argmax(axis=1), full.argmax(axis=1))


def test_the_shipped_file_is_what_the_recipe_builds(
    weights: Mapping[str, NDArray[np.float32]],
) -> None:
    shipped = onnx.load(recipe.FOLDER / "model.onnx")

    assert recipe.build(weights) == shipped
