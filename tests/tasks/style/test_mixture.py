"""Presets and their shares: as text, as numbers, and as a network wants them."""

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from service.errors import InvalidOption
from service.tasks.style.mixture import Mixture, MixtureField, parse_mixture


class Query(BaseModel):
    preset: MixtureField


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("7", ((7, 1.0),)),
        ("007", ((7, 1.0),)),
        ("7:5", ((7, 1.0),)),  # alone, whatever its weight
        ("3:0.7,12:0.3", ((3, 0.7), (12, 0.3))),
        ("12:3,3:7", ((3, 0.7), (12, 0.3))),  # any weights, any order
        ("1,2", ((1, 0.5), (2, 0.5))),  # no weights are equal weights
        ("1,2:3", ((1, 0.25), (2, 0.75))),
    ],
)
def test_a_text_is_a_mixture(text: str, shares: tuple[tuple[int, float], ...]) -> None:
    assert Mixture.parse(text).shares == shares
    assert parse_mixture(text) == Mixture(shares)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 7",
        "starry night",
        "-1",
        "1.5",
        "3:",
        "3:0",
        "3:0.0,4:1",
        "3:-1",
        "3:1e9",
        "3:inf",
        "3:nan",
        "3:.5",
        "3,",
        ",3",
        "3;4",
        "3:1,3:1",
        "3,03",
        "٣",  # a three, but not one of ASCII
        "1000",
        "3:1234567890",
    ],
)
def test_nonsense_is_refused_by_the_name_of_the_option(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"^mix: ") as refusal:
        parse_mixture(text, "mix")
    assert refusal.value.members == {"option": "mix"}


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ({}, "no preset in it"),
        ({-1: 1.0}, "no preset -1"),
        ({1: 0.0}, "not positive"),
        ({1: -2.0}, "not positive"),
        ({1: float("inf")}, "not positive"),
        ({1: float("nan")}, "not positive"),
    ],
)
def test_weights_must_mean_something(weights: dict[int, float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Mixture.of(weights)


def test_a_mixture_is_a_vector_of_shares() -> None:
    vector = Mixture.parse("3:0.7,0:0.3").vector(5)

    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, [0.3, 0, 0, 0.7, 0])


def test_a_preset_that_the_network_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"no preset 26; they are 0 to 25"):
        Mixture.parse("3,26").vector(26)


@pytest.mark.parametrize(
    ("text", "written"),
    [("7", "7"), ("3:0.7,12:0.3", "3:0.7,12:0.3"), ("1,2,3", "1:0.333,2:0.333,3:0.333")],
)
def test_a_mixture_can_be_read_by_people(text: str, written: str) -> None:
    assert str(Mixture.parse(text)) == written


@pytest.mark.parametrize("value", ["3:0.7,12:0.3", {3: 0.7, 12: 0.3}, {"3": 7, "12": 3}])
def test_a_field_takes_a_mixture_however_it_is_given(value: object) -> None:
    query = Query.model_validate({"preset": value})

    assert query.preset == Mixture(((3, 0.7), (12, 0.3)))
    assert Query.model_validate(query) == query
    assert Query.model_validate_json(query.model_dump_json()) == query


def test_a_field_takes_one_preset_as_a_number() -> None:
    assert Query.model_validate({"preset": 7}).preset == Mixture(((7, 1.0),))


@pytest.mark.parametrize("value", ["x", -1, True, None, 1.5, {}, {"x": 1}, {1: None}, [1]])
def test_a_field_refuses_all_else(value: object) -> None:
    with pytest.raises(ValidationError) as refusal:
        Query.model_validate({"preset": value})
    assert refusal.value.errors()[0]["loc"][0] == "preset"


def test_a_field_is_text_in_the_openapi_document() -> None:
    assert Query.model_json_schema()["properties"]["preset"]["type"] == "string"
