"""The network, its export, its crops, and a training that goes on where it was interrupted."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("scipy", reason="SciPy is not installed")

from tools.train_unet import augment, export, train  # noqa: E402
from tools.train_unet.network import UNet  # noqa: E402
from tools.train_unet.nuclei import Kind, Sample  # noqa: E402

pytestmark = pytest.mark.export


def sample(size: tuple[int, int] = (64, 80), kind: Kind = Kind.FLUORESCENT) -> Sample:
    labels = np.zeros(size, np.int32)
    labels[8:20, 8:20], labels[8:20, 20:30], labels[40:60, 40:50] = 1, 2, 3
    pixels = np.where(labels > 0, 200, 10).astype(np.uint8)
    return Sample(name="one", kind=kind, pixels=np.stack([pixels] * 3, 2), labels=labels)


def test_the_graph_equals_pytorch_at_any_size() -> None:
    torch.manual_seed(0)
    network = UNet()
    with torch.no_grad():  # batch norm with something to fold
        for _ in range(3):
            network(torch.rand(2, 3, 32, 32))
    network.eval()
    model = export.build({name: one.numpy() for name, one in network.state_dict().items()})
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 16, 16), (2, 3, 48, 80)):
        pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

        [answer] = session.run(["probabilities"], {"image": pixels})

        with torch.no_grad():
            expected = network(torch.from_numpy(pixels).float() / 255).softmax(dim=1)
        np.testing.assert_allclose(answer, expected.numpy(), atol=5e-3)  # weights in half precision


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("size", [(64, 80), (300, 500), (1, 500)])
def test_crops_are_pictures_with_their_targets(kind: Kind, size: tuple[int, int]) -> None:
    labelled = train.labelled(sample(size=(300, 500) if size == (1, 500) else size, kind=kind))

    pixels, classes, weights = augment.crop(labelled, np.random.default_rng(0))

    assert pixels.shape == (3, augment.SIDE, augment.SIDE)
    assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
    assert set(classes.unique().tolist()) <= {0, 1, 2}
    assert float(weights.min()) >= 1


def test_crops_depend_on_the_generator_alone() -> None:
    labelled = train.labelled(sample())
    one, other = (augment.crop(labelled, np.random.default_rng(7)) for _ in range(2))

    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with pictures of every kind on both sides of the split."""
    one = sample()
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    colors = {"dark": (1.0, 1.0, 1.0), "stain": (1.0, 0.4, 0.9)}
    for number in range(12):
        for name, color in {**colors, "light": (1.0, 1.0, 1.0)}.items():
            base = 255 - one.pixels if name == "light" else one.pixels
            pixels = (base * np.array(color)).astype(np.uint8)
            if name == "stain":
                pixels[..., 0] = 255 - pixels[..., 0] // 4
            Image.fromarray(pixels).save(tmp_path / "images" / f"{name}{number}.png")
            Image.fromarray(one.labels.astype(np.uint16)).save(
                tmp_path / "labels" / f"{name}{number}.png"
            )
    return tmp_path


def test_an_interrupted_training_ends_as_one_that_was_not(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "BATCH", 2)
    monkeypatch.setattr(train, "EVERY", 2)
    monkeypatch.setattr(train, "VALIDATE_EVERY", 4)
    monkeypatch.setattr(augment, "SIDE", 32)
    monkeypatch.setattr(train, "STEPS", 4)
    train.train(data, tmp_path / "whole")

    class Killed(Exception):
        pass

    step, steps = train._step, 0

    def dies(*arguments: object) -> float:
        nonlocal steps
        steps += 1
        if steps == 4:
            raise Killed
        return step(*arguments)

    monkeypatch.setattr(train, "_step", dies)
    with pytest.raises(Killed):
        train.train(data, tmp_path / "parts")
    monkeypatch.setattr(train, "_step", step)
    train.train(data, tmp_path / "parts")

    whole, parts = (export.trained(tmp_path / name).state_dict() for name in ("whole", "parts"))
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=1e-4, atol=1e-5)
    rows = (tmp_path / "parts" / train.LOG).read_text().splitlines()
    assert [line.split(",")[0] for line in rows] == ["step", "2", "4"]
