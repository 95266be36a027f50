"""What stands before the sockets: who may not have one is told so before there is any."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qs

from ..application import Asgi, Receive, Scope, Send
from ..errors import BadRequest, FeathersError
from ..websocket import DENIAL
from .arrivals import Arrivals, address_of
from .origins import Origins
from .responses import error_response, respond


class Gate:
    """Lets through what comes from pages of known origins, and new sessions while there are not too many."""

    def __init__(self, asgi: Asgi, origins: Origins, arrivals: Arrivals) -> None:
        self._asgi = asgi
        self._origins = origins
        self._arrivals = arrivals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._admit(scope)
        except FeathersError as error:
            await _refuse(scope, send, error)
            return
        await self._asgi(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        self._origins.check(scope)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if "j" in query:
            # Any page may include a script, and read what it says.
            raise BadRequest("JSONP is not spoken here")
        if "sid" not in query and scope.get("method", "GET") == "GET":
            await self._arrivals.admit(address_of(scope))


async def _refuse(scope: Scope, send: Send, error: FeathersError) -> None:
    async def deny(message: MutableMapping[str, Any]) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    if scope["type"] == "http":
        await respond(send, scope["method"], *error_response(error))
    elif DENIAL in scope.get("extensions", {}):
        await respond(deny, "GET", *error_response(error))
    else:
        await send({"type": "websocket.close"})
