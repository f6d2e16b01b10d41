"""Any ONNX classifier works by adding a folder; and its memory comes back when it is closed."""

from pathlib import Path

import numpy as np
import pytest

from service.engine.manifest import read_folder
from service.engine.pipeline import Encoded
from service.engine.repository import EngineLimits, Repository, State
from service.engine.session import CPU_PROVIDER, Device
from service.errors import ManifestError
from service.imaging.decode import DecodeLimits
from service.tasks.classify import ClassifyOptions
from service.telemetry import resident_bytes
from tests.engine.benches import NEVER
from tests.engine.fakes import PATIENCE_S, Recorder
from tests.engine.folders import write_model
from tests.engine.graph.graphs import LIGHT, model, node
from tests.imaging.pictures import ramp
from tests.pictures import encoded

# The networks of the papers as Caffe2 exported them, their weights replaced by constants: the
# file in onnx's own tests, and whether the graph ends in scores or in logits.
NETWORKS = [
    ("light_bvlc_alexnet", "none"),
    ("light_zfnet512", "none"),
    ("light_vgg19", "none"),
    ("light_inception_v1", "none"),
    ("light_inception_v2", "none"),
    ("light_resnet50", "none"),
    ("light_densenet121", "softmax"),  # logits, (1, 1000, 1, 1)
    ("light_squeezenet", "none"),  # (1, 1000, 1, 1)
    ("light_shufflenet", "none"),
]
IMAGENET = """\
size = [224, 224]
color = "BGR"
resize = "crop"
short_side = 256
mean = [103.939, 116.779, 123.68]
"""


def load(folder: Path) -> Repository:
    limits = EngineLimits(device=Device.CPU, cpus=1)
    return Repository([read_folder(folder)], limits=limits, observer=Recorder())


@pytest.mark.parametrize(("network", "activation"), NETWORKS)
def test_a_classifier_works_by_adding_a_folder(
    network: str, activation: str, tmp_path: Path
) -> None:
    folder = write_model(
        tmp_path,
        ('size = [4, 4]\nlayout = "NHWC"\n', IMAGENET),
        ("max_size = 8", "max_size = 1"),  # they were exported for one picture at a time
        ('["dark", "bright"]', '"labels.txt"'),
        ('activation = "none"', f'activation = "{activation}"'),
        name=network.replace("_", "-"),
        graph=(LIGHT / f"{network}.onnx").read_bytes(),
    )
    (folder / "labels.txt").write_text("\n".join(f"n{number}\tclass" for number in range(1000)))
    source = Encoded(encoded(ramp(300, 400), "JPEG"), DecodeLimits())

    repository = load(folder)
    found = repository.find("classify")
    answers = [
        found.pipeline.submit(source, ClassifyOptions(crops=crops), NEVER).result(10 * PATIENCE_S)
        for crops in (1, 5)
    ]
    repository.close()

    assert found.state is State.READY
    assert found.session.provider == CPU_PROVIDER
    for answer in answers:
        assert answer.size == (300, 400)
        assert len(answer.result.predictions) == 5
        assert answer.result.scores.sum() == pytest.approx(1, abs=1e-3)


def linear(*, megabytes: int) -> bytes:
    """Return a classifier of two classes that is nothing but weights."""
    rows = megabytes * 1_000_000 // (48 * 4)
    wide = np.random.default_rng(0).random((48, rows), np.float32)
    nodes = [
        node("Flatten", ["image"], ["pixels"]),
        node("MatMul", ["pixels", "wide"], ["hidden"]),
        node("MatMul", ["hidden", "narrow"], ["scores"]),
    ]
    graph = model(
        nodes,
        inputs={"image": ["N", 3, 4, 4]},
        outputs=["scores"],
        constants={"wide": wide, "narrow": np.ones((rows, 2), np.float32)},
    )
    return graph.SerializeToString()


def test_closing_a_model_gives_its_memory_back(tmp_path: Path) -> None:
    folder = write_model(tmp_path, ('layout = "NHWC"', ""), graph=linear(megabytes=16))

    def load_and_close() -> int:
        repository = load(folder)
        assert repository.find("classify").state is State.READY
        repository.close()
        return resident_bytes()

    sizes = [load_and_close() for _ in range(25)]

    # What is never given back would be at least 288 MB of weights by now.
    assert min(sizes[-3:]) - max(sizes[:5]) < 100_000_000


@pytest.mark.parametrize(
    "data", [b"", b"not a graph", (LIGHT / "light_shufflenet.onnx").read_bytes()[:5000]]
)
def test_a_file_that_is_no_graph_is_named(data: bytes, tmp_path: Path) -> None:
    folder = write_model(tmp_path, graph=data)

    with pytest.raises(ManifestError) as error:
        load(folder)

    assert (error.value.file, error.value.key) == (folder / "model.toml", "file")


def test_a_graph_of_another_picture_size_is_named(tmp_path: Path) -> None:
    graph = (LIGHT / "light_squeezenet.onnx").read_bytes()
    folder = write_model(tmp_path, ('layout = "NHWC"', ""), ("max_size = 8", ""), graph=graph)

    with pytest.raises(ManifestError, match="224") as error:
        load(folder)

    assert error.value.key == "input.size"
