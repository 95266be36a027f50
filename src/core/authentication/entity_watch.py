"""Keeps what live connections know of their user in step with what is stored."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from ..application import Application
from ..context import Connection, HookContext
from ..service import Service
from ..shapes import is_mapping
from .entities import Entities
from .logins import Logins

EVENTS: Final = ("patched", "updated", "removed")


class EntityWatch:
    """Listens to the entities' service, now or as soon as it is registered.

    ``changes`` counts what was heard of them: who has loaded an entity can tell whether it may be outdated.
    """

    def __init__(self, app: Application, entities: Entities, logins: Logins, name: str) -> None:
        self.changes = 0
        self._app = app
        self._entities = entities
        self._logins = logins
        self._name = name
        self._stale: set[str] = set()
        self._refreshing: set[str] = set()

    def attach(self) -> None:
        self._entities.on_registration(self._listen)

    def current(self, connection: Connection | None, user_id: str, within: float) -> dict[str, Any] | None:
        """The user of a connection, if it was loaded ``within`` so many seconds, and nobody has changed it.

        What other nodes change is heard of while the backplane is connected; without it nothing is certain.
        """
        if connection is None or self._logins.user_of(connection) != user_id:
            return None
        if user_id in self._refreshing or not self._app.backplane.is_connected:
            return None
        if not 0 <= self._logins.age_of(connection) < within:
            return None
        entity: dict[str, Any] | None = connection.get(self._name)
        return entity

    def loaded(self, connection: Connection | None, entity: dict[str, Any], changes: int) -> None:
        """``entity`` was loaded for its connection, when there had been so many ``changes``."""
        if connection is None or changes != self.changes:
            return
        if self._logins.user_of(connection) == self._entities.id_of(entity):
            connection[self._name] = entity
            self._logins.loaded(connection)

    async def refresh(self, user_id: str) -> None:
        """Load the user anew for its connections; close them if there is no such user any more.

        Events of the entities' service call it, which come from all nodes, and gaps between them.
        """
        self._stale.add(user_id)
        self._logins.outdated(user_id)
        if user_id in self._refreshing:
            return
        self._refreshing.add(user_id)
        try:
            # One at a time, until nothing changed while loading: the last load is the newest state.
            while user_id in self._stale:
                self._stale.discard(user_id)
                entity = await self._entities.load(user_id)
                for connection in self._logins.of_user(user_id):
                    if entity is None:
                        self._app.emit("disconnect", connection)
                    else:
                        connection[self._name] = entity
                        self._logins.loaded(connection)
        finally:
            self._refreshing.discard(user_id)
            self._stale.discard(user_id)

    def _listen(self, service: Service) -> None:
        for event in EVENTS:
            service.on(event, self._changed)

    def _changed(self, item: object, context: HookContext | None = None) -> Coroutine[Any, Any, None] | None:
        self.changes += 1
        user_id = item.get(self._entities.id_field) if is_mapping(item) else None
        if user_id is None and context is not None:
            user_id = context.id
        self._logins.outdated(str(user_id))  # at once: a task begins after who made the change is answered
        return self.refresh(str(user_id)) if self._logins.of_user(str(user_id)) else None
