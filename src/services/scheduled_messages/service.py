from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo import ReturnDocument

from ...core.context import Params
from ...core.errors import BadRequest, Conflict
from ...models import ScheduledMessage
from ...models.lease import claim
from ...models.opened import OpenedService
from ...models.record import ANY_MOMENT, now
from ...models.scheduled_message import BY_DUE, BY_PLACE, BY_TIME, HAS_PLACE
from ...models.sealing import SCHEDULED
from ...models.vault import Vault

MAX_WAITING: Final = 100
LEASE: Final = timedelta(minutes=1)
"""For so long nobody else sends what one process has taken out."""

HIDDEN: Final = ("place", "attempts")

Record = dict[str, Any]


class ScheduledMessagesService(OpenedService):
    """Messages that wait; ``claim``, ``settle`` and ``postpone`` are for who sends them."""

    def __init__(self, vault: Vault, paginate: Mapping[str, int | None]) -> None:
        super().__init__(ScheduledMessage, SCHEDULED, vault, tenant="schoolId", paginate=paginate)

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Raises BadRequest where the user has 100 waiting messages."""
        data = {**data, "_id": ObjectId()}
        version = await self.vault.version_of(data["conversationId"])
        data |= await self.vault.seal(SCHEDULED, data, version)
        while True:
            place = await self._free_place(data["userId"])
            # Another call may take the place first; each time that happens one more is taken for good.
            with suppress(Conflict):
                stored: Any = await super().create({**data, "place": place}, params)
                await self._seal_late(stored, version)
                return stored

    async def patch(self, id: Any, data: Any, params: Params | None = None) -> Any:
        if "content" not in data or not self.vault.is_ready:
            return await super().patch(id, data, params)
        stored = await self.get(id, Params(params or {}, query={}))
        version = await self.vault.version_of(stored["conversationId"])
        sealed = await self.vault.seal(SCHEDULED, {**stored, **data}, version)
        patched: Any = await super().patch(id, {**data, **sealed}, params)
        await self._seal_late({**stored, **data}, version)
        return patched

    async def claim(self, at: datetime, **where: Any) -> Record | None:
        """Take out the earliest message that is due, for as long as the lease; nobody else gets it then."""
        update: dict[str, Record] = {"$set": {"state": "SENDING"}, "$inc": {"attempts": 1}}
        its_time = {"sendAt": {"$lte": at}, **where}
        claimed = await claim(
            ScheduledMessage, "dueAt", at, LEASE, update, where=its_time, by="sendAt", hint=BY_TIME
        )
        return await self._opened_if_any(claimed)

    async def settle(self, claimed: Mapping[str, Any], **changes: Any) -> Record | None:
        """Change what was claimed; None where the lease has run out and somebody else has it."""
        changed = await ScheduledMessage.documents().find_one_and_update(
            {"_id": claimed["_id"], "state": "SENDING", "dueAt": claimed["dueAt"]},
            {"$set": changes},
            return_document=ReturnDocument.AFTER,
        )
        return await self._opened_if_any(changed)

    async def postpone(self, claimed: Mapping[str, Any], until: datetime) -> Record | None:
        """Have it wait until then, and with it the sender's others there, which must not overtake it."""
        others = {
            "userId": claimed["userId"],
            "conversationId": claimed["conversationId"],
            "place": HAS_PLACE,
            "state": "WAITING",
            "dueAt": {"$lt": until},
        }
        await ScheduledMessage.documents().update_many(others, {"$set": {"dueAt": until}}, hint=BY_PLACE)
        return await self.settle(claimed, state="WAITING", dueAt=until)

    async def next_due(self, **where: Any) -> datetime | None:
        first = await ScheduledMessage.documents().find_one(
            {"dueAt": ANY_MOMENT, **where}, {"dueAt": 1}, sort=[("dueAt", 1)], hint=BY_DUE
        )
        return None if first is None else first["dueAt"]

    async def schools_due(self, at: datetime) -> list[Any]:
        """The ids of the schools of which something is due."""
        return await ScheduledMessage.documents().distinct("schoolId", {"dueAt": {**ANY_MOMENT, "$lte": at}})

    async def _seal_late(self, stored: Mapping[str, Any], version: int) -> None:
        """Who has encrypted the conversation since it was looked at may not have seen what was written."""
        if version or not (since := await self.vault.version_of(stored["conversationId"])):
            return
        sealed = await self.vault.seal(SCHEDULED, stored, since)
        as_stored = {name: stored[name] for name in ("_id", *sealed)}
        await ScheduledMessage.documents().update_one(as_stored, {"$set": sealed})

    async def _opened_if_any(self, record: Record | None) -> Record | None:
        if record is not None:
            await self.vault.open(SCHEDULED, [record])
        return record

    async def _free_place(self, user_id: Any) -> int:
        waiting = {"userId": user_id, "place": HAS_PLACE}
        found = ScheduledMessage.documents().find(waiting, {"place": 1}, hint=BY_PLACE)
        taken = {one["place"] async for one in found}
        free = [place for place in range(MAX_WAITING) if place not in taken]
        if not free:
            raise BadRequest(f"At most {MAX_WAITING} messages may wait", {"limit": MAX_WAITING})
        return random.choice(free)  # noqa: S311 - so that calls at one time seldom choose the same


def settled(**changes: Any) -> dict[str, Any]:
    """The changes of what will not be tried again."""
    return {**changes, "dueAt": None, "place": None, "expiresAt": now() + timedelta(days=30)}
