"""The server of `bench.contestants.litserve`."""

import os
import sys
from typing import Any

import litserve
from fastapi import Request
from PIL import Image

from bench.contestants.by_the_book import Book, one_thread


class PictureAPI(litserve.LitAPI):  # type: ignore[misc]
    """One model behind one path."""

    def __init__(self, task: str) -> None:
        """Answer at `/task`."""
        super().__init__(api_path=f"/{task}")
        self._name = task

    def setup(self, device: str) -> None:  # noqa: ARG002  (there is one)
        """Load the model; called once in each worker."""
        self._book = Book(self._name, one_thread())

    def decode_request(self, request: Request) -> Image.Image:
        """Return the uploaded picture."""
        return Image.open(request["image"].file)  # a form, by the time it gets here

    def predict(self, x: Image.Image) -> dict[str, object]:
        """Return the answer."""
        return self._book.answer(x)

    def encode_response(self, output: dict[str, object]) -> dict[str, Any]:
        """Return it as it is."""
        return output


def main(port: int) -> None:
    """Serve until told to stop."""
    server = litserve.LitServer(
        [PictureAPI(task) for task in ("classify", "digit", "detect")],
        accelerator="cpu",
        workers_per_device=len(os.sched_getaffinity(0)),
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
