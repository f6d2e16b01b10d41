"""Networks of face-api: npm tarball → `models/<name>/`.

    python -m tools.export_face_api NAME …

face-api ships loose weights; what they are the weights of is said by its TypeScript source,
which each function below names (paths are those inside the package). Every network takes
`image`, uint8 (N, side, side, 3) RGB, and normalises by itself.
"""

import argparse
import json
from collections.abc import Callable, Mapping

import numpy as np
import onnx

from tools.graph import MODELS, save
from tools.sources import SourceError, npm_tarball
from tools.tfjs.drawing import Drawing
from tools.tfjs.package import unpacked
from tools.tfjs.tensors import Tensor
from tools.tfjs.weights import Weight, read_weights

PACKAGE = "@vladmandic/face-api"
VERSION = "1.7.15"
SHA256 = "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031"

# src/tinyFaceDetector/const.ts
DETECTOR_MEAN = (117.001, 114.697, 97.404)
# src/faceRecognitionNet/FaceRecognitionNet.ts, src/faceFeatureExtractor/FaceFeatureExtractor.ts
FACE_MEAN = (122.782, 117.001, 104.298)

Weights = Mapping[str, Weight]


def tiny_face_detector(weights: Weights, side: int = 416) -> onnx.ModelProto:
    """Return the face detector: a Tiny-YOLOv2 of separable convolutions with five anchors.

    Its output `head` is (N, 5 * 5, side / 32, side / 32): for each anchor t_x, t_y, t_w, t_h and
    the objectness, all before their sigmoid or exponential, in each cell.

    Args:
        weights: of `tiny_face_detector_model`.
        side: of the square input, a multiple of 32.

    Source: src/tinyYolov2/TinyYolov2Base.ts, runMobilenet.
    """
    draw = Drawing(weights)
    value = draw.image(side, DETECTOR_MEAN)
    value = draw.leaky(draw.conv(value, "conv0", padding="VALID"))
    for block in range(1, 6):
        value = draw.max_pool(value, kernel=2, stride=2, padding="SAME")
        value = draw.leaky(draw.separable(value, f"conv{block}"))
    value = draw.max_pool(value, kernel=2, stride=1, padding="SAME")
    value = draw.conv(value, "conv8", padding="VALID")
    cells = side // 32
    return draw.graph.model(
        "tiny-yolov2-face", {"head": (value.name, (None, value.channels, cells, cells))}
    )


def face_landmarks_68(weights: Weights) -> onnx.ModelProto:
    """Return the landmark network: a square crop of a face, 112 pixels wide, to 68 points.

    Its output `landmarks` is (N, 68, 2): x, y as fractions of the crop.

    Args:
        weights: of `face_landmark_68_model`.

    Source: src/faceFeatureExtractor/FaceFeatureExtractor.ts and denseBlock.ts (denseBlock4),
    src/faceProcessor/FaceProcessor.ts.
    """
    draw = Drawing(weights)
    value = draw.image(112, FACE_MEAN)
    for block in range(4):
        first = draw.conv if block == 0 else draw.separable
        value = draw.relu(first(value, f"dense{block}/conv0", stride=2))
        total = draw.add(value, draw.separable(value, f"dense{block}/conv1"))
        for layer in ("conv2", "conv3"):
            total = draw.add(total, draw.separable(draw.relu(total), f"dense{block}/{layer}"))
        value = draw.relu(total)
    points = draw.linear(draw.mean(value), "fc/weights", "fc/bias")
    points = draw.graph.node("Reshape", points, draw.graph.constant((-1, 68, 2), np.int64))
    return draw.graph.model("face-landmarks-68", {"landmarks": (points, (None, 68, 2))})


def face_recognition(weights: Weights) -> onnx.ModelProto:
    """Return dlib's face embedding, a ResNet of 29 layers: an aligned chip of 150 pixels to 128-d.

    Its output `descriptor` is (N, 128); the L2 distance between two tells faces apart.

    Args:
        weights: of `face_recognition_model`.

    Source: src/faceRecognitionNet/FaceRecognitionNet.ts, residualLayer.ts, convLayer.ts.
    """
    draw = Drawing(weights)
    value = draw.image(150, FACE_MEAN)
    value = draw.relu(draw.scaled_conv(value, "conv32_down", stride=2, padding="VALID"))
    value = draw.max_pool(value, kernel=3, stride=2, padding="VALID")
    for channels, blocks in ((32, 3), (64, 3), (128, 2), (256, 2)):
        if channels > 32:
            value = _residual_down(draw, value, f"conv{channels}_down")
        for block in range(1, blocks + 1):
            value = _residual(draw, value, f"conv{channels}_{block}")
    value = _residual_down(draw, value, "conv256_down_out")
    descriptor = draw.linear(draw.mean(value), "fc")
    return draw.graph.model("dlib-resnet-face", {"descriptor": (descriptor, (None, 128))})


def _residual(draw: Drawing, source: Tensor, name: str) -> Tensor:
    value = draw.relu(draw.scaled_conv(source, f"{name}/conv1"))
    value = draw.scaled_conv(value, f"{name}/conv2")
    return draw.relu(draw.add(value, source))


def _residual_down(draw: Drawing, source: Tensor, name: str) -> Tensor:
    """Halve the map; zeros fill a row and column that one side lacks, and new channels."""
    value = draw.relu(draw.scaled_conv(source, f"{name}/conv1", stride=2, padding="VALID"))
    value = draw.scaled_conv(value, f"{name}/conv2")
    shortcut = draw.average_pool(source)
    return draw.relu(
        draw.add(
            draw.grown(value, shortcut.size, value.channels),
            draw.grown(shortcut, shortcut.size, value.channels),
        )
    )


# Model folder: what builds it, and the package's name of its weights.
NETWORKS: dict[str, tuple[Callable[[Weights], onnx.ModelProto], str]] = {
    "tiny-yolov2-face": (tiny_face_detector, "tiny_face_detector_model"),
    "face-landmarks-68": (face_landmarks_68, "face_landmark_68_model"),
    "dlib-resnet-face": (face_recognition, "face_recognition_model"),
}


def read_source(name: str) -> Weights:
    """Return the weights of one of face-api's models, e.g. `tiny_face_detector_model`.

    Raises:
        SourceError: the package cannot be had as pinned.
    """
    tarball = npm_tarball(PACKAGE, VERSION, SHA256)
    with unpacked(tarball, f"package/model/{name}") as folder:
        manifest = json.loads((folder / f"{name}-weights_manifest.json").read_text("utf-8"))
        return read_weights(manifest, folder)


def main(arguments: list[str] | None = None) -> None:
    """Write `model.onnx` and its SHA-256 into the folders of the networks named."""
    parser = argparse.ArgumentParser(description=f"export networks of {PACKAGE} {VERSION}")
    parser.add_argument("names", nargs="+", choices=NETWORKS, metavar="NAME")
    names = parser.parse_args(arguments).names
    try:
        for name in names:
            build, source = NETWORKS[name]
            digest = save(build(read_source(source)), MODELS / name)
            print(f"{MODELS / name / 'model.onnx'}: sha256 {digest}")
    except SourceError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
