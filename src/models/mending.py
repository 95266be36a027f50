"""Storing what was counted, where it is not what was stored."""

from __future__ import annotations

from typing import Any

from .conversation import Conversation
from .delivery import Delivery
from .journal import Journal, Writing
from .member import Member
from .message import Message
from .recount import UNTOLD, Mismatch, mismatches


async def mend(journal: Journal, conversation_id: Any) -> None:
    """Count one conversation anew and store what was counted, in one transaction.

    Clients are told of what they hold. A missing message stays missing.
    """

    async def work(writing: Writing) -> None:
        found = [one for one in await mismatches([conversation_id], writing.session) if one.mendable]
        for one in found:
            await _mend_silently(one, writing)
        told: dict[tuple[str, Any], dict[str, Any]] = {}
        for one in found:
            if one.field not in UNTOLD:
                told.setdefault((one.path, one.id), {})[one.field] = one.counted
        if not told:
            return
        await writing.revise(conversation_id, len(told))
        for (path, record_id), fields in told.items():
            revision = writing.note(conversation_id, path, "patched", record_id)
            if path != "conversations":
                fields["revision"] = revision
            model = {"conversations": Conversation, "members": Member, "messages": Message}[path]
            await model.documents().update_one({"_id": record_id}, {"$set": fields}, session=writing.session)

    await journal.write(work, None, turn=conversation_id)


async def _mend_silently(wrong: Mismatch, writing: Writing) -> None:
    """Who holds what is older than the gap in the deliveries fetches the conversation anew."""
    here, session = wrong.conversation_id, writing.session
    if wrong.field == "revision":
        highest = {"$max": {"revision": wrong.counted}}
        await Conversation.documents().update_one({"_id": here}, highest, session=session)
    elif wrong.field == "deliveries":
        torn = {"conversationId": here, "revision": {"$lt": wrong.counted}}
        await Delivery.documents().delete_many(torn, session=session)
