"""Ends the sessions of who is removed, may no longer log in, or has another password."""

from __future__ import annotations

from typing import Final

from ..context import HookContext
from ..hooks import Next
from ..service import Service
from ..shapes import is_list, is_mapping
from .entities import Entities
from .sessions import KEEPS_SESSIONS, Sessions, session_of

CHANGING_METHODS: Final = ("update", "patch", "remove")


class SessionGuard:
    """Around the methods of the entities' service that change them, whoever calls, before they answer.

    Who changes the own password keeps the session in which this is done.
    """

    def __init__(self, entities: Entities, sessions: Sessions, password_field: str) -> None:
        self._entities = entities
        self._sessions = sessions
        self._password_field = password_field

    def attach(self) -> None:
        self._entities.on_registration(self._watch)

    def _watch(self, service: Service) -> None:
        methods: list[str] = [method for method in CHANGING_METHODS if method in service.hooked]
        service.hooks({"around": dict.fromkeys(methods, self._around)})

    async def _around(self, context: HookContext, next: Next) -> None:
        await next()
        changed = context.result if is_list(context.result) else [context.result]
        for entity in changed:
            found = entity.get(self._entities.id_field) if is_mapping(entity) else None
            user_id = str(context.id if found is None else found)
            if await self._must_leave(user_id, context):
                await self._sessions.end_all(user_id, but=session_of(context.params))

    async def _must_leave(self, user_id: str, context: HookContext) -> bool:
        if context.method == "remove":
            return True
        if self._password_field in context.data and not context.params.get(KEEPS_SESSIONS):
            return True
        return self._entities.is_choosy and await self._entities.load(user_id) is None
