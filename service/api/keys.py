"""API keys: which there are, and whose a request is."""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from service.errors import Unauthorized

OWNER = "chiasm.owner"  # where a request's scope has whose it is
OPEN_PATHS = frozenset({"/healthz", "/readyz"})


def owner(request: Request) -> str:
    """Return whose key the request came with; empty where there are no keys."""
    whose: str = request.scope.get(OWNER, "")
    return whose


class ApiKeys:
    """Knows whose a request is by its key; probes, and what else is named, are open to everybody.

    What a caller leaves behind belongs to its key, of which the service remembers a digest.
    Keys are compared as digests in constant time, every one of them for every request, so that
    neither the length, the content nor the position of a key shows in how long it takes.
    """

    def __init__(self, keys: Sequence[str], open_paths: Iterable[str] = ()) -> None:
        """Remember the digests of the keys.

        Args:
            keys: the accepted ones; without any everybody passes.
            open_paths: what needs no key besides the probes, whole paths.
        """
        self._digests = [_digest(key) for key in keys]
        self._open_paths = OPEN_PATHS.union(open_paths)

    def owner(self, scope: Scope) -> str:
        """Return whose a request is; nobody's, the empty string, where it needs no key.

        Raises:
            Unauthorized: it came without a key, or with an unknown one.
        """
        if not self._digests or scope["path"] in self._open_paths:
            return ""
        digest = _digest(_presented(Headers(scope=scope)))
        if not self._knows(digest):
            raise Unauthorized("send an API key as `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        return digest.hex()

    def _knows(self, digest: bytes) -> bool:
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)


def _presented(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return headers.get("x-api-key", "")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
