"""The evaluation of /verify, against a server that only compares numbers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tools.evaluate import faces


def server(request: httpx.Request) -> httpx.Response:
    """Answer as the service does; a photograph is a number, "-" one without a face."""
    content = request.read().decode()
    if request.url.path == "/faces":
        return httpx.Response(200, json={"faces": [] if content == "-" else [{}]})
    assert request.url.params["faces"] == "largest"
    one, other = map(float, re.findall(r"\r\n\r\n([\d.]+)\r\n", content))
    distance = round(abs(one - other), 3)
    verified = None if max(one, other) > 9 else distance <= 0.6
    answer = {"verified": verified, "distance": distance, "threshold": 0.6}
    return httpx.Response(200, content=json.dumps(answer))


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.MockTransport(server), base_url="http://faces") as one:
        yield one


def people(folder: Path, photographs: dict[str, list[str]]) -> Path:
    for person, contents in photographs.items():
        (folder / person).mkdir(parents=True)
        for number, content in enumerate(contents):
            (folder / person / f"{number}.jpg").write_text(content)
    return folder


def test_all_pairs_are_compared(client: httpx.Client, tmp_path: Path) -> None:
    folder = people(tmp_path, {"ann": ["0", "0.1", "0.9"], "bob": ["2", "2.2"]})

    found = faces.evaluate(client, folder)

    assert (found.photographs, found.without_face, found.pairs) == (5, 0, 10)
    assert found.threshold == 0.6
    assert found.accuracy == 0.8  # 0 and 0.9, 0.1 and 0.9 are taken for two people
    assert found.auc == 1.0
    assert found.not_judged == 0


def test_no_face_and_no_verdict_are_counted_not_guessed(
    client: httpx.Client, tmp_path: Path
) -> None:
    folder = people(tmp_path, {"ann": ["0", "0.1", "-"], "bob": ["2", "10"]})

    found = faces.evaluate(client, folder)

    assert found.without_face == 1
    assert (found.pairs, found.not_judged) == (6, 3)
    assert found.accuracy == 1.0


def test_a_refusal_is_not_a_figure(tmp_path: Path) -> None:
    folder = people(tmp_path, {"ann": ["0", "0.1"], "bob": ["2"]})
    refusing = httpx.MockTransport(lambda _: httpx.Response(503))

    with (
        httpx.Client(transport=refusing, base_url="http://faces") as client,
        pytest.raises(httpx.HTTPStatusError),
    ):
        faces.evaluate(client, folder)


def test_without_the_photographs_it_says_so(tmp_path: Path) -> None:
    text = faces.markdown("http://faces", tmp_path, tmp_path)
    assert text == f"skipped: accuracy of /verify needs {tmp_path / 'lfw'}"
