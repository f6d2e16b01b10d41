"""Weights as they are stored, and damaged or unknown ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.arrays import Array
from tests.tools.tfjs.models import TfjsModel, noise
from tools.tfjs.errors import ConversionError
from tools.tfjs.graph import read_graph
from tools.tfjs.weights import read_weights


@pytest.mark.parametrize(
    ("stored", "coding", "values"),
    [
        (noise(2, 3), {}, noise(2, 3)),
        (np.array([3, -1], np.int32), {}, np.array([3, -1], np.int32)),
        (np.array([True, False]), {}, np.array([True, False])),
        (np.float16([0.1, 2]), {"dtype": "float16"}, np.float32(np.float16([0.1, 2]))),
        (np.uint8([0, 255]), {"dtype": "uint8", "scale": 0.5, "min": -1.0}, [-1.0, 126.5]),
        (np.uint16([1, 900]), {"dtype": "uint16", "scale": 0.25, "min": 2.0}, [2.25, 227.0]),
    ],
)
def test_weights_are_read_as_stored(
    tmp_path: Path, stored: Array, coding: dict[str, Any], values: Array
) -> None:
    model = TfjsModel()
    model.constant("before", noise(5))
    model.constant("w", stored, **coding)
    model.constant("after", noise(3))

    weight = read_graph(model.write(tmp_path)).weights["w"]

    assert weight.stored.dtype == stored.dtype
    np.testing.assert_array_equal(weight.values, values)


def test_weights_must_fill_their_shards(tmp_path: Path) -> None:
    model = TfjsModel()
    model.constant("w", noise(5))
    path = model.write(tmp_path)
    shard = tmp_path / "group1-shard2of2.bin"
    whole = shard.read_bytes()

    shard.write_bytes(whole[:-1])
    with pytest.raises(ConversionError, match=r"^group1-shard1of2\.bin: ends inside w$"):
        read_graph(path)
    shard.write_bytes(whole + b"!")
    with pytest.raises(ConversionError, match=r"^group1-shard1of2\.bin: 1 bytes too many$"):
        read_graph(path)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "complex64"},
        {"dtype": "float32", "quantization": {"dtype": "int4"}},
        {"dtype": "int32", "quantization": {"dtype": "uint8", "scale": 1.0, "min": 0.0}},
    ],
)
def test_unknown_storage_is_refused(tmp_path: Path, entry: dict[str, Any]) -> None:
    (tmp_path / "w.bin").write_bytes(b"")
    group = {"paths": ["w.bin"], "weights": [{"name": "w", "shape": [0], **entry}]}

    with pytest.raises(ConversionError, match=r"^w: weights of type \w+ are not supported$"):
        read_weights([group], tmp_path)
