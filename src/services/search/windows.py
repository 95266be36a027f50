"""Reading a search's messages: newest first, so many at a time, whatever the number of matches.

The index ``(conversationId, words, createdAt, _id)`` is walked for ONE of the things asked for, the one
that the fewest messages have; the rest is looked up in the messages that it leads to. MongoDB merges the
ranges of up to 200 conversations in their order, so that a window costs a seek for each conversation and
its own length. Of more conversations, 200 at a time are read, and merged here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson import ObjectId

from ...core.adapters.driver import driver_errors
from ...models import Message
from ...models.words import pairs_in
from .asked import Asked
from .parser import Pair

WINDOW: Final = 200
RANGES: Final = 200
"""How many ranges MongoDB merges at most: its internalQueryMaxScansToExplode."""

BY_WORD: Final = "conversationId_words_createdAt__id"
BY_TIME: Final = "conversationId_createdAt__id"
FIELDS: Final = ("createdAt", "content", "words", "deletedAt", "reactions")

Document = dict[str, Any]
Place = tuple[datetime, ObjectId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Of a window; each end is ``(createdAt, _id)``, and open where it is None."""

    below: Place | None = None
    newest: Place | None = None
    oldest: Place | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """``found`` are those of its messages that match; ``more`` tells whether older ones may."""

    found: list[Document]
    newest: Place | None
    oldest: Place | None
    more: bool


def place_of(message: Mapping[str, Any]) -> Place:
    return message["createdAt"], message["_id"]


async def read_first(asked: Asked) -> tuple[int | None, Window]:
    """The newest window, and which of the groups asked for to walk along: None where there is none.

    A guess is read first. Where it fills a window, the others are counted in the time that this one spans:
    whichever is rarer there is the better way.
    """
    groups = asked.groups
    if not groups:
        return None, await read(asked, None, Bounds())
    # Marks of a person are long, and so are rare words.
    guess = max(range(len(groups)), key=lambda number: len(groups[number][0]))
    window = await read(asked, guess, Bounds())
    if len(groups) == 1 or window.oldest is None or not window.more:
        return guess, window
    since = window.oldest[0]
    others = [number for number in range(len(groups)) if number != guess]
    counts = await asyncio.gather(*(_count(asked, groups[number], since) for number in others))
    least = min(counts)
    if least >= WINDOW:
        return guess, window
    rarest = others[counts.index(least)]
    return rarest, await read(asked, rarest, Bounds())


async def read(asked: Asked, along: int | None, bounds: Bounds) -> Window:
    # What is read again may have been joined by a message that was stored late.
    size = WINDOW if bounds.oldest is None else 2 * WINDOW
    group = None if along is None else asked.groups[along]
    width = RANGES // (1 if group is None else len(group))
    chunks = [asked.conversations[at : at + width] for at in range(0, len(asked.conversations), width)]
    parts = await asyncio.gather(*(_fetch(statement(asked, group, chunk, bounds, size)) for chunk in chunks))
    messages = sorted((one for part in parts for one in part), key=place_of, reverse=True)[:size]
    others = [one for number, one in enumerate(asked.groups) if number != along]
    found = [message for message in messages if _fits(asked, others, message)]
    if not messages:
        return Window([], None, None, more=False)
    return Window(found, place_of(messages[0]), place_of(messages[-1]), more=len(messages) >= size)


def statement(
    asked: Asked, group: Sequence[str] | None, conversations: Sequence[Any], bounds: Bounds, size: int
) -> dict[str, Any]:
    """The arguments of the driver's ``find`` for one window of at most 200 ranges."""
    conditions: Document = {"conversationId": {"$in": list(conversations)}, "schoolId": asked.school_id}
    if group is not None:
        conditions["words"] = group[0] if len(group) == 1 else {"$in": list(group)}
    if moments := _moments(asked, bounds):
        conditions["createdAt"] = moments
    if outside := _outside(bounds):
        conditions["$nor"] = outside
    return {
        "filter": conditions,
        "projection": FIELDS,
        "sort": [("createdAt", -1), ("_id", -1)],
        "limit": size,
        "hint": BY_TIME if group is None else BY_WORD,
    }


def contains(words: Sequence[Pair], phrase: Sequence[Pair]) -> bool:
    """Whether the words of the phrase stand in a row, as they are written."""
    wanted = [normal for normal, _ in phrase]
    written = [normal for normal, _ in words]
    first, length = wanted[0], len(wanted)
    return any(one == first and written[at : at + length] == wanted for at, one in enumerate(written))


async def _count(asked: Asked, group: Sequence[str], since: datetime) -> int:
    """Up to a window of them."""
    conditions: Document = {"conversationId": {"$in": list(asked.conversations)}}
    conditions |= {"words": {"$in": list(group)}, "createdAt": _moments(asked, Bounds()) | {"$gte": since}}
    with driver_errors():
        return await Message.documents().count_documents(conditions, limit=WINDOW, hint=BY_WORD)


async def _fetch(statement: dict[str, Any]) -> list[Document]:
    with driver_errors():
        return await Message.documents().find(**statement).to_list()


def _fits(asked: Asked, groups: Sequence[tuple[str, ...]], message: Document) -> bool:
    if message.get("deletedAt") is not None or (asked.reacted and not message.get("reactions")):
        return False
    words: list[str] = message["words"]
    if not words:  # as of what is sealed, of which nothing is told
        return False
    if not all(any(one in words for one in group) for group in groups):
        return False
    if not asked.phrases:
        return True
    written = pairs_in(message.get("content") or "")
    return all(contains(written, phrase) for phrase in asked.phrases)


def _moments(asked: Asked, bounds: Bounds) -> Document:
    newest = [place[0] for place in (bounds.below, bounds.newest) if place is not None]
    oldest = [moment for moment in (asked.after, bounds.oldest and bounds.oldest[0]) if moment is not None]
    moments: Document = {}
    if newest:
        moments["$lte"] = min(newest)
    if asked.before is not None:
        moments["$lt"] = asked.before
    if oldest:
        moments["$gte"] = max(oldest)
    return moments


def _outside(bounds: Bounds) -> list[Document]:
    """Of the messages of the first and the last millisecond, those that are not in the window."""
    outside: list[Document] = []
    for place, operator in ((bounds.below, "$gte"), (bounds.newest, "$gt"), (bounds.oldest, "$lt")):
        if place is not None:
            outside.append({"createdAt": place[0], "_id": {operator: place[1]}})
    return outside
