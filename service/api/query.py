"""Options out of a query string, refused by name; and the same options for the OpenAPI document.

FastAPI can do both, but takes as long over it as all of our own code takes over a request.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, TypeVarTuple, cast

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request

from service.errors import InvalidOption

QueryT = TypeVar("QueryT", bound=BaseModel)

Rest = TypeVarTuple("Rest")
Answer = TypeVar("Answer")

LONGEST_REMEMBERED = 256  # bytes of a query string, so that those that are remembered stay small


def remembered(read: Callable[[bytes, *Rest], Answer]) -> Callable[[bytes, *Rest], Answer]:
    """Return `read` with a memory: callers ask for the same few things over and over.

    Args:
        read: what it returns for a query string must not be changed by anybody.
    """
    again = cast(Callable[[bytes, *Rest], Answer], lru_cache(maxsize=512)(read))

    def recall(text: bytes, *rest: *Rest) -> Answer:
        return (again if len(text) <= LONGEST_REMEMBERED else read)(text, *rest)

    return recall


def read_query(request: Request, query: type[QueryT]) -> QueryT:
    """Return the request's options.

    Args:
        request: its query string is read.
        query: a frozen model with `extra="forbid"`; a field that is a list or tuple takes an option
            that is given several times.

    Raises:
        InvalidOption: an option is unknown, malformed, out of range, or given twice.
    """
    return cast(QueryT, _read(request.scope["query_string"], query))


@remembered
def _read(text: bytes, query: type[BaseModel]) -> BaseModel:
    repeatable = _repeatable(query)
    options: dict[str, Any] = {}
    for name, value in QueryParams(text).multi_items():
        if name in repeatable:
            options.setdefault(name, []).append(value)
        elif name in options:
            raise InvalidOption(name, "is given twice")
        else:
            options[name] = value
    try:
        return query.model_validate(options)
    except ValidationError as error:
        mistake = error.errors(include_url=False)[0]
        unknown = mistake["type"] == "extra_forbidden"
        reason = "there is no such option" if unknown else mistake["msg"]
        raise InvalidOption(str(mistake["loc"][0]), reason) from error


def parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the model's fields as OpenAPI query parameters."""
    document = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description", ""),
            "schema": _standalone(schema, document.get("$defs", {})),
        }
        for name, schema in document["properties"].items()
    ]


def _standalone(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Say only the type of a value that is given, and say it here.

    Not giving an option is not giving null; and a definition elsewhere, as Pydantic has it for an
    enumeration, would point nowhere in the OpenAPI document.
    """
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    if choices and schema.get("default", ...) is None:
        del schema["default"]
    schema = {**schema, **(choices[0] if choices else {})}
    reference = schema.pop("$ref", None)
    if reference is not None:
        definition = definitions[reference.rpartition("/")[2]]
        schema = {"type": definition["type"], "enum": definition["enum"], **schema}
    schema.pop("title", None)
    return schema


@lru_cache(maxsize=64)
def _repeatable(query: type[BaseModel]) -> frozenset[str]:
    properties = query.model_json_schema()["properties"].items()
    return frozenset(name for name, schema in properties if schema.get("type") == "array")
