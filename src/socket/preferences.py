"""What people want to be disturbed by, so that not every message has to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ..core.application import Application
from ..core.context import HookContext, Params
from .newest import Newest
from .places import KEPT

PATH: Final = "notification-preferences"
PEOPLE: Final = 10_000

DEFAULT: Final[Mapping[str, Any]] = {
    "level": "all",
    "duringQuietHours": False,
    "sound": True,
    "emailDigest": False,
}
"""Of who has never chosen anything."""

Preference = Mapping[str, Any]


class _Known(NamedTuple):
    preference: Preference
    read_at: datetime


class Preferences:
    """Of each user what was read last, until it changes: events tell of that, from all nodes."""

    def __init__(self, app: Application, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now
        self._known: Newest[str, _Known] = Newest(PEOPLE)
        self._changes = 0

    def register(self) -> None:
        for event in ("created", "updated", "patched", "removed"):
            self._app.service(PATH).on(event, self._changed)

    async def of(self, ids: Iterable[Any]) -> dict[str, Preference]:
        """By user, ids as they are stored."""
        now, found, unknown = self._now(), dict[str, Preference](), list[Any]()
        for stored_id in ids:
            known = self._known.get(str(stored_id))
            if known is None or now - known.read_at > KEPT:
                unknown.append(stored_id)
            else:
                found[str(stored_id)] = known.preference
        return found | await self._read(unknown, now) if unknown else found

    async def _read(self, ids: list[Any], now: datetime) -> dict[str, Preference]:
        changes = self._changes
        params = Params(query={"$select": ["userId", *DEFAULT]}, paginate=False)
        # There may be more people than a list in a query may be long.
        params["restrict"] = {"userId": {"$in": ids}}
        stored: list[dict[str, Any]] = await self._app.service(PATH).find(params)
        chosen: dict[str, Preference] = {str(one["userId"]): {**DEFAULT, **one} for one in stored}
        read = {str(user_id): chosen.get(str(user_id), DEFAULT) for user_id in ids}
        if changes == self._changes:  # or it may be what somebody had before
            for user_id, preference in read.items():
                self._known.put(user_id, _Known(preference, now))
        return read

    def _changed(self, preference: Preference, _: HookContext | None = None) -> None:
        self._changes += 1
        self._known.pop(str(preference["userId"]))
