"""Scores to classes: activation, order, crops, ensembles."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from service.arrays import F32
from service.errors import InvalidOption
from service.imaging.picture import Picture
from service.tasks.base import ConfigError, Network, Prepared, TensorInfo
from service.tasks.classify import (
    Activation,
    Classify,
    ClassifyConfig,
    ClassifyOptions,
    Ensemble,
    activate,
)
from service.tasks.inputs import InputSpec
from service.tasks.labels import Label
from tests.imaging.pictures import BLUE, GREEN, RED, WHITE, corners

ANIMALS = ["cat", "n2\tdog", "emu"]
PLAIN = ClassifyOptions()


def classifier(
    *outputs: TensorInfo, name: str = "animals", resize: str = "crop", **config: Any
) -> Classify:
    network = Network(
        name=name,
        input=InputSpec(size=(8, 8), layout="NHWC", resize=resize, short_side=16),
        inputs=(TensorInfo("image", (None, 8, 8, 3), "uint8"),),
        outputs=outputs or (TensorInfo("logits", (None, 3), "float32"),),
    )
    return Classify(network, ClassifyConfig.model_validate({"labels": ANIMALS} | config))


def scores(*values: float) -> F32:
    return np.array(values, np.float32)


def found(task: Classify, values: F32, **options: Any) -> list[str]:
    ranked = task.rank(values, ClassifyOptions.model_validate(options))
    return [prediction.label for prediction in ranked.predictions]


@pytest.mark.parametrize(
    ("shape", "config"),
    [
        ((None, 3), {}),
        ((1, 3), {}),
        ((None, 3, 1, 1), {}),  # as SqueezeNet's pooling leaves it
        ((None, None), {}),  # the first run will tell
        ((None, 1), {"labels": ["hot dog"]}),  # one class, there or not
        ((None,), {"labels": ["hot dog"]}),
    ],
)
def test_as_many_scores_as_labels_are_taken(
    shape: tuple[int | None, ...], config: dict[str, Any]
) -> None:
    task = classifier(TensorInfo("scores", shape, "float32"), **config)

    assert len(task.config.labels) == len(config.get("labels", ANIMALS))


@pytest.mark.parametrize(
    ("outputs", "config", "key"),
    [
        ([TensorInfo("logits", (None, 4), "float32")], {}, "config.labels"),
        ([TensorInfo("logits", (None, 1), "float32")], {}, "config.labels"),
        ([TensorInfo("logits", (None, 3, 3), "float32")], {}, "config.labels"),
        ([TensorInfo("logits", (None, 3), "float32")], {"output": "prob"}, "config.output"),
        ([TensorInfo("logits", (None, 3), "float32")], {"features": "f"}, "config.features"),
        (
            [TensorInfo("logits", (None, 3), "float32"), TensorInfo("f", (None, 9), "float32")],
            {},  # of two outputs, one must be named
            "config.output",
        ),
    ],
)
def test_a_graph_that_contradicts_the_config_is_refused(
    outputs: list[TensorInfo], config: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError) as error:
        classifier(*outputs, **config)

    assert error.value.key == key


def test_scores_and_features_are_found_by_name() -> None:
    task = classifier(
        TensorInfo("f", (None, 9), "float32"),
        TensorInfo("logits", (None, 3), "float32"),
        output="logits",
        features="f",
    )

    outputs = {"f": np.zeros((1, 9), np.float32), "logits": scores([0, 9, 0])}
    answer = task.postprocess(outputs, Prepared(tensors={}), PLAIN)

    assert answer.predictions[0].label == "dog"


@pytest.mark.parametrize(
    ("given", "crops"), [({}, 1), ({"crops": "5"}, 5), ({"crops": 10}, 10), ({"crops": "1"}, 1)]
)
def test_the_number_of_crops_may_come_as_text(given: dict[str, Any], crops: int) -> None:
    assert ClassifyOptions.model_validate(given).crops == crops


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("crops", "2"),
        ("crops", "five"),
        ("crops", "-5"),
        ("crops", None),
        ("top_k", 0),
        ("top_k", 1001),
        ("min_score", 1.1),
        ("min_score", -0.1),
        ("min_score", "nan"),
        ("topk", 1),  # unknown
    ],
)
def test_a_wrong_option_is_named(option: str, value: object) -> None:
    with pytest.raises(ValidationError) as error:
        ClassifyOptions.model_validate({option: value})

    assert error.value.errors()[0]["loc"][0] == option


@pytest.mark.parametrize("activation", Activation)
def test_activation_is_the_textbooks_and_never_overflows(activation: Activation) -> None:
    rng = np.random.default_rng(6)
    logits = rng.normal(0, 5, (50, 7)).astype(np.float32)
    logits[:2] = [[1e4, -1e4, 0, 0, 0, 0, 0], [-1e4] * 7]
    wide = logits.astype(np.longdouble)

    found = activate(logits, activation)

    expected = {
        Activation.SOFTMAX: np.exp(wide) / np.exp(wide).sum(axis=1, keepdims=True),
        Activation.SIGMOID: 1 / (1 + np.exp(-wide)),
        Activation.NONE: wide,
    }[activation]
    np.testing.assert_allclose(found, expected.astype(np.float64), atol=1e-6)
    assert found.dtype == np.float32


def test_activation_of_no_rows_is_no_rows() -> None:
    for activation in Activation:
        assert activate(np.empty((0, 3), np.float32), activation).shape == (0, 3)


@pytest.mark.parametrize(
    ("config", "options", "labels"),
    [
        ({}, {}, ["dog", "cat", "emu"]),  # best first; of equals, the lower class id
        ({"top_k": 2}, {}, ["dog", "cat"]),
        ({"top_k": 2}, {"top_k": 1}, ["dog"]),  # the caller's word counts
        ({}, {"top_k": 100}, ["dog", "cat", "emu"]),
        ({"min_score": 0.3}, {}, ["dog"]),
        ({"min_score": 0.3}, {"min_score": 0.0}, ["dog", "cat", "emu"]),
        ({}, {"min_score": 0.25}, ["dog", "cat", "emu"]),  # at the limit is in
        ({}, {"min_score": 1.0}, []),
    ],
)
def test_the_best_classes_come_first(
    config: dict[str, Any], options: dict[str, Any], labels: list[str]
) -> None:
    assert found(classifier(**config), scores(0.25, 0.5, 0.25), **options) == labels


def test_an_answer_names_class_label_and_foreign_id() -> None:
    classification = classifier(top_k=2).rank(scores(0.25, 0.6666667, 0.1), PLAIN)

    assert classification.answer() == {
        "predictions": [
            {"class_id": 1, "label": "dog", "score": 0.666667, "external_id": "n2"},
            {"class_id": 0, "label": "cat", "score": 0.25},
        ]
    }
    assert classification.text() == "   66.7%  dog\n   25.0%  cat"


@pytest.mark.parametrize("resize", ["crop", "letterbox", "stretch"])
def test_five_crops_are_the_centre_and_the_corners(resize: str) -> None:
    prepared = classifier(resize=resize).preprocess(
        Picture.from_pixels(corners(64, 96)), ClassifyOptions(crops=5)
    )

    views = prepared.tensors["image"]
    assert prepared.rows == len(views) == 5
    np.testing.assert_array_equal(views[1:, 4, 4], [RED, GREEN, BLUE, WHITE])
    np.testing.assert_array_equal(views[0][[0, 0, 7, 7], [0, 7, 0, 7]], [RED, GREEN, BLUE, WHITE])


def test_ten_crops_are_five_and_their_mirror_images() -> None:
    picture = Picture.from_pixels(corners(64, 96))
    five, ten = (
        classifier().preprocess(picture, ClassifyOptions(crops=crops)).tensors["image"]
        for crops in (5, 10)
    )

    np.testing.assert_array_equal(ten, np.concatenate([five, five[:, :, ::-1]]))


@pytest.mark.parametrize("resize", ["crop", "letterbox", "stretch"])
def test_one_crop_is_the_models_own_way_of_looking(resize: str) -> None:
    task = classifier(resize=resize)
    picture = Picture.from_pixels(corners(64, 96))

    prepared = task.preprocess(picture, PLAIN)

    np.testing.assert_array_equal(prepared.tensors["image"], [task.resize(picture).pixels])


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1, 1)])
def test_scores_are_averaged_over_crops_after_the_activation(shape: tuple[int, ...]) -> None:
    logits = np.array([[9, 0, 0], [0, 0, 1]], np.float32)
    expected = activate(logits, Activation.SOFTMAX).mean(axis=0)

    answer = classifier().postprocess(
        {"logits": logits.reshape(shape)}, Prepared(tensors={}), PLAIN
    )

    np.testing.assert_allclose(answer.scores, expected)
    assert [prediction.class_id for prediction in answer.predictions] == [0, 2, 1]


def test_half_precision_scores_are_averaged_in_single() -> None:
    outputs = {"logits": np.array([[0, 1, 0]], np.float16)}

    answer = classifier(activation="none").postprocess(outputs, Prepared(tensors={}), PLAIN)

    assert answer.scores.dtype == np.float32


def test_an_ensemble_takes_the_mean_and_ranks_it_as_the_caller_wants() -> None:
    first, second = classifier(), classifier(name="others")
    results = [
        first.rank(scores(0.7, 0.2, 0.1), PLAIN),
        second.rank(scores(0.1, 0.8, 0.1), ClassifyOptions(top_k=1)),
    ]

    answer = Ensemble([first, second]).average(results, ClassifyOptions(top_k=2))

    assert [(one.label, one.score) for one in answer.predictions] == [("dog", 0.5), ("cat", 0.4)]
    np.testing.assert_allclose(answer.scores, [0.4, 0.5, 0.1], rtol=1e-6)


def test_an_ensemble_of_one_is_that_one() -> None:
    result = classifier().rank(scores(0.7, 0.2, 0.1), PLAIN)

    assert Ensemble([classifier()]).average([result], PLAIN).predictions == result.predictions


@pytest.mark.parametrize("labels", [["cat", "emu", "dog"], ["cat", "dog", "emu"]])
def test_models_of_other_labels_cannot_vote_together(labels: list[str]) -> None:
    # another order is another meaning, and so is a missing foreign id
    with pytest.raises(InvalidOption, match="animals and others") as error:
        Ensemble([classifier(), classifier(name="others", labels=labels)])

    assert error.value.members["option"] == "model"
    assert Label("dog") != Label("dog", "n2")
