"""Pictures out of a request body, with every byte counted while it streams."""

import binascii
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from service.errors import EmptyBody, ImageTooLarge, InvalidBody, Overloaded

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

ENVELOPE_BYTES = 16_384  # boundaries, part headers, JSON around the pictures


class Intake:
    """Reads the pictures of a request, whichever of the three ways they come.

    `multipart/form-data` has a file part for each picture; `application/json` has each as
    base64 or as a data: URL; any other body is the picture itself, whatever its type claims:
    `curl --data-binary` calls a photograph a form.
    """

    def __init__(self, *, max_image_bytes: int, max_buffered_bytes: int) -> None:
        """Set the limits.

        Args:
            max_image_bytes: of one picture's file.
            max_buffered_bytes: held at once by all requests together.
        """
        self._max_image_bytes = max_image_bytes
        self._max_buffered_bytes = max_buffered_bytes
        self.buffered_bytes = 0

    @asynccontextmanager
    async def receive(
        self, request: Request, names: Sequence[str] = ("image",), optional: Sequence[str] = ()
    ) -> AsyncIterator[dict[str, bytes]]:
        """Yield the pictures by name; their memory counts against the budget until the exit.

        Args:
            request: its body is read to the end, or up to the first byte too many.
            names: the pictures that the route wants; a raw body can carry only one.
            optional: further pictures that may come with them.

        Raises:
            EmptyBody: no bytes, or a picture is missing.
            InvalidBody: the envelope is malformed.
            ImageTooLarge: a picture is larger than allowed.
            Overloaded: too many bytes are held for others already.
        """
        media_type, parameters = parse_options_header(request.headers.get("content-type", ""))
        held = _Hold(self)
        allowed = (*names, *optional)
        try:
            if media_type == b"multipart/form-data":
                pictures = await self._multipart(request, allowed, parameters, held)
            elif media_type == b"application/json":
                pictures = await self._json(request, allowed, held)
            else:
                pictures = await self._raw(request, names, held)
            for name in names:
                if not pictures.get(name):
                    raise EmptyBody(f"there is no picture {name!r} in the body", part=name)
            yield pictures
        finally:
            held.release()

    def too_large(self) -> ImageTooLarge:
        """Return the error for a picture with too many bytes."""
        return ImageTooLarge(
            f"the picture is larger than {self._max_image_bytes} bytes",
            limit="bytes",
            max_bytes=self._max_image_bytes,
        )

    async def _stream(
        self, request: Request, limit: int, held: "_Hold", sink: Callable[[bytes], object]
    ) -> None:
        """Pass the body on chunk by chunk, never a byte beyond `limit`."""
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            raise self.too_large()
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
            if received > limit:
                raise self.too_large()
            held.add(len(chunk))
            sink(chunk)

    async def _raw(self, request: Request, names: Sequence[str], held: "_Hold") -> dict[str, bytes]:
        chunks: list[bytes] = []
        await self._stream(request, self._max_image_bytes, held, chunks.append)
        if not any(chunks):
            raise EmptyBody("the body is empty; send the bytes of a picture")
        if len(names) > 1:
            raise InvalidBody(f"send {' and '.join(names)} as multipart/form-data or JSON")
        return {names[0]: b"".join(chunks)}

    async def _json(
        self, request: Request, names: Sequence[str], held: "_Hold"
    ) -> dict[str, bytes]:
        chunks: list[bytes] = []
        base64_bytes = -(-self._max_image_bytes // 3) * 4
        await self._stream(request, base64_bytes * len(names) + ENVELOPE_BYTES, held, chunks.append)
        body = b"".join(chunks)
        if not body:
            raise EmptyBody("the body is empty; send JSON with the picture in base64")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InvalidBody("the body is not JSON") from error
        if not isinstance(document, dict):
            raise InvalidBody("the JSON body must be an object")
        if unknown := document.keys() - set(names):
            raise InvalidBody(f"the JSON body has an unknown member {sorted(unknown)[0]!r}")
        return {name: self._decoded(name, value) for name, value in document.items()}

    def _decoded(self, name: str, value: object) -> bytes:
        if not isinstance(value, str):
            raise InvalidBody(f"{name} must be a string of base64, or a data: URL")
        if value.startswith("data:"):
            header, comma, value = value.partition(",")
            if not comma or not header.endswith(";base64"):
                raise InvalidBody(f"{name} is a data: URL without base64")
        try:
            picture = b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidBody(f"{name} is not base64") from error
        if len(picture) > self._max_image_bytes:
            raise self.too_large()
        return picture

    async def _multipart(
        self,
        request: Request,
        names: Sequence[str],
        parameters: Mapping[bytes, bytes],
        held: "_Hold",
    ) -> dict[str, bytes]:
        boundary = parameters.get(b"boundary")
        if not boundary:
            raise InvalidBody("the multipart body has no boundary")
        parts = _Parts(names, self._max_image_bytes, self.too_large)
        limit = self._max_image_bytes * len(names) + ENVELOPE_BYTES
        try:
            parser = python_multipart.MultipartParser(
                boundary, cast("MultipartCallbacks", parts.callbacks())
            )
            await self._stream(request, limit, held, parser.write)
            parser.finalize()
        except FormParserError as error:
            raise InvalidBody("the multipart body is malformed") from error
        if not parts.complete:
            raise InvalidBody("the multipart body ends before its last boundary")
        return parts.pictures()


class _Hold:
    """The bytes that one request has in memory, counted in its intake's budget."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._bytes = 0

    def add(self, count: int) -> None:
        intake = self._intake
        if intake.buffered_bytes + count > intake._max_buffered_bytes:
            raise Overloaded("too many uploads are in memory", retry_after_s=1.0)
        intake.buffered_bytes += count
        self._bytes += count

    def release(self) -> None:
        self._intake.buffered_bytes -= self._bytes
        self._bytes = 0


class _Parts:
    """Collects the wanted file parts of a multipart body as python-multipart reports them."""

    def __init__(
        self, names: Sequence[str], max_bytes: int, too_large: Callable[[], ImageTooLarge]
    ) -> None:
        self.complete = False
        self._names = names
        self._max_bytes = max_bytes
        self._too_large = too_large
        self._pictures: dict[str, bytearray] = {}
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._current = bytearray()

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value_data,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_end": self._end,
        }

    def pictures(self) -> dict[str, bytes]:
        return {name: bytes(data) for name, data in self._pictures.items()}

    def _part_begin(self) -> None:
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value_data(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name not in self._names:
            raise InvalidBody(
                f"the multipart body has an unknown part {name!r}; options go in the query",
                expected=list(self._names),
            )
        if name in self._pictures:
            raise InvalidBody(f"the multipart body has the part {name!r} twice")
        self._current = self._pictures[name] = bytearray()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if len(self._current) + end - start > self._max_bytes:
            raise self._too_large()
        self._current += data[start:end]

    def _end(self) -> None:
        self.complete = True
