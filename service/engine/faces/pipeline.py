"""From a picture to its faces: three networks in a row, without a thread that waits for another."""

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from service.engine.admission import Ticket
from service.engine.deadline import Deadline
from service.engine.faces.look import Kept, Look, ratio
from service.engine.faces.models import FaceModels
from service.engine.faces.result import FaceRequest, Faces, face_of, picked
from service.engine.pipeline import Answer, Source, Timings
from service.engine.repository import Model
from service.errors import DeadlineExceeded
from service.tasks.base import Options
from service.tasks.faces.detect import FaceDetections
from service.tasks.faces.embed import FaceEmbedOptions
from service.tasks.faces.landmarks import FaceLandmarksOptions, FaceRegion, Landmarks


@dataclass(frozen=True, slots=True)
class FacePipeline:
    """Puts pictures to the three networks; each of them batches faces of any requests together."""

    models: FaceModels

    def submit(
        self, source: Source, request: FaceRequest, deadline: Deadline, *, caller: str = ""
    ) -> Future[Faces]:
        """Start a picture on its way; cancelling the future drops what has not begun.

        The request is admitted by all networks that it needs, or by none, before any work is done.

        Args:
            source: the picture.
            request: what is wanted of it.
            deadline: the request's.
            caller: whose request it is, where callers are told apart.

        Raises:
            Overloaded, ShareExceeded, ShuttingDown: it was not admitted.
        """
        tickets = _admit(self.models.asked(request), deadline, caller)
        flight = _Flight(self.models, Kept(source), request, deadline, tickets)
        flight.resume()
        return flight.answer


def _admit(models: Sequence[Model], deadline: Deadline, caller: str) -> dict[str, Ticket]:
    tickets: dict[str, Ticket] = {}
    try:
        for model in models:
            tickets[model.task] = model.pipeline.admission.admit(deadline, caller)
    except BaseException:
        for ticket in tickets.values():
            ticket.release(completed=False)
        raise
    return tickets


class _Flight:
    """One picture on its way; `_steps` reads from top to bottom, and runs whenever it can go on."""

    def __init__(
        self,
        models: FaceModels,
        kept: Kept,
        request: FaceRequest,
        deadline: Deadline,
        tickets: dict[str, Ticket],
    ) -> None:
        self.answer: Future[Faces] = Future()
        self._models = models
        self._kept = kept
        self._request = request
        self._deadline = deadline
        self._tickets = tickets
        self._stages: dict[str, Timings] = {}
        self._waits_for: list[Future[Answer]] = []
        self._course = self._steps()
        # Not of this flight, which has the picture and the answer: nothing frees a circle at once.
        self.answer.add_done_callback(partial(_settled, tickets, self._waits_for))

    def resume(self, done: Future[Answer] | None = None) -> None:
        """Go on with what a network said, on the thread that it said it on."""
        self._waits_for.clear()
        if self.answer.cancelled():
            self._course.close()
            return
        try:
            following = self._course.send(done.result()) if done else next(self._course)
        except StopIteration as end:
            if self.answer.set_running_or_notify_cancel():
                self.answer.set_result(end.value)
        except Exception as error:  # noqa: BLE001  (it belongs to the caller, whatever it is)
            self._course.close()
            if self.answer.set_running_or_notify_cancel():
                self.answer.set_exception(error)
        else:
            self._waits_for.append(following)
            if self.answer.cancelled():  # meanwhile; then `_settled` may not have seen this one
                following.cancel()
            following.add_done_callback(self.resume)

    def _steps(self) -> Generator[Future[Answer], Answer, Faces]:
        models, request = self._models, self._request
        answer = yield self._ask(models.detect, self._kept, request.detect)
        self._stages[models.detect.task] = answer.timings
        found = picked(answer.result, request)
        marked, encoded = None, None
        if len(found) and models.landmarks.task in self._tickets:
            regions = _regions(found)
            crops = [models.crop.crop(region) for region in regions]
            side = models.encoder.side if models.embed.task in self._tickets else models.crop.side
            source = Look(self._kept, ratio(crops, side / models.crop.side))
            answer = yield self._ask(models.landmarks, source, FaceLandmarksOptions(faces=regions))
            self._stages[models.landmarks.task] = answer.timings
            marked = answer.result
        if marked is not None and models.embed.task in self._tickets:
            chips = [models.encoder.chip(points) for points in marked.points_source]
            source = Look(self._kept, ratio(chips))
            answer = yield self._ask(models.embed, source, _embed_options(marked, request))
            self._stages[models.embed.task] = answer.timings
            encoded = answer.result
        limits, size = models.encoder.config.quality, answer.size
        faces = tuple(
            face_of(index, found, marked, encoded, limits=limits, size=size)
            for index in range(len(found))
        )
        return Faces(faces=faces, truncated=found.truncated, size=size, stages=self._stages)

    def _ask(self, model: Model, source: Source, options: Options) -> Future[Answer]:
        ticket = self._tickets[model.task]
        return model.pipeline.submit(source, options, self._deadline, ticket=ticket)


def _settled(
    tickets: Mapping[str, Ticket], waits_for: Sequence[Future[Answer]], answer: Future[Faces]
) -> None:
    late = not answer.cancelled() and isinstance(answer.exception(), DeadlineExceeded)
    for ticket in tickets.values():
        ticket.release(completed=not answer.cancelled() and not late)
    if answer.cancelled():
        for stage in tuple(waits_for):
            stage.cancel()


def _regions(found: FaceDetections) -> tuple[FaceRegion, ...]:
    corners = found.whole_boxes_source.tolist()
    return tuple(
        FaceRegion(box=(x1, y1, x2, y2), roll=roll)
        for (x1, y1, x2, y2), roll in zip(corners, found.rolls.tolist(), strict=True)
    )


def _embed_options(marked: Landmarks, request: FaceRequest) -> FaceEmbedOptions:
    faces = tuple(tuple((x, y) for x, y in points) for points in marked.points_source.tolist())
    return FaceEmbedOptions(faces=faces, accuracy=request.accuracy)
