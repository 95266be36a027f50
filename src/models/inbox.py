"""What is new to a user, counted from the user's places in conversations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .member import Member
from .message import Message
from .record import ANY_MOMENT

Row = dict[str, Any]


def places_of(user: Mapping[str, Any], **conditions: Any) -> list[Row]:
    """The stages, on members, for a user's places, each with its ``conversation`` of the user's school."""
    school_id = user["schoolId"]
    return [
        {"$match": {"userId": user["_id"], "schoolId": school_id, **conditions}},
        {
            "$lookup": {
                "from": "conversations",
                "localField": "conversationId",
                "foreignField": "_id",
                "as": "conversation",
            }
        },
        {"$unwind": "$conversation"},
        {"$match": {"conversation.schoolId": school_id}},
    ]


async def own_views(user: Mapping[str, Any], conversation_ids: Iterable[Any]) -> dict[Any, Row]:
    """By conversation ``{readSeq, deliveredSeq, unread, mentions}`` for a user who is a member.

    Two commands, however many conversations there are.
    """
    ids = list(conversation_ids)
    found = await Member.documents().aggregate(
        [
            *places_of(user, conversationId={"$in": ids}),
            {
                "$project": {
                    "_id": "$conversationId",
                    "readSeq": 1,
                    "deliveredSeq": 1,
                    "clock": "$conversation.clock",
                }
            },
        ],
        batchSize=len(ids) + 1,
    )
    places = await found.to_list()
    counts = await count_new(user, places)
    return {
        place["_id"]: {
            "readSeq": place["readSeq"],
            "deliveredSeq": place["deliveredSeq"],
            **counts[place["_id"]],
        }
        for place in places
    }


async def count_new(user: Mapping[str, Any], places: Iterable[Mapping[str, Any]]) -> dict[Any, Row]:
    """``{unread, mentions}`` by the id of each conversation, up to the clock that it is given with.

    ``places`` are ``{_id, readSeq, clock}``, ``_id`` being the conversation's. One command for all of
    them, and none where everything is read.
    """
    counts: dict[Any, Row] = {}
    behind: list[Row] = []
    for place in places:
        counts[place["_id"]] = {"unread": 0, "mentions": 0}
        if place["clock"] > place["readSeq"]:
            behind.append({name: place[name] for name in ("_id", "readSeq", "clock")})
    if behind:
        found = await Message.documents().database.aggregate(
            [{"$documents": behind}, *counting(user)], batchSize=len(behind) + 1
        )
        async for row in found:
            counts[row["_id"]] = {"unread": row["unread"], "mentions": row["mentions"]}
    return counts


async def count_totals(user: Mapping[str, Any], at: datetime, kind: str | None = None) -> Row:
    """Over all conversations but those that are archived: ``{unread, mentions, conversations, muted}``.

    With ``kind``, over those of the kind. ``conversations`` is how many have something unread. What is muted
    ``at`` this moment is in none of the three, but in those of ``muted``. One command.
    """
    of_kind = {} if kind is None else {"conversation.kind": kind}
    found = await Member.documents().aggregate(
        [
            *places_of(user),
            {"$match": {"conversation.archivedAt": None, **of_kind}},
            {
                "$project": {
                    "_id": "$conversationId",
                    "readSeq": 1,
                    "clock": "$conversation.clock",
                    "muted": {"$gt": ["$mutedUntil", at]},
                }
            },
            {"$match": {"$expr": {"$gt": ["$clock", "$readSeq"]}}},
            *counting(user),
            {
                "$group": {
                    "_id": "$muted",
                    "unread": {"$sum": "$unread"},
                    "mentions": {"$sum": "$mentions"},
                    "conversations": {"$sum": {"$cond": [{"$gt": ["$unread", 0]}, 1, 0]}},
                }
            },
        ]
    )
    nothing = {"unread": 0, "mentions": 0, "conversations": 0}
    by_muted = {row.pop("_id"): row async for row in found}
    return {**by_muted.get(False, nothing), "muted": by_muted.get(True, nothing)}


def counting(user: Mapping[str, Any]) -> list[Row]:
    """The stages that count for documents ``{_id, readSeq, clock}``.

    ``seq`` has no gaps, so what is unread need not be counted one by one: it is all after ``readSeq`` but
    one's own and what others have written and is gone, both of which are few.
    """
    own, others = {"senderId": user["_id"]}, {"senderId": {"$ne": user["_id"]}}
    named = {"mentions": {"$in": [user["_id"], user["role"], "all"]}}
    missing = {"$add": [_count("own"), _count("gone")]}
    return [
        _newer("own", own),
        _newer("gone", {**others, "deletedAt": ANY_MOMENT}),
        _newer("named", {**named, **others, "deletedAt": None}),
        {
            "$set": {
                "unread": {"$max": [0, {"$subtract": [{"$subtract": ["$clock", "$readSeq"]}, missing]}]},
                "mentions": _count("named"),
            }
        },
        {"$unset": ["own", "gone", "named"]},
    ]


def _newer(name: str, conditions: Row) -> Row:
    """How many messages after ``readSeq`` there are like that, as ``[{count}]`` or ``[]``."""
    place = [
        {"$eq": ["$conversationId", "$$conversation"]},
        {"$gt": ["$seq", "$$read"]},
        {"$lte": ["$seq", "$$clock"]},
    ]
    return {
        "$lookup": {
            "from": "messages",
            "let": {"conversation": "$_id", "read": "$readSeq", "clock": "$clock"},
            "pipeline": [{"$match": {"$expr": {"$and": place}, **conditions}}, {"$count": "count"}],
            "as": name,
        }
    }


def _count(name: str) -> Row:
    return {"$ifNull": [{"$first": f"${name}.count"}, 0]}
