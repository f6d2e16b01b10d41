"""The three networks, loaded, and the pipeline through them."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from service.engine.deadline import Deadline
from service.engine.faces import FaceModels, FacePipeline, FaceRequest, Faces
from service.engine.pipeline import Decoded
from service.engine.repository import Repository
from service.imaging.picture import Picture
from tests.engine.faces.networks import NETWORKS, Sessions, write
from tests.engine.fakes import PATIENCE_S
from tests.engine.loading import Load

ALL = FaceRequest(embed=True)
NEVER = Deadline.never()


class Service:
    """Answers on one CPU, unless told otherwise."""

    def __init__(self, load: Load, directory: Path, sessions: Sessions, **limits: Any) -> None:
        self.sessions = sessions
        self.models: Repository = load(
            *write(directory), sessions=sessions, max_wait_s=1e9, **limits
        )
        self.pipeline = FacePipeline(FaceModels.of(self.models))

    def submit(
        self, picture: Picture, request: FaceRequest = ALL, deadline: Deadline = NEVER
    ) -> Future[Faces]:
        return self.pipeline.submit(Decoded(picture), request, deadline)

    def answer(self, picture: Picture, request: FaceRequest = ALL) -> Faces:
        return self.submit(picture, request).result(PATIENCE_S)

    def settle(self) -> None:
        """Wait until the pool's only thread has done all that was submitted so far."""
        self.models.pool.run(lambda: None).result(PATIENCE_S)

    def in_flight(self) -> list[int]:
        return [self.models.models[name].pipeline.in_flight for name in NETWORKS]
