"""Which of a network's presets a picture is painted in, and in what shares."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, WithJsonSchema

from service.arrays import F32
from service.errors import InvalidOption

PATTERN = r"\d{1,3}(:\d{1,9}(\.\d{1,9})?)?(,\d{1,3}(:\d{1,9}(\.\d{1,9})?)?)*"
_WHOLE = re.compile(PATTERN, re.ASCII)
_WEIGHTS = TypeAdapter(dict[int, float])


@dataclass(frozen=True, slots=True)
class Mixture:
    """Presets and their shares, which are positive and sum to 1.

    >>> Mixture.parse("3:7,12:3")
    Mixture(shares=((3, 0.7), (12, 0.3)))
    """

    shares: tuple[tuple[int, float], ...]

    @classmethod
    def of(cls, weights: Mapping[int, float]) -> Self:
        """Return presets mixed in the proportions of any positive weights.

        Raises:
            ValueError: there are no presets, one is negative, or a weight is not positive.
        """
        for preset, weight in weights.items():
            if preset < 0:
                raise ValueError(f"there is no preset {preset}")
            if not (weight > 0 and math.isfinite(weight)):
                raise ValueError(f"the weight of preset {preset} is not positive")
        if not weights:
            raise ValueError("there is no preset in it")
        total = math.fsum(weights.values())
        return cls(tuple((preset, weight / total) for preset, weight in sorted(weights.items())))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the mixture that a text says: `7`, or presets with their weights: `3:0.7,12:0.3`.

        Raises:
            ValueError: it is written otherwise, a preset comes twice, or a weight is 0.
        """
        if not _WHOLE.fullmatch(text):
            raise ValueError("must be a preset, as 7, or several with weights, as 3:0.7,12:0.3")
        weights: dict[int, float] = {}
        for part in text.split(","):
            preset, _, weight = part.partition(":")
            if int(preset) in weights:
                raise ValueError(f"preset {int(preset)} is given twice")
            weights[int(preset)] = float(weight or 1)
        return cls.of(weights)

    def __str__(self) -> str:
        if len(self.shares) == 1:
            return str(self.shares[0][0])
        return ",".join(f"{preset}:{share:.3g}" for preset, share in self.shares)

    def vector(self, presets: int) -> F32:
        """Return the share of every preset that a network has, (presets,).

        Raises:
            InvalidOption: it has fewer.
        """
        vector = np.zeros(presets, np.float32)
        for preset, share in self.shares:
            if preset >= presets:
                raise InvalidOption(
                    "preset", f"there is no preset {preset}; they are 0 to {presets - 1}"
                )
            vector[preset] = share
        return vector


def parse_mixture(text: str, option: str = "preset") -> Mixture:
    """Return the mixture that an option's value says.

    Raises:
        InvalidOption: it says none; names `option`.
    """
    try:
        return Mixture.parse(text)
    except ValueError as error:
        raise InvalidOption(option, str(error)) from error


def _read(value: object) -> object:
    """Turn text, one preset, or weights by preset into a mixture; leave all else to be refused."""
    if isinstance(value, str):
        return Mixture.parse(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Mixture.of({value: 1.0})
    if isinstance(value, Mapping):
        return Mixture.of(_WEIGHTS.validate_python(value))
    return value


MixtureField = Annotated[
    Mixture,
    BeforeValidator(_read),
    PlainSerializer(lambda mixture: dict(mixture.shares), return_type=dict[int, float]),
    WithJsonSchema({"type": "string", "pattern": f"^{PATTERN}$"}),
]
"""A mixture in a Pydantic model; comes as text, a number or weights, goes as weights."""
