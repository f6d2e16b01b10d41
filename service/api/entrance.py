"""Who and what is let in, decided in front of everything, so that saying no costs next to nothing.

At ten times the sustainable rate nine of ten requests are refused. Were each of them routed and
its body read first, the refusals would take the CPU that the tenth one needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.keys import OWNER, ApiKeys
from service.api.middleware import Exchange, Header
from service.api.problems import PROBLEM_CODE, problem_of
from service.api.query import remembered
from service.engine.deadline import Deadline
from service.engine.repository import Model, Repository
from service.errors import BadRequest, ChiasmError, Unauthorized, Unavailable
from service.telemetry import Metrics

NEVER = Deadline.never()
OBJECTION = "chiasm.objection"  # where a request's scope keeps why it is not let in, or None


@dataclass(frozen=True, slots=True)
class _Route:
    """What the router would have noted in the scope, had it been asked."""

    path: str


class Entrance:
    """Lets a request in with a key, while the model that it needs can take more.

    The request's own deadline, and everything else that may be wrong with it, is looked at
    behind the entrance.
    """

    def __init__(self, keys: ApiKeys, models: Repository, tasks: Mapping[str, str]) -> None:
        """Guard some paths.

        Args:
            keys: say whose a request is.
            models: the loaded models.
            tasks: the task that each guarded path asks for.
        """
        self._keys = keys
        self._models = models
        self._tasks = tasks
        self._routes = {path: _Route(path) for path in tasks}

    def objection(self, scope: Scope) -> ChiasmError | None:
        """Return why a request is not let in, or None; whose it is stays in its scope.

        It is decided when it is first asked for; whoever asks again is told the same.
        """
        if OBJECTION not in scope:
            scope[OBJECTION] = self._decide(scope)
        objection: ChiasmError | None = scope[OBJECTION]
        return objection

    def _decide(self, scope: Scope) -> ChiasmError | None:
        path = scope["path"]
        try:
            scope[OWNER] = caller = self._keys.owner(scope)
            if path in self._tasks:
                for model in self._wanted(self._tasks[path], scope["query_string"]):
                    model.pipeline.admission.check(NEVER, caller)
        except Unavailable as error:
            scope["route"] = self._routes[path]  # for the metrics' label
            return error
        except Unauthorized as error:
            return error
        except BadRequest:
            pass  # an unknown model: the route will say so
        return None

    def _wanted(self, task: str, query: bytes) -> list[Model]:
        names = _names(query) if b"model=" in query else (None,)
        return [self._models.find(task, name) for name in names]


@remembered
def _names(query: bytes) -> tuple[str | None, ...]:
    pairs = parse_qsl(query.decode("latin-1"))
    return tuple(value for key, value in pairs if key == "model") or (None,)


class Guard:
    """Answers what the entrance refuses; the body is not read, and the server discards it."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        """Wrap `app`."""
        self._app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and (objection := self._entrance.objection(scope)):
            await problem_of(objection)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is there as a whole."""

    status: int
    headers: list[Header]
    body: bytes


class Door:
    """Answers what the entrance refuses, for a server that asks before it makes a task.

    A task and the layers of a whole application take as long as the refusal itself. The answer,
    the metrics and the log line are those that there would be behind all of them.
    """

    def __init__(self, entrance: Entrance, metrics: Metrics, *, cors: bool) -> None:
        """Stand in front of the entrance.

        Args:
            entrance: decides.
            metrics: where refusals are counted.
            cors: pages of other origins may call, whose answers need headers from further in.
        """
        self._entrance = entrance
        self._metrics = metrics
        self._cors = cors

    def refuse(self, scope: Scope) -> Refusal | None:
        """Return the answer to a request that is refused, or None: the application has it."""
        try:
            objection = self._entrance.objection(scope)
        except Exception:  # noqa: BLE001  (a bug; the application meets it again, and answers it)
            return None
        if objection is None or (self._cors and _has_origin(scope)):
            return None
        with Exchange(scope, self._metrics) as exchange:
            response = problem_of(objection)
            scope[PROBLEM_CODE] = objection.code
            headers = exchange.answer(response.status_code, response.raw_headers)
            body = bytes(response.body)
            exchange.sends(body)
        return Refusal(response.status_code, headers, body)


def _has_origin(scope: Scope) -> bool:
    return any(name == b"origin" for name, _ in scope["headers"])
