"""A thread: the message it began with counts the replies that are there, and knows when the newest came."""

from __future__ import annotations

from typing import Any

from ...models import Message
from ...models.journal import Writing


async def count_reply(thread_id: Any, reply: dict[str, Any], writing: Writing) -> None:
    """One more; takes a revision, for everybody is told of the count."""
    await _change(
        thread_id,
        reply["conversationId"],
        writing,
        {"$inc": {"replyCount": 1}, "$max": {"lastReplyAt": reply["createdAt"]}},
    )


async def recount_replies(thread_id: Any, conversation_id: Any, writing: Writing) -> None:
    """Count anew, after one was removed or came back; takes a revision."""
    there = {"threadId": thread_id, "deletedAt": None}
    count = await Message.documents().count_documents(there, session=writing.session)
    newest = await Message.documents().find_one(
        there, {"createdAt": 1}, sort=[("seq", -1)], session=writing.session
    )
    last = None if newest is None else newest["createdAt"]
    await _change(thread_id, conversation_id, writing, {"$set": {"replyCount": count, "lastReplyAt": last}})


async def _change(
    thread_id: Any, conversation_id: Any, writing: Writing, changes: dict[str, dict[str, Any]]
) -> None:
    revision = writing.note(conversation_id, "messages", "patched", thread_id, other=True)
    stamped = {**changes, "$set": {**changes.get("$set", {}), "revision": revision}}
    await Message.documents().update_one({"_id": thread_id}, stamped, session=writing.session)
