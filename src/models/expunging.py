"""Taking out of the database what messages said, for good. Their records stay, with their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import UpdateOne

from .alert import Alert
from .attachment import Attachment
from .journal import Writing
from .message import Message
from .message_edit import MessageEdit
from .reaction import Reaction
from .tallies import as_stored, tallies_of

NOTHING: Final[Mapping[str, Any]] = {
    "content": None,
    "attachments": [],
    "words": [],
    "mentions": [],
    "forwardedFrom": None,
    "reactions": [],
    "fingerprint": None,
    "pinnedAt": None,
    "pinnedBy": None,
}
"""What is left of what a message said."""

TOLD_OF_REACTIONS: Final = ("_id", "schoolId", "conversationId", "messageId", "userId", "emoji")

WITH_THEM: Final = (MessageEdit, Reaction, Alert)
"""Records that go with the message which their ``messageId`` names."""


async def expunge(
    writing: Writing,
    conversation_id: Any,
    messages: Sequence[Mapping[str, Any]],
    at: datetime,
    *,
    by: Any = None,
) -> None:
    """Make tombstones without content of some hundred messages of a conversation.

    ``messages`` as they are in the transaction, with ``_id``, ``seq``, ``threadId`` and ``deletedAt``; ``by``
    is who removes those that are there. Everybody in the conversation is told of a message that was there,
    and nobody of what goes with it: a client that learns that a message is gone knows that of its reactions.
    """
    there = [message for message in messages if message["deletedAt"] is None]
    threads = list(dict.fromkeys(one["threadId"] for one in there if one.get("threadId") is not None))
    if there:
        seqs = [message["seq"] for message in messages]
        await writing.revise(conversation_id, len(there) + len(threads), [_without_preview(seqs)])
    gone = {**NOTHING, "expungedAt": at}
    updates: list[UpdateOne] = []
    for message in messages:
        changes = dict(gone)
        if message["deletedAt"] is None:
            revision = writing.note(conversation_id, "messages", "removed", message["_id"], other=True)
            changes.update(deletedAt=at, deletedBy=by, revision=revision)
        updates.append(UpdateOne({"_id": message["_id"]}, {"$set": changes}))
    await Message.documents().bulk_write(updates, ordered=False, session=writing.session)
    ids = [message["_id"] for message in messages]
    for model in WITH_THEM:
        await model.documents().delete_many({"messageId": {"$in": ids}}, session=writing.session)
    # The files are deleted after the commit, by whoever finds them due.
    files = {"state": "GONE", "name": "", "dueAt": at}
    await Attachment.documents().update_many(
        {"messageId": {"$in": ids}}, {"$set": files}, session=writing.session
    )
    if threads:
        await _recount(writing, conversation_id, threads)


async def take_reactions(
    writing: Writing, conversation_id: Any, reactions: Sequence[Mapping[str, Any]]
) -> None:
    """Take some hundred reactions of a conversation back, each of them told to its members."""
    await writing.revise(conversation_id, len(reactions))
    ids = list({reaction["messageId"] for reaction in reactions})
    messages = Message.documents().find({"_id": {"$in": ids}}, {"reactions": 1}, session=writing.session)
    tallies = {message["_id"]: tallies_of(message) async for message in messages}
    newest: dict[Any, int] = {}
    for reaction in reactions:
        message_id, emoji = reaction["messageId"], reaction["emoji"]
        left = tallies.setdefault(message_id, {})
        left[emoji] = max(0, left.get(emoji, 0) - 1)
        gone = {**{name: reaction[name] for name in TOLD_OF_REACTIONS}, "count": left[emoji]}
        newest[message_id] = writing.note(
            conversation_id, "reactions", "removed", reaction["_id"], gone=gone, other=True
        )
    await Message.documents().bulk_write(
        [
            UpdateOne(
                {"_id": message_id},
                {"$set": {"reactions": as_stored(tallies[message_id]), "revision": revision}},
            )
            for message_id, revision in newest.items()
        ],
        session=writing.session,
    )
    taken = [reaction["_id"] for reaction in reactions]
    await Reaction.documents().delete_many({"_id": {"$in": taken}}, session=writing.session)


def _without_preview(seqs: Sequence[int]) -> dict[str, Any]:
    """The stage that shows nothing of the newest message if it is one of these."""
    newest = {"$in": ["$lastMessage.seq", list(seqs)]}
    blank = {"$mergeObjects": ["$lastMessage", {"content": None}]}
    return {"$set": {"lastMessage": {"$cond": [newest, blank, "$lastMessage"]}}}


async def _recount(writing: Writing, conversation_id: Any, threads: Sequence[Any]) -> None:
    counting = await Message.documents().aggregate(
        [
            {"$match": {"threadId": {"$in": list(threads)}, "deletedAt": None}},
            {
                "$group": {
                    "_id": "$threadId",
                    "replyCount": {"$sum": 1},
                    "lastReplyAt": {"$max": "$createdAt"},
                }
            },
        ],
        session=writing.session,
    )
    counts = {one.pop("_id"): one for one in await counting.to_list()}
    updates: list[UpdateOne] = []
    for thread_id in threads:
        revision = writing.note(conversation_id, "messages", "patched", thread_id, other=True)
        left = counts.get(thread_id, {"replyCount": 0, "lastReplyAt": None})
        updates.append(UpdateOne({"_id": thread_id}, {"$set": {**left, "revision": revision}}))
    await Message.documents().bulk_write(updates, ordered=False, session=writing.session)
