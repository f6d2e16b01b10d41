import io
from pathlib import Path

import pytest

from service.client.pictures import Picture, body, read_all


def file_at(path: Path) -> io.BufferedReader:
    return path.open("rb")


@pytest.mark.parametrize(
    "form", [Path.read_bytes, lambda path: memoryview(path.read_bytes()), str, Path, file_at]
)
def test_every_way_to_give_a_picture(tmp_path: Path, form: object) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"pixels")
    picture: Picture = form(path)  # type: ignore[operator]

    assert read_all({"image": picture}) == {"image": b"pixels"}
    if isinstance(picture, io.BufferedReader):
        picture.close()


def test_text_is_no_picture() -> None:
    with pytest.raises(TypeError, match="binary mode"):
        read_all({"image": io.StringIO("pixels")})  # type: ignore[dict-item]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_all({"image": tmp_path / "nothing"})


def test_one_picture_goes_as_it_is_and_several_as_parts() -> None:
    assert body({}) == {}
    assert body({"image": b"1"}) == {"content": b"1"}
    assert body({"image1": b"1", "image2": b"2"})["files"].keys() == {"image1", "image2"}
