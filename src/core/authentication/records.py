"""What authentication keeps for itself in services of the application."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ..application import Application
from ..context import HookContext, Params
from ..errors import NotFound
from ..service import Service
from ..shapes import is_list, is_mapping

Record = dict[str, Any]


class Records:
    """The records of a service, by any adapter; calls of own code, of which no event tells.

    ``patch`` and ``remove`` rest on the adapter's doing them in one step with the query's
    conditions, as those of the framework do: of several calls at once, one finds its record.
    """

    def __init__(self, app: Application, path: str) -> None:
        self.path = path
        self._app = app

    def verify(self) -> None:
        """Raises LookupError without the service, ValueError where clients may call it."""
        if self._service.methods:
            raise ValueError(f"service '{self.path}' is for own code only: register it with methods=()")

    async def find(self, query: Mapping[str, Any]) -> list[Record]:
        return found_records(await self._run("find", query=query))

    async def create(self, data: Mapping[str, Any]) -> Record:
        created: Record = await self._run("create", data=data)
        return created

    async def patch(
        self, record: Record, data: Mapping[str, Any], query: Mapping[str, Any] | None = None
    ) -> Record | None:
        """None where the record is gone or no longer fulfils ``query``."""
        return await self._one("patch", record, data=data, query=query)

    async def remove(self, record: Record) -> Record | None:
        """None where somebody else has removed it."""
        return await self._one("remove", record)

    @property
    def _service(self) -> Service:
        return self._app.service(self.path)

    @property
    def _id_field(self) -> str:
        field: str = getattr(self._service.wrapped, "id", "_id")
        return field

    async def _one(self, method: str, record: Record, **call: Any) -> Record | None:
        try:
            changed: Record = await self._run(method, id=record[self._id_field], **call)
        except NotFound:
            return None
        return changed

    async def _run(
        self, method: str, *, id: Any = None, data: Any = None, query: Mapping[str, Any] | None = None
    ) -> Any:
        params = Params(query=dict(query or {}), paginate=False)
        context = HookContext(self._service, method, id=id, data=data, params=params)
        context.event = None
        return (await self._service.run(context)).result


def found_records(found: Any) -> list[Record]:
    """The records in what ``find`` of any service returned, a page or a list."""
    items: Any = found.get("data") if is_mapping(found) else found
    return [dict(item) for item in items if is_mapping(item)] if is_list(items) else []


def fingerprint(token: str) -> str:
    """What is stored of a token. It is too random to be guessed from its hash: no salt, no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
