"""Records from before conversations had a revision, made what the models say that they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pymongo import UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure

from .conversation import Conversation
from .member import Member
from .message import Message
from .notification_preference import NotificationPreference
from .record import ANY_ID, Record
from .school import School
from .school_class import SchoolClass
from .user import User
from .words import words_of_message

BATCH: Final = 1000
INDEX_NOT_FOUND: Final = 27
NAMESPACE_NOT_FOUND: Final = 26

CURSORS: Final = ("joinedSeq", "deliveredSeq", "readSeq")
MISSING: Final = {"$exists": False}

ONCE_DECLARED: Final = {
    Message: (
        "schoolId_content_text",
        "conversationId_words_createdAt",
        "conversationId_createdAt",
    )
}
"""Indexes, by name, that the models had and have no more."""

FILLED: Final[Mapping[type[Record], Mapping[str, Any]]] = {
    School: {},
    User: {},
    SchoolClass: {},
    Conversation: {"revision": "$clock", "lamport": "$clock"},
    # Whichever cursors a client lacks, they have moved by then.
    Member: {"touchedAt": "$$NOW"},
    Message: {"revision": "$seq", "createdRevision": "$seq", "lamport": "$seq"},
    NotificationPreference: {},
}
"""The models that have got new fields, with those that are computed: the others have the model's default."""

Row = dict[str, Any]


async def are_there() -> bool:
    """Whether there is anything at all to be looked through."""
    return any([await model.documents().find_one({}, {"_id": 1}) is not None for model in FILLED])


async def complete() -> dict[str, int]:
    """Give the records of the open database what they lack; how many were changed, by what was done.

    Done again, also after it was broken off, it goes on with what is left. There are no deliveries of what
    changed before: who holds less than is there fetches the conversation anew.
    """
    await _drop_indexes()
    changed = {
        "renumbered": await _renumber(),
        "threads": await _in_batches(_threads()),
        "words": await _in_batches(_words()),
    }
    for model, computed in FILLED.items():
        changed[model.documents().name] = await _fill(model, computed)
    await _count_replies()
    return changed


async def _drop_indexes() -> None:
    for model, names in ONCE_DECLARED.items():
        for name in names:
            try:
                await model.documents().drop_index(name)
            except OperationFailure as error:
                if error.code not in {INDEX_NOT_FOUND, NAMESPACE_NOT_FOUND}:
                    raise


async def _renumber() -> int:
    """Close the gaps that clients' clocks left in ``seq``; in how many conversations there were some."""
    counting = await Message.documents().aggregate(
        [{"$group": {"_id": "$conversationId", "count": {"$sum": 1}}}], allowDiskUse=True
    )
    counts = {row["_id"]: row["count"] async for row in counting}
    old = Conversation.documents().find({"revision": MISSING}, {"clock": 1})
    torn = [one["_id"] async for one in old if one["clock"] != counts.get(one["_id"], 0)]
    for conversation_id in torn:
        async with Conversation.session() as session:
            await session.with_transaction(_closing(conversation_id))
    return len(torn)


def _closing(conversation_id: Any) -> Callable[[AsyncClientSession], Any]:
    """The transaction that numbers a conversation's messages anew, and moves what counts on their numbers."""
    here = {"conversationId": conversation_id}

    async def close(session: AsyncClientSession) -> None:
        old = {"_id": conversation_id, "revision": MISSING}
        conversation = await Conversation.documents().find_one(old, session=session)
        if conversation is None:
            return
        messages = Message.documents().find(here, {"seq": 1}, session=session).sort("seq")
        found = await messages.to_list()
        seqs: list[int] = [message["seq"] for message in found]
        # In their order, as no two may have one number at any time.
        moved = [
            UpdateOne({"_id": message["_id"]}, {"$set": {"seq": seq, "lamport": message["seq"]}})
            for seq, message in enumerate(found, 1)
            if message["seq"] != seq
        ]
        if moved:
            await Message.documents().bulk_write(moved, session=session)
        places = await Member.documents().find(here, dict.fromkeys(CURSORS, 1), session=session).to_list()
        if places:
            await Member.documents().bulk_write(list(_cursors(places, seqs)), session=session)
        # A revision that is beyond whatever a client can make of an old number.
        clock: int = conversation["clock"]
        changes: Row = {"clock": len(seqs), "revision": clock, "lamport": clock}
        if conversation["lastMessage"] is not None:
            changes["lastMessage.seq"] = len(seqs)
        await Conversation.documents().update_one(old, {"$set": changes}, session=session)

    return close


