import re
from pathlib import Path

import httpx
import pytest

from service.api.web import FOLDER, MEDIA_TYPES, PAGES, read_files
from tests.answers import problem
from tests.serving import Serve

pytestmark = pytest.mark.anyio

KEY = "0123456789abcdef"
PATHS = sorted(read_files())
FILES = {path: name for name, path in PAGES.items()}


async def test_every_file_is_served_as_it_is(client: httpx.AsyncClient) -> None:
    for path in PATHS:
        response = await client.get(path)

        source = FOLDER / FILES.get(path, path.removeprefix("/web/"))
        assert response.status_code == 200, path
        assert response.content == source.read_bytes(), path
        assert response.headers["content-type"] == MEDIA_TYPES[source.suffix], path
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-cache"


def test_every_file_of_the_folder_has_a_type() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]

    assert len(PATHS) == len(files) > 30
    assert not [path for path in files if path.suffix not in MEDIA_TYPES]


async def test_a_file_that_is_known_is_not_sent_again(client: httpx.AsyncClient) -> None:
    tag = (await client.get("/web/client.js")).headers["etag"]

    again = await client.get("/web/client.js", headers={"If-None-Match": tag})
    weak = await client.get("/web/client.js", headers={"If-None-Match": f'"other", W/{tag}'})
    changed = await client.get("/web/client.js", headers={"If-None-Match": '"other"'})

    assert [again.status_code, weak.status_code, changed.status_code] == [304, 304, 200]
    assert again.content == b""
    assert again.headers["etag"] == tag


def test_another_content_has_another_tag(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "b.js").write_text("2")
    (tmp_path / "c.js").write_text("1")

    tags = {path: file.headers["ETag"] for path, file in read_files(tmp_path).items()}

    assert tags["/web/a.js"] == tags["/web/c.js"] != tags["/web/b.js"]


@pytest.mark.parametrize("path", FILES)
async def test_pages_may_do_what_they_need_and_nothing_else(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)

    policy = dict(
        rule.partition(" ")[::2] for rule in response.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in response.headers["content-security-policy"]
    assert "http" not in response.headers["content-security-policy"]


def test_the_page_names_no_other_host() -> None:
    allowed = {"http://www.w3.org", "http://127.0.0.1:8000"}  # a namespace, and an example
    for path in FOLDER.rglob("*"):
        if path.suffix in {".html", ".css", ".js", ".svg"}:
            hosts = set(re.findall(r"https?://[\w.:-]+", path.read_text(encoding="utf-8")))
            assert hosts <= allowed, path.name


@pytest.mark.parametrize("name", PAGES)
def test_pages_have_nothing_that_their_policy_forbids(name: str) -> None:
    page = (FOLDER / name).read_text(encoding="utf-8")

    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert all("src=" in script for script in re.findall(r"<script[^>]*>", page))


async def test_what_is_not_in_the_table_is_not_there(client: httpx.AsyncClient) -> None:
    for path in (
        "/web/",
        "/web/nothing.js",
        "/web/index.html",  # it is at / only
        "/web/api.html",
        "/redoc",  # FastAPI's own, which needs other hosts
        "/docs/oauth2-redirect",
        "/web/%2e%2e/app.py",
        "/web/..%2f..%2fpyproject.toml",
        "/web/samples",
        "/web/style.css%00",
    ):
        problem(await client.get(path), 404, "not_found")


async def test_only_reading_is_allowed(client: httpx.AsyncClient) -> None:
    problem(await client.post("/"), 405, "method_not_allowed")
    assert (await client.head("/web/style.css")).status_code == 200


async def test_the_page_needs_no_key_and_shows_nothing_that_does(serve: Serve) -> None:
    served = await serve(api_keys=(KEY,))

    for path in PATHS:
        assert (await served.client.get(path)).status_code == 200, path
    for path in ("/web/", "/web/nothing.js", "/models", "/openapi.json"):
        problem(await served.client.get(path), 401, "unauthorized")
