"""The options of the client are the options of the server."""

from enum import Enum
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from service.api.face_schemas import FacesQuery, VerifyQuery
from service.api.schemas import ClassifyQuery, DetectQuery
from service.api.segment_schemas import SegmentQuery
from service.api.style_schemas import StyleQuery
from service.client import params
from service.imaging.encode import PictureFormat

EVERYWHERE = {"deadline_ms"}


def values(annotation: Any) -> set[Any]:
    """Return the values that an annotation enumerates, as they go over the wire."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {member.value for member in annotation}
    return set().union(*map(values, get_args(annotation)))


@pytest.mark.parametrize(
    ("mine", "query", "apart"),
    [
        (params.ClassifyParams, ClassifyQuery, set()),
        (params.DetectParams, DetectQuery, {"render"}),  # detect_picture says that
        (params.SegmentParams, SegmentQuery, {"render"}),
        (params.SegmentPictureParams, SegmentQuery, {"mask"}),  # it is painted, and not told
        (params.FacesParams, FacesQuery, {"render"}),
        (params.VerifyParams, VerifyQuery, set()),
        (params.StyleParams, StyleQuery, set()),
    ],
)
def test_the_same_options(mine: type, query: type[BaseModel], apart: set[str]) -> None:
    hints = get_type_hints(mine)

    assert hints.keys() - EVERYWHERE == query.model_fields.keys() - apart
    for name, field in query.model_fields.items():
        if name not in apart:
            assert values(hints[name]) == values(field.annotation), name


def test_the_same_media_types() -> None:
    assert values(params.PictureType) == values(PictureFormat)