def _cursors(places: Iterable[Row], seqs: list[int]) -> Iterable[UpdateOne]:
    for place in places:
        moved = {name: bisect_right(seqs, place[name]) for name in CURSORS if name in place}
        yield UpdateOne({"_id": place["_id"]}, {"$set": moved})


async def _threads() -> AsyncIterator[UpdateOne]:
    """A reply belongs to the thread of what it answers, which is always older."""
    fields = ("conversationId", "replyTo", "threadId")
    found = Message.documents().find({"replyTo": ANY_ID}, dict.fromkeys(fields, 1))
    here: Any = None
    threads: dict[Any, Any] = {}
    async for reply in found.sort([("conversationId", 1), ("seq", 1)]):
        if reply["conversationId"] != here:
            here, threads = reply["conversationId"], {}
        thread_id = reply.get("threadId") or threads.get(reply["replyTo"], reply["replyTo"])
        threads[reply["_id"]] = thread_id
        if "threadId" not in reply:
            yield UpdateOne({"_id": reply["_id"], "threadId": MISSING}, {"$set": {"threadId": thread_id}})


async def _words() -> AsyncIterator[UpdateOne]:
    fields = ("senderId", "type", "content", "attachments", "mentions", "deletedAt")
    async for message in Message.documents().find({"words": MISSING}, dict.fromkeys(fields, 1)):
        words = words_of_message(message) if message.get("deletedAt") is None else []
        yield UpdateOne({"_id": message["_id"], "words": MISSING}, {"$set": {"words": words}})


async def _in_batches(updates: AsyncIterator[UpdateOne]) -> int:
    """Change messages; how many it were."""
    changed, batch = 0, list[UpdateOne]()
    async for update in updates:
        batch.append(update)
        if len(batch) == BATCH:
            changed += await _write(batch)
            batch = []
    return changed + (await _write(batch) if batch else 0)


async def _write(batch: list[UpdateOne]) -> int:
    written = await Message.documents().bulk_write(batch, ordered=False)
    return written.modified_count


async def _fill(model: type[Record], computed: Mapping[str, Any]) -> int:
    values = {**_defaults(model), **computed}
    lacking = {"$or": [{name: MISSING} for name in values]}
    filled = {
        name: {"$cond": [{"$eq": [{"$type": f"${name}"}, "missing"]}, value, f"${name}"]}
        for name, value in values.items()
    }
    done = await model.documents().update_many(lacking, [{"$set": filled}])
    return done.modified_count


def _defaults(model: type[BaseModel], prefix: str = "") -> Row:
    """By the names in MongoDB, those in a part of the record with a dot; ``_id`` is no field to be filled."""
    values: Row = {}
    for name, field in model.model_fields.items():
        if field.is_required() or name in {"id", "revision_id"}:
            continue
        stored = f"{prefix}{field.alias or name}"
        value: Any = field.get_default(call_default_factory=True)
        if isinstance(value, BaseModel):
            values |= _defaults(type(value), f"{stored}.")
        else:
            values[stored] = {"$literal": value}
    return values


async def _count_replies() -> None:
    there = {"threadId": ANY_ID, "deletedAt": None}
    counts = {"replyCount": {"$sum": 1}, "lastReplyAt": {"$max": "$createdAt"}}
    await Message.documents().aggregate(
        [
            {"$match": there},
            {"$group": {"_id": "$threadId", **counts}},
            {"$merge": {"into": Message.Settings.name, "whenMatched": "merge", "whenNotMatched": "discard"}},
        ],
        allowDiskUse=True,
    )
