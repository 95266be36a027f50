"""The school's services, called as the client of a call: every hook and every rule holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.application import Application
from ...core.context import UNSET, Params
from ...core.errors import FeathersError
from ...core.pagination import Page
from ...core.shapes import is_list, is_mapping
from ...core.transports.calls import call_context
from .shapes import NAMES, Data


class Calls:
    """Of one client, whose ``params`` they get. Errors name fields as ``names`` has them for the school's."""

    def __init__(self, app: Application, params: Params, names: Mapping[str, str]) -> None:
        self._app = app
        self._params = params
        self._names = names

    @property
    def user_id(self) -> Any:
        return (self._params.user or {})["_id"]

    async def make(
        self,
        path: str,
        method: str,
        *,
        id: Any = UNSET,
        data: Any = UNSET,
        query: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Any:
        """What such a client gets for an answer. Raises what it raises."""
        service = self._app.service(path)
        inner = Params(self._params, query=dict(query or {}), route={}, **params)
        context = call_context(service, method, inner, id=id, data=data)
        try:
            await service.run(context)
        except FeathersError as error:
            if is_mapping(error.errors):
                own = {self._names.get(name, name): reason for name, reason in error.errors.items()}
                error.errors = own
            raise
        return context.outcome

    async def all(self, path: str, query: Mapping[str, Any]) -> list[Data]:
        """Every record that matches, on no page."""
        found: list[Data] = await self.make(path, "find", query=query, paginate=False)
        return found


def in_school_names(query: Mapping[str, Any]) -> Data:
    """A query in the names of the school."""
    return {NAMES.get(name, name): _renamed(value) for name, value in query.items()}


def _renamed(value: Any) -> Any:
    if is_mapping(value):
        return in_school_names(value)
    if is_list(value):
        return [_renamed(one) for one in value]
    return value


def shown_page(page: Page, records: Sequence[Data], selected: Any) -> Page:
    """The page with these records in place of its own, of which a ``$select`` leaves some fields."""
    return {**page, "data": [picked(record, selected) for record in records]}


def picked(record: Data, selected: Any) -> Data:
    if selected is None:
        return record
    names: list[str] = selected if is_list(selected) else [selected]
    return {name: value for name, value in record.items() if name in {"_id", "group_id", *names}}
