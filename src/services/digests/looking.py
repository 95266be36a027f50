"""Looks, some time after new messages, who has been away ever since."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from ...core.application import Application
from ...core.context import Params
from ...core.jobs import Task
from ...core.service import Service
from ...models.record import now
from ...socket.absent import SETTING, Absent
from ...socket.disturbing import is_disturbing
from ...socket.newest import Newest
from .digest import DIGEST

LOOK: Final = "digest-look"
CONVERSATIONS: Final = 10_000


class Looking:
    """A look is at a conversation, so many ``minutes`` after the first message since the last look."""

    def __init__(self, app: Application, *, minutes: float) -> None:
        self._app = app
        self._delay = timedelta(minutes=minutes)
        # _due[conversationId] = when there is a look that was owed here
        self._due: Newest[str, datetime] = Newest(CONVERSATIONS)

    def published(self, service: Service, event: str, item: Any, error: Exception | None) -> None:
        """Listens to the application's ``published``: an event was told, by this node."""
        if service.path == "messages" and event == "created" and is_disturbing(item):
            _ = self._app.tasks.start(self._owe(item), name="owe a look for digests")

    async def look(self, task: Task) -> None:
        """``{conversationId, since}``."""
        conversation_id, since = task.payload["conversationId"], task.payload["since"]
        query = {"_id": conversation_id, "archivedAt": None, "$select": ["schoolId"]}
        found: list[Any] = await self._app.service("conversations").find(Params(query=query, paginate=False))
        if not found:
            return
        absent = cast("Absent", self._app.get(SETTING))
        for one in await absent.waiting(found[0], since, self._wishers):
            if not one.is_online:
                payload = {"userId": one.user_id, "since": one.message["createdAt"]}
                await self._app.jobs.owe(DIGEST, payload, key=str(one.user_id), school_id=task.school_id)

    async def _owe(self, message: Mapping[str, Any]) -> None:
        key, at = str(message["conversationId"]), now()
        due = self._due.get(key)
        if due is not None and at < due:
            return
        self._due.pop(key)
        self._due.put(key, at + self._delay)
        try:
            await self._app.jobs.owe(
                LOOK,
                {"conversationId": message["conversationId"], "since": message["createdAt"]},
                key=key,
                school_id=message["schoolId"],
                due=at + self._delay,
            )
        except BaseException:
            # The next message owes it then.
            self._due.pop(key)
            raise

    async def _wishers(self, ids: Sequence[Any]) -> Collection[Any]:
        """Of these users, those who want digests."""
        params = Params(
            query={"$select": ["userId", "emailDigest"]},
            restrict={"userId": {"$in": list(ids)}},
            paginate=False,
        )
        found = await self._app.service("notification-preferences").find(params)
        return {one["userId"] for one in found if one.get("emailDigest")}
