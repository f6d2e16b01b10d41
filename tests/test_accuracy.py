"""Accuracy over HTTP, on the data beside the checkout and with every detector that is installed."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.engine.manifest import read_folder
from service.settings import bundled_models
from tools.evaluate import DATA, classify, segment
from tools.evaluate.__main__ import PATIENT
from tools.evaluate.detect import Photos
from tools.served import Served
from tools.train_unet.nuclei import load

pytestmark = pytest.mark.data

MODELS = bundled_models()
# Average precision over HTTP, per cent; what is measured is in the models' README.md, and a
# floor leaves room for another CPU's rounding and another JPEG decoder, not for a mistake.
FLOORS = {"yolox-nano": 28.5, "centernet-mobilenetv3": 32.0}
DECODING_MAY_CHANGE = 0.3


def data(name: str) -> Path:
    """Return a folder of the data, or skip the test."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"there is no ../shared/data/{name}")
    return folder


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Return the address of a server of the checkout's models."""
    with Served({"CHIASM_MODELS_DIR": str(MODELS), **PATIENT}) as server:
        yield server.url


@pytest.fixture(scope="module")
def photos() -> Photos:
    return Photos(data("coco"))


def test_classify(request: pytest.FixtureRequest) -> None:
    folder = data("imagenet")

    accuracy = classify.evaluate(request.getfixturevalue("url"), folder, MODELS)

    assert accuracy.top1 >= 0.85
    assert accuracy.top5 >= 0.95
    assert accuracy.same_as_reference >= 0.98


@pytest.mark.parametrize("name", FLOORS)
def test_detect(photos: Photos, name: str, request: pytest.FixtureRequest) -> None:
    folder = read_folder(MODELS / name)
    if not folder.installed:
        pytest.skip(f"{name} is not installed: chiasm models pull {name}")

    accuracy = photos.evaluate(request.getfixturevalue("url"), folder)

    assert accuracy.ap >= FLOORS[name]
    assert accuracy.difference == pytest.approx(0, abs=DECODING_MAY_CHANGE)


def test_segment(request: pytest.FixtureRequest) -> None:
    folder = data("nuclei")
    samples = load(folder, validation=True)

    with httpx.Client(base_url=request.getfixturevalue("url"), timeout=60) as client:
        accuracy = segment.evaluate(client, samples, folder)["all"]

    assert accuracy.foreground_iou >= 0.845
    assert accuracy.instance_score >= 0.72
