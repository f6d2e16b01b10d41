"""Routes whose endpoints read the request themselves, so that FastAPI only documents them."""

from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import problem_of
from service.errors import ChiasmError


class DirectRoute(APIRoute):
    """Calls an endpoint that takes the request and returns a response, with nothing between.

    FastAPI solves dependencies, keeps exit stacks and looks for bodies at every request, which
    for the endpoints on pictures found nothing to do and took a quarter of the event loop's
    time.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is this route's."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # which says which methods there are
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


class Shortcut:
    """Takes a request straight to its direct route; only what is left over walks the routers.

    The routers try their routes one after the other, twice, on three levels, and wrap what they
    find in layers of error handling of which one, here, is enough.
    """

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        """Wrap `app`.

        Args:
            app: what has the same routes, and all others.
            routers: those whose direct routes have a way of their own.
        """
        self._app = app
        self._routes = {
            route.path: route
            for router in routers
            for route in router.routes
            if isinstance(route, DirectRoute)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        route = self._routes.get(scope.get("path", ""))
        if route is None or scope["method"] not in (route.methods or ()):
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        try:
            await route.handle(scope, receive, send)
        except ChiasmError as error:
            await problem_of(error)(scope, receive, send)
