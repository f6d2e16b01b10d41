"""Ratios that are taken within a round."""

import pytest

from bench.rounds import Spread, ratios, without_generator


def test_a_ratio_is_of_neighbours_not_of_medians():
    ours, theirs = [10.0, 100.0, 30.0], [10.0, 50.0, 60.0]  # the machine was fast in the second
    assert ratios(ours, theirs) == Spread(1.0, 0.5, 2.0)


def test_rounds_must_be_pairs():
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("cpu_s", "expected"),
    [
        (0.0, 50.0),  # a generator that costs nothing changes nothing
        (10.0, 100.0),  # one of two cores: the server had half of the machine
        (2.0, 50.0 * 2 / 1.8),
    ],
)
def test_the_generators_share_of_the_cores_is_given_back(cpu_s, expected):
    corrected = without_generator(50.0, cores=2, generator_cpu_s=cpu_s, seconds=10.0)
    assert corrected == pytest.approx(expected)
