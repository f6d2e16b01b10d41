"""LeNet-5: the graph against PyTorch, what augmentation may do, and that training learns."""

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from tools import digits, train_lenet5  # noqa: E402

pytestmark = pytest.mark.export


def generator() -> "torch.Generator":
    return torch.Generator().manual_seed(0)


def test_the_graph_equals_pytorch() -> None:
    torch.manual_seed(0)
    network = train_lenet5.LeNet5()
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 1), np.uint8)
    model = train_lenet5.build(train_lenet5.arrays(network)).SerializeToString()
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])

    answers = session.run(["logits", "features"], {"image": pictures})

    with torch.no_grad():
        expected = network(torch.from_numpy(pictures).permute(0, 3, 1, 2).float())
    for answer, tensor in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer, tensor.numpy(), atol=1e-5, rtol=0)


def test_the_features_lead_to_the_logits() -> None:
    network = train_lenet5.LeNet5()

    with torch.no_grad():
        logits, features = network(torch.full((2, 1, 32, 32), 99.0))

        assert features.shape == (2, 84)
        torch.testing.assert_close(network.out(features), logits)


def test_augmented_pictures_stay_pictures_and_half_are_inverted() -> None:
    paper = torch.zeros(1000, 1, 32, 32)
    paper[:, :, 12:20, 12:20] = 255  # a blot of ink that no shift pushes out

    pictures = train_lenet5.augment(paper, generator())

    assert pictures.shape == paper.shape
    assert 0 <= float(pictures.min()) <= float(pictures.max()) <= 255
    inverted = pictures[:, 0, 0, 0] == 255
    assert 0.45 < float(inverted.float().mean()) < 0.55
    ink = torch.where(inverted[:, None, None, None], 255 - pictures, pictures).amax((1, 2, 3))
    low, high = train_lenet5.CONTRAST
    assert low * 255 <= float(ink.min()) <= float(ink.max()) <= high * 255


def test_augmentation_depends_on_the_generator_alone() -> None:
    pictures = torch.rand(8, 1, 32, 32) * 255

    first = train_lenet5.augment(pictures, generator())
    torch.manual_seed(7)
    second = train_lenet5.augment(pictures, generator())

    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_training_learns() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    learned, held_out = digits.load()

    network = train_lenet5.train(learned, epochs=10)

    assert train_lenet5.accuracy(network, held_out) > 0.7  # ten classes: chance is 0.1
