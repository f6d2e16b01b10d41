"""The service of `bench.contestants.bentoml`."""

from typing import Any

import bentoml
from PIL.Image import Image

from bench.contestants.by_the_book import Book, one_thread


@bentoml.service(workers="cpu_count", logging={"access": {"enabled": False}})
class Pictures:
    """Every model behind a path of its own."""

    def __init__(self) -> None:
        """Load the models; called once in each worker."""
        self._classifier = Book("classify", one_thread())
        self._digits = Book("digit", one_thread())
        self._detector = Book("detect", one_thread())

    @bentoml.api
    def classify(self, image: Image) -> dict[str, Any]:
        """Name what a picture shows."""
        return self._classifier.answer(image)

    @bentoml.api
    def digit(self, image: Image) -> dict[str, Any]:
        """Read a digit."""
        return self._digits.answer(image)

    @bentoml.api
    def detect(self, image: Image) -> dict[str, Any]:
        """Say where things are."""
        return self._detector.answer(image)
