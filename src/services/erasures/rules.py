"""Who may not be erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.errors import Conflict
from ...models import Member, Message, User
from ...models.legal_hold import Held


async def require_erasable(user: Mapping[str, Any]) -> None:
    """Raises Conflict for the last admin of a school, and for what a legal hold keeps."""
    if user.get("erasedAt") is not None:
        raise Conflict("The user is erased already", {"erasedAt": user["erasedAt"]})
    if user["role"] == "admin":
        others = {
            "schoolId": user["schoolId"],
            "_id": {"$ne": user["_id"]},
            "role": "admin",
            "erasingAt": None,
        }
        if await User.documents().find_one(others, {"_id": 1}) is None:
            raise Conflict("A school keeps its last admin")
    await require_not_held(user)


async def require_not_held(user: Mapping[str, Any]) -> None:
    """Raises Conflict, with the ids of the ``holds`` as its data."""
    held = await Held.of_school(user["schoolId"])
    holds = [held.users[user["_id"]]] if user["_id"] in held.users else []
    for conversation_id, hold_id in held.conversations.items():
        wrote = {"conversationId": conversation_id, "senderId": user["_id"]}
        belongs = {"conversationId": conversation_id, "userId": user["_id"]}
        if await Message.documents().find_one(wrote, {"_id": 1}) or await Member.documents().find_one(
            belongs, {"_id": 1}
        ):
            holds.append(hold_id)
    if holds:
        named = ", ".join(map(str, holds))
        raise Conflict(f"A legal hold keeps what the user has written: {named}", {"holds": holds})
