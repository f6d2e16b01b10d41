"""The demo page and the reference: files read at start, looked up by name, told apart by ETag.

No path is ever made from a request. The page may load nothing from another host and run nothing
that is not a file of its own; nobody may frame it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

FOLDER = Path(__file__).parents[1] / "web"
PAGES = {"index.html": "/", "api.html": "/docs"}
"""Files that are found where people look for them, instead of below /web/."""
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
    ".woff2": "font/woff2",
}
CONTENT_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS = {
    "Cache-Control": "no-cache",  # kept, but asked about each time: a new version shows at once
    "Referrer-Policy": "no-referrer",
}
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """A file of the page.

    Attributes:
        body: its bytes.
        headers: what is answered with it, type and ETag included.
    """

    body: bytes
    headers: Mapping[str, str]


def read_files(folder: Path = FOLDER) -> dict[str, WebFile]:
    """Return the files of a folder, those of its folders too, by the path that asks for them."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in MEDIA_TYPES:
            continue
        name = path.relative_to(folder).as_posix()
        body = path.read_bytes()
        headers = {
            **HEADERS,
            **(PAGE_HEADERS if path.suffix == ".html" else {}),
            "Content-Type": MEDIA_TYPES[path.suffix],
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
        }
        files[PAGES.get(name, f"/web/{name}")] = WebFile(body=body, headers=headers)
    return files


def router(files: Mapping[str, WebFile]) -> APIRouter:
    """Return the routes of the page; they are no part of the documented interface."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/", methods=["GET", "HEAD"])
    @routes.api_route("/docs", methods=["GET", "HEAD"])
    @routes.api_route("/web/{name:path}", methods=["GET", "HEAD"])
    async def file(request: Request) -> Response:
        found = files.get(request.scope["path"])
        if found is None:
            raise HTTPException(404, "there is no such file")
        if found.headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=found.headers)
        return Response(found.body, headers=found.headers)

    return routes
