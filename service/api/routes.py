"""Routes whose endpoints read the request themselves, so that FastAPI only documents them."""

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    """Calls an endpoint that takes the request and returns a response, with nothing between.

    FastAPI solves dependencies, keeps exit stacks and looks for bodies at every request, which
    for the endpoints on pictures found nothing to do and took a quarter of the event loop's
    time. Errors are met where they would be: by the application's exception handlers.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is this route's."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # which says which methods there are
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
