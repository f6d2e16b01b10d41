"""The masks of many ids at once are those of each id by itself."""

import numpy as np
import pytest

from service.arrays import Array
from service.imaging.rle import encode, encode_each


def drawn(seed: int) -> tuple[Array, int]:
    """Return ids and their number: specks, blocks, and ids that no pixel has."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 7))
    height, width = random.integers(1, 14, 2)
    ids = random.integers(0, count, (height, width)).astype(random.choice(["uint8", "int32"]))
    tall, wide = random.integers(1, 40, 2)
    return ids.repeat(tall, axis=0).repeat(wide, axis=1), count + 2


@pytest.mark.parametrize("seed", range(60))
def test_each_is_encoded_as_if_it_were_alone(seed: int) -> None:
    ids, count = drawn(seed)
    assert encode_each(ids, count) == [encode(ids == one) for one in range(count)]


def test_an_id_that_is_everywhere_and_one_that_is_nowhere() -> None:
    ids = np.full((3, 5), 1)
    assert encode_each(ids, 3) == [encode(ids == one) for one in (0, 1, 2)]


def test_no_ids() -> None:
    assert encode_each(np.zeros((2, 2), np.uint8), 1) == ["04"]
