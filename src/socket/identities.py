"""Who a user is, as it is stored, and as nodes tell each other."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..core.application import Application
from ..core.context import Params
from ..core.errors import NotFound
from ..hooks.access import PLACES
from .connections import Identity, Role
from .status import Status


class Identities:
    """Reads identities; what changes while it reads is read again, if it is `noted`."""

    def __init__(self, app: Application) -> None:
        self._app = app
        # _reads[userId] = how many reads are under way; _changes[userId] = changes since the first began
        self._reads: Counter[str] = Counter()
        self._changes: Counter[str] = Counter()

    def noted(self, user_id: str) -> None:
        """The user's role, places or status have changed."""
        if user_id in self._reads:
            self._changes[user_id] += 1

    async def stored(self, user_id: str) -> Identity | None:
        """The user's identity as it is stored at this moment; None if removed."""
        self._reads[user_id] += 1
        try:
            while True:
                changes = self._changes[user_id]
                try:
                    user = await self._app.service("users").get(user_id)
                except NotFound:
                    return None
                class_ids = await self._class_ids(user_id, user["role"])
                if changes == self._changes[user_id]:
                    status = Status(user.get("status", "available"), user.get("statusText", ""))
                    return Identity(user_id, str(user["schoolId"]), user["role"], class_ids, status)
        finally:
            self._reads[user_id] -= 1
            if not self._reads[user_id]:
                del self._reads[user_id], self._changes[user_id]

    async def _class_ids(self, user_id: str, role: Role) -> frozenset[str]:
        if role not in PLACES:
            return frozenset()
        query = {"userId": user_id, "$select": ["classId"]}
        places = await self._app.service(PLACES[role]).find(Params(query=query, paginate=False))
        return frozenset(str(place["classId"]) for place in places)


def as_value(identity: Identity) -> dict[str, Any]:
    """``{role, classIds, status, text}``: what a node holds of a user whom it has."""
    return {"role": identity.role, "classIds": sorted(identity.class_ids), **identity.status.told()}


def of_value(user_id: str, school_id: str, value: dict[str, Any]) -> Identity:
    status = Status(value["status"], value["text"])
    return Identity(user_id, school_id, value["role"], frozenset(value["classIds"]), status)
