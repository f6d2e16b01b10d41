"""The client for callers that wait."""

from collections.abc import Iterator
from types import TracebackType
from typing import Self, Unpack

import httpx

from service.api.face_schemas import FacesAnswer, VerifyAnswer
from service.api.schemas import (
    ClassifyAnswer,
    DetectAnswer,
    Health,
    ModelDetail,
    ModelList,
    Readiness,
)
from service.api.segment_schemas import SegmentAnswer
from service.client import calls
from service.client.connection import Connection
from service.client.params import (
    ClassifyParams,
    DetectParams,
    FacesParams,
    PictureType,
    SegmentParams,
    SegmentPictureParams,
    StyleParams,
    VerifyParams,
)
from service.client.pictures import Picture
from service.client.style_job import StyleJob


class Chiasm:
    """One server; may be used by several threads at once.

    A call raises ChiasmProblem if the server says no or says nothing, and OSError if a picture
    cannot be read.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout_s: float = 60,
        retries: int = 2,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Remember a server; nothing is sent yet.

        Args:
            url: of the server; a path in it is put before every other.
            api_key: sent with every request.
            timeout_s: of one call, with all its attempts and the pauses between them; only an
                answer that keeps coming may take longer.
            retries: how often to ask again where that may help and can do no harm: the server
                is overloaded or starts anew, or the connection broke. Where it says when to come
                back, it is taken at its word.
            transport: what carries the requests, in place of a socket.
        """
        self._connection = Connection(
            url, api_key=api_key, timeout_s=timeout_s, retries=retries, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def classify(self, picture: Picture, **options: Unpack[ClassifyParams]) -> ClassifyAnswer:
        """Name what a picture shows."""
        return self._connection.ask(calls.classify(picture, options))

    def detect(self, picture: Picture, **options: Unpack[DetectParams]) -> DetectAnswer:
        """Find things in a picture."""
        return self._connection.ask(calls.detect(picture, options))

    def detect_picture(
        self,
        picture: Picture,
        *,
        format: PictureType = "image/jpeg",
        **options: Unpack[DetectParams],
    ) -> bytes:
        """Return the picture with the things in it marked."""
        return self._connection.ask(calls.detect_picture(picture, format, options))

    def segment(self, picture: Picture, **options: Unpack[SegmentParams]) -> SegmentAnswer:
        """Say of every pixel what it belongs to."""
        return self._connection.ask(calls.segment(picture, options))

    def segment_picture(
        self,
        picture: Picture,
        *,
        format: PictureType = "image/png",
        **options: Unpack[SegmentPictureParams],
    ) -> bytes:
        """Return a mask, an overlay or a cutout; of a network without classes, its map.

        Only an overlay can be something else than a PNG.
        """
        return self._connection.ask(calls.segment_picture(picture, format, options))

    def faces(self, picture: Picture, **options: Unpack[FacesParams]) -> FacesAnswer:
        """Find faces, their landmarks and their encodings."""
        return self._connection.ask(calls.faces(picture, options))

    def faces_picture(
        self,
        picture: Picture,
        *,
        format: PictureType = "image/jpeg",
        **options: Unpack[FacesParams],
    ) -> bytes:
        """Return the picture with the faces in it marked."""
        return self._connection.ask(calls.faces_picture(picture, format, options))

    def verify(
        self, image1: Picture, image2: Picture, **options: Unpack[VerifyParams]
    ) -> VerifyAnswer:
        """Say whether two pictures show one person."""
        return self._connection.ask(calls.verify(image1, image2, options))

    def style(
        self,
        content: Picture,
        style: Picture | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[StyleParams],
    ) -> StyleJob:
        """Start to paint a picture in the style of another, or in a preset one.

        Args:
            content: the picture to paint.
            style: the picture whose style to use.
            idempotency_key: the same key with the same pictures and options is one job; by
                default every call has its own.
            options: how to paint.
        """
        call = calls.style(content, style, idempotency_key, options)
        return StyleJob(self._connection, self._connection.ask(call))

    def job(self, job_id: str) -> StyleJob:
        """Find a job again."""
        return StyleJob(self._connection, self._connection.ask(calls.job(job_id)))

    def jobs(self, *, page_size: int | None = None) -> Iterator[StyleJob]:
        """Yield all of the caller's jobs, the newest first, asking for a page at a time."""
        cursor: str | None = None
        while True:
            page = self._connection.ask(calls.jobs(page_size, cursor))
            for answer in page.jobs:
                yield StyleJob(self._connection, answer)
            if page.next is None:
                return
            cursor = page.next

    def models(self) -> ModelList:
        """List the models that are loaded."""
        return self._connection.ask(calls.models())

    def model(self, name: str) -> ModelDetail:
        """Describe one model, layer by layer."""
        return self._connection.ask(calls.model(name))

    def ready(self) -> bool:
        """Tell whether every model is loaded, warm, and gave its golden answer."""
        return self.readiness().ready

    def readiness(self) -> Readiness:
        """Tell of each model whether it is ready, and if not, why."""
        return self._connection.ask(calls.readiness())

    def health(self) -> Health:
        """Tell that the server's event loop turns; raises ChiasmProblem where it does not."""
        return self._connection.ask(calls.health())

    def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        return self._connection.ask(calls.metrics())
