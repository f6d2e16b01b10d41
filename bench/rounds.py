"""Figures of interleaved rounds: medians, and ratios that are taken within each round.

A machine gets slower and faster while it is measured, for all alike. So a ratio is one of
neighbours in the same round, and what is told is the median of the rounds' ratios with the least
and the greatest, never the ratio of two medians.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some figures, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Describe at least one figure.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(median=2.0, least=1.0, most=3.0)
        """
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        """Return `median (least..most)`.

        >>> str(Spread(1.0, 0.975, 1.1))
        '1.00 (0.97..1.10)'
        """
        return f"{self.median:.2f} ({self.least:.2f}..{self.most:.2f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return ours over theirs, round by round.

    >>> ratios([10.0, 30.0], [10.0, 15.0])
    Spread(median=1.5, least=1.0, most=2.0)

    Raises:
        ValueError: there are not as many rounds of the one as of the other.
    """
    return Spread.of([one / other for one, other in zip(ours, theirs, strict=True)])


def without_generator(rate: float, *, cores: int, generator_cpu_s: float, seconds: float) -> float:
    """Return the rate a core that the load generator left free, times all cores.

    Server and generator share the cores; a ceiling has no generator beside it. What the server
    would do if it had them to itself is estimated by its rate over the cores that remained for
    it. Exact where the cores are all busy, too high where they are not.

    Args:
        rate: answers a second.
        cores: that both share.
        generator_cpu_s: what the generator used of them.
        seconds: how long.

    >>> without_generator(90.0, cores=2, generator_cpu_s=2.0, seconds=10.0)
    100.0
    """
    return rate * cores / (cores - generator_cpu_s / seconds)
