"""Socket events as calls: ``(method, path, ...arguments)`` of Feathers' clients, and own named events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from ...application import Application
from ...context import (
    METHODS_WITH_ID,
    METHODS_WITHOUT_DATA,
    POSITION_OF_PARAMS,
    STANDARD_METHODS,
    UNSET,
    Connection,
    HookContext,
    Params,
)
from ...errors import BadRequest, MethodNotAllowed, NotFound
from ...shapes import is_mapping
from ..calls import call_context, public_error

NamedHandler = Callable[[Connection, Any], Awaitable[Any]]


class Calls:
    """Answers every event of every socket.

    Handlers are looked up at each event, so a service registered later is known to open sockets too.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._named: dict[str, NamedHandler] = {}

    def on(self, event: str, handler: NamedHandler) -> None:
        """Raises ValueError for an event that is handled already or is a service method's name."""
        if event in self._named or event in STANDARD_METHODS:
            raise ValueError(f"the event '{event}' is taken")
        for observer in self._app.observers:
            handler = observer.event(event, handler)
        self._named[event] = handler

    async def ask(self, connection: Connection, event: str, data: dict[str, Any]) -> Any:
        """What the handler of an own event answers. Raises whatever it raises."""
        return await self._named[event](connection, data)

    async def answer(self, connection: Connection, event: str, arguments: list[Any]) -> list[Any]:
        """What is acknowledged: ``[null, result]`` or ``[error]`` of a call, ``[result]`` of an own event."""
        named = self._named.get(event)
        if named is not None:
            return [await _answer_named(named, connection, arguments)]
        try:
            context = self._context(connection, event, arguments)
            await context.service.run(context)
        except Exception as error:  # noqa: BLE001 - every failure is acknowledged
            return [public_error(error).to_json()]
        return [None, context.outcome]

    def _context(self, connection: Connection, method: str, arguments: list[Any]) -> HookContext:
        path = arguments[0] if arguments else None
        match = self._app.lookup(path) if isinstance(path, str) else None
        if match is None:
            if not any(method in service.methods for service in self._app.services.values()):
                raise MethodNotAllowed(f"No service has a method '{method}'")
            raise NotFound(f"Service '{path}' not found" if isinstance(path, str) else "Invalid service path")
        service = match.value
        if method not in service.methods:
            raise MethodNotAllowed(f"Method '{method}' not allowed on service '{path}'")
        given = arguments[1:]
        position = POSITION_OF_PARAMS.get(method, 1)
        if len(given) > position + 1:
            raise BadRequest(f"Too many arguments for '{method}' method")
        query = given[position] if len(given) > position else None
        if query is not None and not is_mapping(query):
            raise BadRequest(f"The query of '{method}' must be an object")
        params = Params(connection)
        params["query"] = dict(cast("dict[str, Any]", query or {}))
        params["route"] = {**service.route_params, **match.route}
        params["connection"] = connection
        takes_id, takes_data = method in METHODS_WITH_ID, method not in METHODS_WITHOUT_DATA
        identifier = given[0] if takes_id and given else UNSET
        data = given[takes_id] if takes_data and len(given) > takes_id else UNSET
        return call_context(service, method, params, id=identifier, data=data)


async def _answer_named(handler: NamedHandler, connection: Connection, arguments: list[Any]) -> Any:
    try:
        return await handler(connection, only_object(arguments))
    except Exception as error:  # noqa: BLE001 - every failure is acknowledged
        return {"error": public_error(error).to_json()}


def only_object(arguments: list[Any]) -> dict[str, Any]:
    """Raises BadRequest for other arguments than one object."""
    if len(arguments) != 1 or not is_mapping(arguments[0]):
        raise BadRequest("The event takes one object as its argument", {"arguments": len(arguments)})
    return dict(arguments[0])
