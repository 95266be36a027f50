"""Who may not leave a school: its last admin, and whose messages a legal hold keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession

from ..core.errors import Conflict
from ..models import Member, Message, School, User
from ..models.legal_hold import Held


async def require_another_admin(
    school_id: Any, leaving: Iterable[Any], session: AsyncClientSession | None = None
) -> None:
    """Raises Conflict where a school would have no admin without those whose ids are ``leaving``.

    In the transaction of ``session`` that stays true until the commit: of two that ask for one school one
    is repeated, and sees what the other has done.
    """
    if session is not None:
        counted = {"$inc": {"adminChanges": 1}}
        await School.documents().update_one({"_id": school_id}, counted, session=session)
    others = {
        "schoolId": school_id,
        "_id": {"$nin": list(leaving)},
        "role": "admin",
        "erasingAt": None,
    }
    if await User.documents().find_one(others, {"_id": 1}, session=session) is None:
        raise Conflict("A school keeps its last admin")


async def require_not_held(user: Mapping[str, Any], session: AsyncClientSession | None = None) -> None:
    """Raises Conflict, with the ids of the ``holds`` as its data."""
    held = await Held.of_school(user["schoolId"], session)
    holds = [held.users[user["_id"]]] if user["_id"] in held.users else []
    for conversation_id, hold_id in held.conversations.items():
        wrote = {"conversationId": conversation_id, "senderId": user["_id"]}
        belongs = {"conversationId": conversation_id, "userId": user["_id"]}
        if await Message.documents().find_one(wrote, {"_id": 1}, session=session) or (
            await Member.documents().find_one(belongs, {"_id": 1}, session=session)
        ):
            holds.append(hold_id)
    if holds:
        named = ", ".join(map(str, holds))
        raise Conflict(f"A legal hold keeps what the user has written: {named}", {"holds": holds})
