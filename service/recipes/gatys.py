"""Style transfer by optimisation, as one graph: what a picture costs, and the gradient of that.

Source: Gatys, Ecker and Bethge, Image Style Transfer Using Convolutional Neural Networks, CVPR
2016: the layers, the Gram matrices and average pooling are theirs. Here every error is divided
by the energy of its target, so that the same weights suit every picture.
"""

from collections.abc import Iterator, Mapping

import onnx

from service.recipes.gradients import Tape
from service.recipes.graph import Graph
from service.recipes.vgg16 import MEAN, Weights, blocks

CONTENT = "conv4_2"
STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
DEEPEST = STYLE[-1]
PIXEL_RANGE = 255


def build(weights: Weights) -> onnx.ModelProto:
    """Return the graph of J = cw · content_cost + sw · style_cost + tw · tv_cost.

    Inputs, all float32:
        pixels: (1, 3, H, W) RGB 0..255; H and W multiples of 16.
        content_target: (1, C, H/8, W/8), the `content_features` of the content.
        gram_target_1 to gram_target_5: (C, C), `gram_1` to `gram_5` of the style.
        content_weight, style_weight, tv_weight: cw, sw and tw, scalars.

    Outputs, all float32:
        content_cost: mean((F - T)²) / mean(T²) of the features F and their target T.
        style_cost: the mean over five layers of mean((G - T)²) / mean(T²).
        tv_cost: the mean of (a - b)² of neighbouring pixels a and b, on a scale of 0..1.
        gradient: (1, 3, H, W), J's by `pixels`.
        content_features, gram_1 to gram_5: those of `pixels`, to make targets of; with targets
            of ones and weights of zero there is no other picture to compare with.

    Args:
        weights: of VGG-16 up to conv5_1.
    """
    graph = Graph("gatys-vgg16")
    tape = Tape(graph)
    pixels = graph.input("pixels", 1, 3, "H", "W")
    features = dict(_features(graph, tape, pixels, weights))
    costs = {
        _content_cost(graph, tape, features[CONTENT], weights): "content_weight",
        _style_cost(graph, tape, features, weights): "style_weight",
        _tv_cost(tape, pixels): "tv_weight",
    }
    for cost in costs:
        graph.output(cost)
    weighted = {cost: graph.input(weight) for cost, weight in costs.items()}
    graph.output(tape.gradient(pixels, weighted, "gradient"), 1, 3, "H", "W")
    return graph.model()


def _features(graph: Graph, tape: Tape, pixels: str, weights: Weights) -> Iterator[tuple[str, str]]:
    """Append VGG-16 as far as it is looked at; yield each layer and its activations."""
    value = tape.subtract(pixels, graph.constant("mean", MEAN), "centred")
    for block, layers in blocks():
        if block > 1:
            value = tape.pool(value, f"pool{block - 1}")
        for layer in layers:
            value = tape.rectify(tape.convolve(value, weights[layer], f"{layer}/conv"), layer)
            yield layer, value
            if layer == DEEPEST:
                return


def _content_cost(graph: Graph, tape: Tape, features: str, weights: Weights) -> str:
    shape = 1, weights[CONTENT].channels, "H/8", "W/8"
    graph.output(graph.node("Identity", [features], "content_features"), *shape)
    target = graph.input("content_target", *shape)
    return tape.relative_error(features, target, "content_cost")


def _style_cost(graph: Graph, tape: Tape, features: Mapping[str, str], weights: Weights) -> str:
    errors = []
    for number, layer in enumerate(STYLE, 1):
        gram = tape.gram(features[layer], f"gram_{number}")
        shape = weights[layer].channels, weights[layer].channels
        graph.output(gram, *shape)
        target = graph.input(f"gram_target_{number}", *shape)
        errors.append(tape.relative_error(gram, target, f"{gram}/error"))
    return tape.mean(errors, "style_cost")


def _tv_cost(tape: Tape, pixels: str) -> str:
    unit = tape.scale(pixels, 1 / PIXEL_RANGE, "unit")
    steps = tape.differences(unit, 2, "unit/down"), tape.differences(unit, 3, "unit/across")
    return tape.mean([tape.mean_square(step, f"{step}/energy") for step in steps], "tv_cost")
