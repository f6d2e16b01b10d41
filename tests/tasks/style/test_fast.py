"""Options of style transfer in one pass."""

from typing import Any

import pytest
from pydantic import ValidationError

from service.errors import InvalidOption
from service.tasks.style.fast import FastOptions
from service.tasks.style.mixture import Mixture


@pytest.mark.parametrize(
    ("size", "source", "result"),
    [
        (None, (3000, 4000), (3000, 4000)),
        (4000, (3000, 4000), (3000, 4000)),
        (1000, (3000, 4000), (750, 1000)),
        (1000, (4000, 3000), (1000, 750)),
        (1000, (30, 40), (30, 40)),  # never enlarged
        (100, (10_000, 10), (100, 1)),  # no side vanishes
    ],
)
def test_the_result_has_the_shape_of_the_content(
    size: int | None, source: tuple[int, int], result: tuple[int, int]
) -> None:
    assert FastOptions(size=size).result_size(source) == result


def test_a_query_is_options_and_options_survive_storage() -> None:
    query = {"preset": "3:0.7,12:0.3", "strength": "0.5", "preserve_color": "true", "size": "640"}

    options = FastOptions.model_validate(query)

    assert options.preset == Mixture(((3, 0.7), (12, 0.3)))
    assert (options.strength, options.preserve_color, options.size) == (0.5, True, 640)
    assert FastOptions.model_validate_json(options.model_dump_json()) == options
    assert FastOptions.model_validate_json(FastOptions().model_dump_json()) == FastOptions()


@pytest.mark.parametrize(
    "query",
    [
        {"preset": "monet"},
        {"strength": 1.01},
        {"strength": -0.1},
        {"strength": float("nan")},
        {"preserve_color": "perhaps"},
        {"size": 31},
        {"size": 8193},
        {"steps": 100},
    ],
)
def test_nonsense_is_refused_by_name(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        FastOptions.model_validate(query)
    assert refusal.value.errors()[0]["loc"][0] in query


def test_a_style_comes_from_a_preset_or_a_picture() -> None:
    preset = FastOptions.model_validate({"preset": 7})
    preset.check(styled=False)
    FastOptions().check(styled=True)

    with pytest.raises(InvalidOption, match="preset: there is a style picture already"):
        preset.check(styled=True)
    with pytest.raises(InvalidOption, match="preset: needed where no style picture is given"):
        FastOptions().check(styled=False)
