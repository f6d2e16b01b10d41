"""Tells somebody that a job ended: only whom the operator allows, and so that they can trust it."""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Collection
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from service.errors import InvalidOption, StartupError
from service.jobs.job import Job

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0  # for a connection, and for any silence
WAITS_S = (0.0, 1.0, 5.0, 25.0, 120.0)  # before each attempt
LONGEST = 2000  # characters of a URL


class Webhooks:
    """Sends signed messages to hosts on a list.

    The signature is over the timestamp, a full stop and the body, so that neither can be changed
    nor an old message be sent again later:

        Chiasm-Timestamp: 1760000000
        Chiasm-Signature: sha256=<HMAC-SHA256 of "1760000000." + body, hexadecimal>
    """

    def __init__(self, hosts: Collection[str], secret: str) -> None:
        """Allow `host` with any port and `host:port` with that one.

        Raises:
            StartupError: there are hosts, and no secret to sign with.
        """
        if hosts and not secret:
            raise StartupError("webhooks need a secret to sign with (CHIASM_WEBHOOK_SECRET)")
        self._hosts = frozenset(host.lower() for host in hosts)
        self._secret = secret.encode()

    def check(self, url: str) -> None:
        """Do nothing if messages may be sent there.

        Raises:
            InvalidOption: it is no HTTP URL, or names a host that is not on the list.
        """
        try:
            parts, port = _parts(url)
        except ValueError as error:
            raise InvalidOption("webhook", f"is not a URL: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > LONGEST:
            raise InvalidOption("webhook", "must be an http or https URL")
        if parts.username is not None or parts.password is not None:
            raise InvalidOption("webhook", "must not hold a user name or a password")
        if not self._hosts & {parts.hostname, f"{parts.hostname}:{port}"}:
            raise InvalidOption("webhook", "names a host that the operator does not allow")

    def send(self, url: str, body: bytes) -> bool:
        """Send a message once, follow no redirect, and return whether it was taken (2xx).

        Raises:
            InvalidOption: the host is not on the list any more.
        """
        self.check(url)
        parts, port = _parts(url)
        timestamp = str(int(time.time()))
        signature = hmac.new(self._secret, f"{timestamp}.".encode() + body, hashlib.sha256)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", port, timeout=TIMEOUT_S)
        try:
            connection.request(
                "POST",
                f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
                body,
                {
                    "Content-Type": "application/json",
                    "User-Agent": "chiasm",
                    "Chiasm-Timestamp": timestamp,
                    "Chiasm-Signature": f"sha256={signature.hexdigest()}",
                },
            )
            status = connection.getresponse().status
        except (OSError, HTTPException) as error:
            log.warning("a webhook failed: %s", error)
            return False
        finally:
            connection.close()
        if not 200 <= status < 300:
            log.warning("a webhook was answered with %d", status)
        return 200 <= status < 300


def message(job: Job) -> bytes:
    """Return what is told of a job that ended."""
    failure = job.failure and {"code": job.failure.code, "detail": job.failure.detail}
    facts = {
        "id": job.id,
        "status": job.status,
        "method": job.spec.method,
        "created_at": job.spec.created_at,
        "finished_at": job.finished_at,
        "error": failure,
    }
    return json.dumps(facts).encode()


def _parts(url: str) -> tuple[SplitResult, int]:
    """Split a URL; raise ValueError if it holds what has no place in a request line."""
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise ValueError("it must be ASCII without spaces")
    parts = urlsplit(url)
    return parts, parts.port or (443 if parts.scheme == "https" else 80)
