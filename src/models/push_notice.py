from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from beanie import PydanticObjectId
from pymongo import ASCENDING, IndexModel, UpdateOne

from .record import SchoolRecord, index, now

KEPT: Final = timedelta(days=30)


class PushNotice(SchoolRecord):
    """What the devices of a user were last pushed of a conversation: the message with ``seq``.

    ``shown`` until the user has read it somewhere, which the devices are told of.
    """

    user_id: PydanticObjectId
    conversation_id: PydanticObjectId
    seq: int
    shown: bool = True
    expires_at: datetime

    class Settings:
        name = "push-notices"
        indexes = [  # noqa: RUF012 - beanie's form
            index("userId", "conversationId", unique=True),
            IndexModel([("expiresAt", ASCENDING)], name="expiresAt", expireAfterSeconds=0),
        ]


async def pushed_up_to(user_ids: Iterable[Any], conversation_id: Any) -> dict[Any, int]:
    """By user the newest ``seq`` that was pushed, of those to whom any was."""
    which = {"userId": {"$in": list(user_ids)}, "conversationId": conversation_id}
    found = PushNotice.documents().find(which, {"userId": 1, "seq": 1})
    return {one["userId"]: one["seq"] async for one in found}


async def note_pushed(user_ids: Iterable[Any], conversation_id: Any, school_id: Any, seq: int) -> None:
    at = now()
    notes = [
        UpdateOne(
            {"userId": user_id, "conversationId": conversation_id},
            {
                "$max": {"seq": seq},
                "$set": {"shown": True, "expiresAt": at + KEPT},
                "$setOnInsert": {"schoolId": school_id, "createdAt": at},
            },
            upsert=True,
        )
        for user_id in user_ids
    ]
    if notes:
        await PushNotice.documents().bulk_write(notes, ordered=False)


async def shows(user_id: Any, conversation_id: Any, up_to: int) -> bool:
    """Whether the user's devices show something of a conversation that is read now, ``up_to`` a message."""
    which = {"userId": user_id, "conversationId": conversation_id}
    found = await PushNotice.documents().find_one(which, {"seq": 1, "shown": 1})
    return found is not None and found["shown"] and found["seq"] <= up_to


async def note_cleared(user_id: Any, conversation_id: Any, up_to: int) -> None:
    which = {"userId": user_id, "conversationId": conversation_id, "seq": {"$lte": up_to}}
    await PushNotice.documents().update_one(which, {"$set": {"shown": False}})
