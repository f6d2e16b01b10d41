"""Class names: from a list or a file of the model's own folder, and from nowhere else."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from service.tasks.labels import Label, Labels, plain_file_name


class Config(BaseModel):
    labels: Labels


def read(value: object, folder: Path) -> tuple[Label, ...]:
    return Config.model_validate({"labels": value}, context={"folder": folder}).labels


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("", Label("")),
        ("tiger cat", Label("tiger cat")),
        ("n02123159\ttiger cat", Label("tiger cat", "n02123159")),
        ("id\tname\twith a tab", Label("name\twith a tab", "id")),
    ],
)
def test_a_line_is_a_name_or_an_id_and_a_name(line: str, label: Label) -> None:
    assert Label.parse(line) == label


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("", ()),
        ("cat\ndog\n", (Label("cat"), Label("dog"))),
        ("cat\r\ndog", (Label("cat"), Label("dog"))),  # as Windows ends lines
        (" n1\tcat \n", (Label("cat", "n1"),)),
        ("猫\n犬\n", (Label("猫"), Label("犬"))),
    ],
)
def test_a_file_has_a_class_a_line(text: str, labels: tuple[Label, ...], tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8", newline="")

    assert read("labels.txt", tmp_path) == labels


def test_a_list_is_as_good_as_a_file(tmp_path: Path) -> None:
    assert read([], tmp_path) == ()
    assert read(["cat", "n2\tdog"], tmp_path) == (Label("cat"), Label("dog", "n2"))


def test_without_a_context_the_folder_is_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labels.txt").write_text("cat\n")
    monkeypatch.chdir(tmp_path)

    assert Config.model_validate({"labels": "labels.txt"}).labels == (Label("cat"),)


@pytest.mark.parametrize(
    "value",
    [
        "missing.txt",
        "../labels.txt",  # there is one, and it is out of reach
        "",
        ".",
        7,
        [1, 2],
        ["cat", 2],
        None,
    ],
)
def test_what_is_no_list_of_names_is_refused(value: object, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\n")
    folder = tmp_path / "model"
    folder.mkdir()

    with pytest.raises(ValidationError, match="labels"):
        read(value, folder)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe")

    with pytest.raises(ValidationError, match="utf-8"):
        read("labels.txt", tmp_path)


@pytest.mark.parametrize("name", ["labels.txt", "..labels", "a b", ".hidden"])
def test_a_plain_name_is_left_alone(name: str) -> None:
    assert plain_file_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/etc/passwd", "../labels.txt", "a/b", "./labels.txt", "labels.txt/"]
)
def test_a_name_with_a_directory_part_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        plain_file_name(name)
