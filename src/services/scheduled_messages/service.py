from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ReturnDocument

from ...core.adapters.beanie import BeanieService
from ...core.context import Params
from ...core.errors import BadRequest, Conflict
from ...models import ScheduledMessage
from ...models.lease import claim
from ...models.record import ANY_MOMENT, now
from ...models.scheduled_message import BY_DUE, BY_PLACE, BY_TIME, HAS_PLACE

MAX_WAITING: Final = 100
LEASE: Final = timedelta(minutes=1)
"""For so long nobody else sends what one process has taken out."""

HIDDEN: Final = ("place", "attempts")

Record = dict[str, Any]


class ScheduledMessagesService(BeanieService):
    """Messages that wait; ``claim``, ``settle`` and ``postpone`` are for who sends them."""

    def __init__(self, paginate: Mapping[str, int | None]) -> None:
        super().__init__(ScheduledMessage, tenant="schoolId", paginate=paginate)

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """Raises BadRequest where the user has 100 waiting messages."""
        while True:
            place = await self._free_place(data["userId"])
            # Another call may take the place first; each time that happens one more is taken for good.
            with suppress(Conflict):
                return await super().create({**data, "place": place}, params)

    async def claim(self, at: datetime) -> Record | None:
        """Take out the earliest message that is due, for as long as the lease; nobody else gets it then."""
        update: dict[str, Record] = {"$set": {"state": "SENDING"}, "$inc": {"attempts": 1}}
        its_time = {"sendAt": {"$lte": at}}
        return await claim(
            ScheduledMessage, "dueAt", at, LEASE, update, where=its_time, by="sendAt", hint=BY_TIME
        )

    async def settle(self, claimed: Mapping[str, Any], **changes: Any) -> Record | None:
        """Change what was claimed; None where the lease has run out and somebody else has it."""
        return await ScheduledMessage.documents().find_one_and_update(
            {"_id": claimed["_id"], "state": "SENDING", "dueAt": claimed["dueAt"]},
            {"$set": changes},
            return_document=ReturnDocument.AFTER,
        )

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

    async def next_due(self) -> datetime | None:
        first = await ScheduledMessage.documents().find_one(
            {"dueAt": ANY_MOMENT}, {"dueAt": 1}, sort=[("dueAt", 1)], hint=BY_DUE
        )
        return None if first is None else first["dueAt"]

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
