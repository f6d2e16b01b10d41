"""Run lengths: the text is COCO's own, and leads back to the mask."""

import numpy as np
import pytest

from service.arrays import Mask
from service.imaging.rle import decode, encode, encode_each


def disk() -> Mask:
    y, x = np.indices((60, 80))
    return (x - 40) ** 2 + (y - 30) ** 2 < 400


def tall() -> Mask:
    """Runs of hundreds of thousands, which take several characters."""
    mask = np.zeros((3000, 400), bool)
    mask[:, 100:399] = True
    mask[7, 3] = True
    return mask


def posts() -> Mask:
    """Far apart and full, so that the differences are negative too."""
    mask = np.zeros((20, 300), bool)
    mask[:, ::100] = True
    mask[3, 50] = True
    return mask


# What pycocotools 2.0.11 returns.
COCO = [
    pytest.param(np.zeros((0, 5), bool), "0", id="no rows"),
    pytest.param(np.zeros((5, 0), bool), "0", id="no columns"),
    pytest.param(np.zeros((1, 1), bool), "1", id="one pixel, empty"),
    pytest.param(np.ones((1, 1), bool), "01", id="one pixel, full"),
    pytest.param(np.zeros((3, 5), bool), "?", id="empty"),
    pytest.param(np.ones((3, 5), bool), "0?", id="full: a run of no zeros first"),
    pytest.param(np.eye(2, dtype=bool), "0120", id="the first difference is of the fourth run"),
    pytest.param(np.eye(5, dtype=bool), "0150000000", id="diagonal"),
    pytest.param(np.array([[0, 1], [1, 1]], bool), "13", id="a run that goes on at the next top"),
    pytest.param(
        np.indices((6, 8)).sum(axis=0) % 2 == 1,
        "1110010O0010O0010O0010O0010O0010O0010O000",
        id="checkers",
    ),
    pytest.param(
        disk(),
        "TX1=]14L4M2M4M2N2O0O2N2O0O2O0O2O000000000000000000000001N101N101N2N101N2N3L3N3L4LjT1",
        id="disk",
    ),
    pytest.param(tall(), "_i81`Ul8Wo[k0XhVG", id="long runs"),
    pytest.param(posts(), "0d0gn0]O=c0hn000", id="runs much shorter than the ones before"),
]


def random_masks(seed: int) -> list[Mask]:
    rng = np.random.default_rng(seed)
    masks = []
    for share in (0, 0.01, 0.1, 0.5, 0.9, 0.99, 1):
        for _ in range(30):
            coarse = rng.random(rng.integers(1, 30, 2)) < share
            masks.append(coarse.repeat(rng.integers(1, 40), 0).repeat(rng.integers(1, 4), 1))
    return masks


@pytest.mark.parametrize(("mask", "counts"), COCO)
def test_the_counts_are_cocos(mask: Mask, counts: str) -> None:
    assert encode(mask) == counts


@pytest.mark.parametrize(("mask", "counts"), COCO)
def test_the_counts_lead_back(mask: Mask, counts: str) -> None:
    np.testing.assert_array_equal(decode(counts, mask.shape), mask)


def test_random_masks_are_encoded_as_pycocotools_does() -> None:
    reference = pytest.importorskip("pycocotools.mask")
    for mask in random_masks(0):
        expected = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert encode(mask) == expected["counts"].decode()


def test_random_masks_come_back() -> None:
    for mask in random_masks(1):
        np.testing.assert_array_equal(decode(encode(mask), mask.shape), mask)


def test_a_view_is_encoded_as_it_looks() -> None:
    mask = np.random.default_rng(2).random((30, 40)) < 0.5
    assert encode(mask[::-2, 3:].T) == encode(np.ascontiguousarray(mask[::-2, 3:].T))


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_many_masks_at_once_are_the_same_as_one_by_one(count: int) -> None:
    rng = np.random.default_rng(count)
    for size in ((1, 1), (1, 30), (30, 1), (24, 36)):
        ids = rng.integers(0, count, size)
        assert encode_each(ids, count) == [encode(ids == number) for number in range(count)]


@pytest.mark.parametrize(
    ("counts", "size"),
    [
        pytest.param("", (2, 2), id="nothing"),
        pytest.param("/", (2, 2), id="below the alphabet"),
        pytest.param("p", (2, 2), id="above the alphabet"),
        pytest.param("1\u0663", (2, 2), id="a digit of another script"),
        pytest.param("1P", (2, 2), id="ends within a number"),
        pytest.param("13", (2, 3), id="of a smaller mask"),
        pytest.param("13", (1, 2), id="of a larger mask"),
        pytest.param("14N1", (2, 2), id="a negative run"),
        pytest.param("0111M5", (2, 2), id="negative after the differences are undone"),
        pytest.param("PPPPPPPP1", (2, 2), id="a number too large for any mask"),
        pytest.param("oooooo?" * 4000, (2, 2), id="a sum too large for a machine word"),
    ],
)
def test_malformed_counts_are_refused(counts: str, size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="the counts"):
        decode(counts, size)


def test_random_text_is_decoded_or_refused() -> None:
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(2000):
        text = bytes(rng.integers(40, 120, rng.integers(1, 8)).tolist()).decode("ascii")
        try:
            assert decode(text, (3, 3)).shape == (3, 3)
        except ValueError:
            refused += 1
    assert 0 < refused < 2000
