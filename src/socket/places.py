"""What is known here of the places that messages are written in, so that not every message has to ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from ..core.application import Application
from ..core.context import HookContext, Params
from ..models.quiet_hours import QuietHours, is_quiet
from .newest import Newest

KEPT: Final = timedelta(minutes=1)
"""So long a school's settings hold, in case the event of their change has not come from another node."""

SCHOOLS: Final = 1_000
CONVERSATIONS: Final = 10_000

Record = dict[str, Any]


class Quiet(NamedTuple):
    hours: QuietHours | None
    timezone: str
    read_at: datetime


class Schools:
    """Tells whether it is quiet in a school, from settings that are read again once they have changed."""

    def __init__(self, app: Application, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now
        self._known: Newest[str, Quiet] = Newest(SCHOOLS)
        self._changes = 0

    def register(self) -> None:
        for event in ("updated", "patched", "removed"):
            self._app.service("schools").on(event, self._changed)

    async def is_quiet(self, school_id: Any) -> bool:
        known, now = self._known.get(str(school_id)), self._now()
        if known is None or not timedelta(0) <= now - known.read_at < KEPT:
            known = await self._read(school_id, now)
        return is_quiet(known.hours, known.timezone, now)

    async def _read(self, school_id: Any, now: datetime) -> Quiet:
        changes = self._changes
        query = {"_id": school_id, "$select": ["timezone", "settings"]}
        (school,) = await _find(self._app, "schools", query)
        hours = school["settings"].get("quietHours")
        quiet = Quiet(None if hours is None else QuietHours.model_validate(hours), school["timezone"], now)
        if changes == self._changes:  # or it may be what the school had before
            self._known.put(str(school_id), quiet)
        return quiet

    def _changed(self, school: Record, _: HookContext | None = None) -> None:
        self._changes += 1
        self._known.pop(str(school["_id"]))


class Conversations:
    """Tells the kind of a conversation, which never changes."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._kinds: Newest[str, str] = Newest(CONVERSATIONS)

    async def is_direct(self, conversation_id: Any) -> bool:
        kind = self._kinds.get(str(conversation_id))
        if kind is None:
            query = {"_id": conversation_id, "$select": ["kind"]}
            (conversation,) = await _find(self._app, "conversations", query)
            kind = conversation["kind"]
            self._kinds.put(str(conversation_id), kind)
        return kind == "direct"


async def _find(app: Application, path: str, query: Record) -> list[Record]:
    found: list[Record] = await app.service(path).find(Params(query=query, paginate=False))
    return found
