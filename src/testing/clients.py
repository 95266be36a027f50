"""What clients of both transports have in common: services to call, and errors that come back as raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..core.errors import BY_NAME, FeathersError, GeneralError
from ..core.shapes import is_mapping


class Calls(Protocol):
    async def call(
        self, method: str, path: str, *, id: Any = None, data: Any = None, query: Any = None
    ) -> Any: ...


class RemoteService:
    """A service as a client sees it.

    Results are JSON: times and ids are texts. A call that is refused raises the class of
    ``stonechat.errors`` that the server has raised.
    """

    def __init__(self, client: Calls, path: str) -> None:
        self.path = path
        self._client = client

    async def find(self, query: Mapping[str, Any] | None = None) -> Any:
        return await self._client.call("find", self.path, query=query)

    async def get(self, id: Any, query: Mapping[str, Any] | None = None) -> Any:
        return await self._client.call("get", self.path, id=id, query=query)

    async def create(self, data: Any, query: Mapping[str, Any] | None = None) -> Any:
        return await self._client.call("create", self.path, data=data, query=query)

    async def update(self, id: Any, data: Any, query: Mapping[str, Any] | None = None) -> Any:
        return await self._client.call("update", self.path, id=id, data=data, query=query)

    async def patch(self, id: Any, data: Any, query: Mapping[str, Any] | None = None) -> Any:
        """``id`` None means all records that the query finds."""
        return await self._client.call("patch", self.path, id=id, data=data, query=query)

    async def remove(self, id: Any, query: Mapping[str, Any] | None = None) -> Any:
        """``id`` None means all records that the query finds."""
        return await self._client.call("remove", self.path, id=id, query=query)

    async def call(self, method: str, data: Any, query: Mapping[str, Any] | None = None) -> Any:
        """Call a custom method."""
        return await self._client.call(method, self.path, data=data, query=query)


def error_of(body: Any) -> FeathersError:
    """The error that a server's JSON stands for."""
    if not is_mapping(body):
        return GeneralError(str(body))
    data = body.get("data")
    if "errors" in body:
        data = {**(data if is_mapping(data) else {}), "errors": body["errors"]}
    return BY_NAME.get(str(body.get("name")), GeneralError)(body.get("message"), data)
