"""From what a client holds to what has changed since, read off deliveries and cursors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ...models import Delivery, Member, Message
from .missed import Missed

MAX_CHANGES: Final = 1000
MAX_CHANGES_OF_ONE: Final = 300
MAX_RECEIPTS: Final = 2000
SLACK: Final = timedelta(seconds=10)
"""Cursors are told from so much earlier: a write may take a while from its stamp until it can be read."""

BY_TOUCH: Final = "conversationId_touchedAt"
"""The index of it: few have moved of the thousands who may be in a conversation."""

BEGINNING: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Held:
    """The newest change that a client has, and the time since which it lacks receipts."""

    revision: int
    at: datetime


async def held_of(asked: Mapping[Any, Mapping[str, Any]], at: datetime | None) -> dict[Any, Held]:
    """What is held by conversation; nothing of one whose message of that ``seq`` is not there.

    Who says a ``seq`` alone has what had changed until that message came, and what came with it.
    """
    unclear = {
        one: cursor["seq"]
        for one, cursor in asked.items()
        if cursor["seq"] and ("revision" not in cursor or not at)
    }
    newest: dict[Any, dict[str, Any]] = {}
    if unclear:
        named = [{"conversationId": one, "seq": seq} for one, seq in unclear.items()]
        fields = {"conversationId": 1, "createdRevision": 1, "createdAt": 1}
        newest = {
            message["conversationId"]: message
            async for message in Message.documents().find({"$or": named}, fields)
        }
    held: dict[Any, Held] = {}
    for one, cursor in asked.items():
        message = newest.get(one)
        if one in unclear and message is None:
            continue
        revision = cursor.get("revision", message["createdRevision"] if message else 0)
        held[one] = Held(revision, at or (message["createdAt"] if message else BEGINNING))
    return held


async def missed_of(
    known: Mapping[Any, Mapping[str, Any]], held: Mapping[Any, Held]
) -> dict[Any, Missed | None]:
    """What was missed of each conversation, None where that is too much, or too long ago to be known."""
    missed: dict[Any, Missed | None] = {}
    lacking = {one: known[one]["revision"] - each.revision for one, each in held.items()}
    ranges: list[dict[str, Any]] = []
    room = MAX_CHANGES
    for one in sorted(lacking, key=lambda each: lacking[each]):
        count = lacking[one]
        if not 0 <= count <= min(room, MAX_CHANGES_OF_ONE):
            missed[one] = None
            continue
        missed[one] = Missed()
        room -= count
        if count:
            newest = known[one]["revision"]
            ranges.append({"conversationId": one, "revision": {"$gt": held[one].revision, "$lte": newest}})
    if ranges:
        async for delivery in (
            Delivery.documents().find({"$or": ranges}).sort([("conversationId", 1), ("revision", 1)])
        ):
            one = delivery["conversationId"]
            changes = missed[one]
            if changes is not None:
                changes.add(delivery)
                lacking[one] -= 1
        for one, changes in missed.items():
            if changes is not None and lacking[one]:
                missed[one] = None
    return missed


async def receipts_since(held: Mapping[Any, Held]) -> dict[Any, list[dict[str, Any]] | None]:
    """The cursors that have moved, by conversation; None where there are too many to tell."""
    if not held:
        return {}
    since = [
        {"conversationId": one, "touchedAt": {"$gt": max(each.at, BEGINNING) - SLACK}}
        for one, each in held.items()
    ]
    fields = {"_id": 0, "conversationId": 1, "userId": 1, "deliveredSeq": 1, "readSeq": 1, "readAt": 1}
    moved = Member.documents().find({"$or": since}, fields, limit=MAX_RECEIPTS + 1, hint=BY_TOUCH)
    found = await moved.to_list()
    if len(found) > MAX_RECEIPTS:  # whose did not come in does not show
        return dict.fromkeys(held)
    receipts: dict[Any, list[dict[str, Any]]] = {}
    for cursor in found:
        receipts.setdefault(cursor.pop("conversationId"), []).append(cursor)
    return {**receipts}
