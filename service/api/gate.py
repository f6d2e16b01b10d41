"""Refuses overload in front of everything, so that saying no costs next to nothing.

At ten times the sustainable rate nine of ten requests are refused. Were each of them routed and
its body read first, the refusals would take the CPU that the tenth one needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.middleware import OWNER
from service.api.problems import problem_of
from service.api.query import remembered
from service.engine.deadline import Deadline
from service.engine.repository import Model, Repository
from service.errors import BadRequest, Unavailable

NEVER = Deadline.never()


@dataclass(frozen=True, slots=True)
class _Route:
    """What the router would have noted in the scope, had it been asked."""

    path: str


class Gate:
    """Answers 503 at once when the model that a request needs has too much in hand, or 429.

    The request's own deadline, and everything else that may be wrong with it, is looked at
    behind the gate; the body is not read here, and the server discards what still arrives.
    """

    def __init__(self, app: ASGIApp, models: Repository, tasks: Mapping[str, str]) -> None:
        """Wrap `app`.

        Args:
            app: what is behind the gate.
            models: the loaded models.
            tasks: the task that each guarded path asks for.
        """
        self._app = app
        self._models = models
        self._tasks = tasks
        self._routes = {path: _Route(path) for path in tasks}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        task = self._tasks.get(scope.get("path", ""))
        if task is not None:
            try:
                for model in self._wanted(task, scope["query_string"]):
                    model.pipeline.admission.check(NEVER, scope.get(OWNER, ""))
            except Unavailable as error:
                scope["route"] = self._routes[scope["path"]]  # for the metrics' label
                await problem_of(error)(scope, receive, send)
                return
            except BadRequest:
                pass  # an unknown model: the route will say so
        await self._app(scope, receive, send)

    def _wanted(self, task: str, query: bytes) -> list[Model]:
        names = _names(query) if b"model=" in query else (None,)
        return [self._models.find(task, name) for name in names]


@remembered
def _names(query: bytes) -> tuple[str | None, ...]:
    pairs = parse_qsl(query.decode("latin-1"))
    return tuple(value for key, value in pairs if key == "model") or (None,)
