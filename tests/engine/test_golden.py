"""Known answers: read, written, and compared with what a model says now."""

from pathlib import Path
from typing import Any

import pytest

from service.engine import golden
from service.engine.golden import Golden, difference, read_golden
from service.errors import ManifestError
from tests.engine.folders import write_golden


def test_a_folder_may_have_no_golden_answer(tmp_path: Path) -> None:
    assert read_golden(tmp_path) is None


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = Golden(
        image="golden.jpg",
        options={"top_k": 2},
        expected={"predictions": [{"label": "猫", "score": 0.5}]},
        tolerance={"score": 0.01},
    )
    (tmp_path / "golden.jpg").write_bytes(b"a picture")

    golden.write_golden(tmp_path, written)
    check = read_golden(tmp_path)

    assert check is not None
    assert check.golden == written
    assert check.picture == b"a picture"
    assert "猫" in (tmp_path / "golden.json").read_text("utf-8")  # for people who read the diff


@pytest.mark.parametrize(
    ("members", "key"),
    [
        ({"image": "missing.png"}, "image"),
        ({"image": "../golden.png"}, "image"),  # there is one, and it is out of reach
        ({"image": "."}, "image"),
        ({"expected": [1]}, "expected"),
        ({"tolerance": {"score": "much"}}, "tolerance.score"),
        ({"photo": "golden.png"}, "photo"),  # unknown
    ],
)
def test_a_mistake_is_named_by_file_and_key(
    members: dict[str, object], key: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "golden.png").write_bytes(b"")
    write_golden(folder, **members)

    with pytest.raises(ManifestError) as error:
        read_golden(folder)

    assert (error.value.file, error.value.key) == (folder / "golden.json", key)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"image": "golden.png"}', "\ufeff{}"])
def test_a_file_that_says_nothing_is_a_mistake(text: str, tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text(text, encoding="utf-8")

    with pytest.raises(ManifestError) as error:
        read_golden(tmp_path)

    assert error.value.file == tmp_path / "golden.json"


CAT: dict[str, Any] = {"label": "cat", "score": 0.9, "class_id": 3, "pixels": 100, "seen": True}


@pytest.mark.parametrize(
    ("actual", "tolerances"),
    [
        (CAT, {}),
        (CAT | {"score": 0.95}, {"score": 0.06}),
        (CAT | {"score": 1}, {"score": 0.11}),  # an integer is a number
        (CAT | {"pixels": 104}, {"pixels": 5}),  # and may differ, too
        (CAT | {"score": 0.95}, {"answer": 0.06, "score": 0.06}),
    ],
)
def test_answers_that_differ_by_no_more_than_allowed_are_alike(
    actual: dict[str, Any], tolerances: dict[str, float]
) -> None:
    assert difference(CAT, actual, tolerances) is None


@pytest.mark.parametrize(
    ("actual", "tolerances", "found"),
    [
        ({}, {}, "answer: members"),
        (CAT | {"extra": 1}, {}, "answer: members"),
        (CAT | {"score": 0.95}, {"score": 0.04}, "score: expected 0.9, got 0.95"),
        (CAT | {"score": 0.95}, {}, "score: "),
        (CAT | {"score": float("nan")}, {"score": 9}, "score: "),
        (CAT | {"score": None}, {"score": 9}, "score: "),
        (CAT | {"score": "0.9"}, {"score": 9}, "score: "),
        (CAT | {"pixels": 106}, {"pixels": 5}, "pixels: expected 100, got 106"),
        (CAT | {"class_id": 4}, {"score": 9}, "class_id: "),  # another member's tolerance
        (CAT | {"label": "dog"}, {"label": 9}, "label: expected 'cat', got 'dog'"),
        (CAT | {"seen": False}, {"seen": 9}, "seen: "),  # true and false are no numbers
        (CAT | {"label": ["cat"]}, {}, "label: "),
    ],
)
def test_the_first_difference_is_named(
    actual: dict[str, Any], tolerances: dict[str, float], found: str
) -> None:
    assert str(difference(CAT, actual, tolerances)).startswith(found)


BOXES = {"detections": [{"box": {"x1": 10.0, "y1": 20.0}, "score": 0.5}]}


@pytest.mark.parametrize(
    ("x1", "score", "tolerances", "found"),
    [
        (10.5, 0.5, {"box": 1.0}, None),  # of the nearest enclosing member that has one
        (10.5, 0.5, {"detections": 1.0}, None),
        (
            10.5,
            0.5,
            {"detections": 1.0, "box": 0.1},
            "detections.0.box.x1: expected 10.0, got 10.5",
        ),
        (10.5, 0.5, {"box": 0.1, "x1": 1.0}, None),
        (10.5, 0.6, {"box": 1.0}, "detections.0.score: expected 0.5, got 0.6"),
    ],
)
def test_a_tolerance_holds_for_all_inside(
    x1: float, score: float, tolerances: dict[str, float], found: str | None
) -> None:
    actual = {"detections": [{"box": {"x1": x1, "y1": 20.0}, "score": score}]}

    assert difference(BOXES, actual, tolerances) == found


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ([], [], None),
        ([1], [], "rows: expected 1 entries, got 0"),
        ([1, [2, 3]], [1, [2, 4]], "rows.1.1: expected 3, got 4"),
        ([1], {"0": 1}, "rows: expected [1], got {'0': 1}"),
    ],
)
def test_lists_are_compared_row_by_row(
    expected: list[Any], actual: object, found: str | None
) -> None:
    assert difference({"rows": expected}, {"rows": actual}, {}) == found
