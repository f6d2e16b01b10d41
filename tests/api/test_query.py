"""Options: read from the query, refused by name, and documented as they are read."""

from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from service.api.query import parameters, read_query
from service.errors import InvalidOption


class Care(StrEnum):
    USUAL = "usual"
    HIGH = "high"


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    care: Care = Field(Care.USUAL, description="How much.")

    count: int | None = Field(None, ge=1, description="How many.")
    exact: bool = False
    names: tuple[str, ...] = ()


def request(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize(
    ("query", "options"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("count=3", {"count": 3}, id="a number"),
        pytest.param("care=high", {"care": Care.HIGH}, id="one of a few words"),
        pytest.param("exact=true", {"exact": True}, id="a switch"),
        pytest.param("names=a&names=b", {"names": ("a", "b")}, id="given several times"),
        pytest.param("names=a%2Cb&count=2", {"names": ("a,b",), "count": 2}, id="percent-encoded"),
    ],
)
def test_options_are_read(query: str, options: dict[str, Any]) -> None:
    assert read_query(request(query), Query) == Query(**options)


@pytest.mark.parametrize(
    ("query", "option", "reason"),
    [
        pytest.param("counts=3", "counts", "there is no such option", id="unknown"),
        pytest.param("care=none", "care", "'usual' or 'high'", id="none of the words"),
        pytest.param("count=three", "count", "valid integer", id="malformed"),
        pytest.param("count=0", "count", "greater than or equal to 1", id="out of range"),
        pytest.param("count=", "count", "valid integer", id="empty"),
        pytest.param("count=1&count=2", "count", "is given twice", id="twice"),
        pytest.param("count=1&x=2", "x", "there is no such option", id="one of several"),
    ],
)
def test_mistakes_name_the_option(query: str, option: str, reason: str) -> None:
    with pytest.raises(InvalidOption, match=reason) as caught:
        read_query(request(query), Query)
    assert caught.value.members == {"option": option}


def test_the_document_says_what_is_read() -> None:
    assert parameters(Query) == [
        {
            "name": "care",
            "in": "query",
            "required": False,
            "description": "How much.",
            "schema": {"type": "string", "enum": ["usual", "high"], "default": "usual"},
        },
        {
            "name": "count",
            "in": "query",
            "required": False,
            "description": "How many.",
            "schema": {"type": "integer", "minimum": 1},
        },
        {
            "name": "exact",
            "in": "query",
            "required": False,
            "description": "",
            "schema": {"type": "boolean", "default": False},
        },
        {
            "name": "names",
            "in": "query",
            "required": False,
            "description": "",
            "schema": {"type": "array", "items": {"type": "string"}, "default": []},
        },
    ]


def test_words_that_need_not_be_given_are_told_in_the_same_place() -> None:
    class Optional(BaseModel):
        care: Care | None = None

    [parameter] = parameters(Optional)
    assert parameter["schema"] == {"type": "string", "enum": ["usual", "high"]}
