"""A service with all that the wire knows: own errors, a custom method and event, the HTTP response."""

from __future__ import annotations

from typing import Any

from examples.conformance.ids import with_both_ids
from stonechat import Application, HookContext, Http, MemoryService, Params, errors
from stonechat.core.shapes import is_mapping

METHODS = ("find", "get", "create", "update", "patch", "remove", "customMethod")


class Todos(MemoryService):
    async def get(self, id: Any, params: Params | None = None) -> dict[str, Any]:
        query = {} if params is None else params.query
        if "error" in query:
            raise RuntimeError("Something went wrong")
        if "feathersError" in query:
            raise errors.NotAcceptable("This is a Feathers error", {"data": True})
        return {"query": query, **await super().get(id)}

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        if params is not None and "noContent" in params.query:
            return None
        if id is None:
            return {"id": None, "text": "deleted many"}
        return await super().remove(id, params)

    async def customMethod(self, data: Any, params: Params) -> dict[str, Any]:  # noqa: N802 - the wire's name
        return {"data": data, "provider": params.provider, "type": "customMethod"}

    async def internalMethod(self, data: Any, params: Params) -> Any:  # noqa: N802
        """Not among the methods that clients may call."""
        return data


def todos(app: Application) -> None:
    app.use("todos", Todos(multi=True), methods=METHODS, events=["log"])
    app.service("todos").hooks({"after": {"all": [with_both_ids], "create": [as_asked]}})


def as_asked(context: HookContext) -> None:
    """Emit an event, or choose the response, as the new todo says."""
    data = context.data
    if not is_mapping(data):
        return
    if data.get("emitLog"):
        context.service.emit("log", {"message": "Custom log event", "data": data})
    if data.get("status"):
        context.http = Http(status=data["status"], headers={"X-Foo": "bar"})
    if data.get("location"):
        context.http.location = data["location"]
    if data.get("dispatchOnly"):
        context.dispatch = {"id": context.result["id"], "fromDispatch": True}
