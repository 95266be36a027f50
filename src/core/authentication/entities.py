"""The entities that log in (users, as a rule), as their service knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..application import Application
from ..context import HookContext, Params
from ..errors import NotFound
from ..routing import strip_path
from ..service import Service
from ..shapes import is_mapping
from .records import found_records

Accepts = Callable[[Mapping[str, Any]], bool]


class Entities:
    """Looks entities up by calls of own code, whose params come from no client.

    An entity that ``accepts`` refuses is as good as absent.
    """

    def __init__(self, app: Application, path: str, id_field: str, accepts: Accepts | None = None) -> None:
        self.path = path
        self.id_field = id_field
        self._app = app
        self._accepts = accepts

    @property
    def service(self) -> Service:
        """Raises LookupError while there is none."""
        return self._app.service(self.path)

    @property
    def is_choosy(self) -> bool:
        """Whether there may be entities that exist and are refused."""
        return self._accepts is not None

    def on_registration(self, callback: Callable[[Service], object]) -> None:
        """Call back with the entities' service, now or as soon as it is registered, each time it is."""
        path = strip_path(self.path)

        def mixin(service: Service, registered_path: str, options: object) -> None:
            if registered_path == path:
                callback(service)

        self._app.mixins.append(mixin)
        if path in self._app.services:
            callback(self._app.services[path])

    def id_of(self, entity: Mapping[str, Any]) -> str:
        return str(entity[self.id_field])

    async def load(self, id: str) -> dict[str, Any] | None:
        try:
            return self._accepted(await self.service.get(id, Params()))
        except NotFound:
            return None

    async def find(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        accepted = [self._accepted(entity) for entity in await self.known(query)]
        return [entity for entity in accepted if entity is not None]

    async def known(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        """Those that are refused too: who would be made a second time is none that is missing."""
        return found_records(await self.service.find(Params(query=query, paginate=False)))

    async def visible(self, entity: Mapping[str, Any], name: str) -> Any:
        """What the entity may see of itself: its service's dispatch for it. Raises NotFound."""
        params = Params({name: entity, "authenticated": True})
        context = HookContext(self.service, "get", id=self.id_of(entity), params=params)
        return (await self.service.run(context)).outcome

    def _accepted(self, entity: Any) -> dict[str, Any] | None:
        if not is_mapping(entity) or (self._accepts is not None and not self._accepts(entity)):
            return None
        return dict(entity)
