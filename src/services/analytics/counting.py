"""Counting the messages of conversations, by ranges of time: a repeat finds the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from pymongo.errors import DuplicateKeyError

from ...models import Analytics, Conversation, Message
from ...models.analytics import COUNTED
from ...models.record import now

MAX_DAYS: Final = 400
MAX_WEEKS: Final = 120
"""So many days and weeks with messages are kept of a conversation."""

SLACK: Final = timedelta(hours=1)
"""A message is stored a little after its time, and nodes' clocks differ."""

BY_TIME: Final = "conversationId_createdAt__id"
EVER: Final = datetime.fromtimestamp(0, UTC)

Record = dict[str, Any]


async def uncounted(
    school: Mapping[str, Any], *, copied: bool
) -> AsyncIterator[tuple[Record, Record | None]]:
    """The school's conversations with messages that are not counted, or with ``copied`` not copied.

    Each comes with its numbers so far, if there are any.
    """
    of_school = {"schoolId": school["_id"], "kind": {"$in": COUNTED}, "clock": {"$gt": 0}}
    stages: list[Record] = [
        {"$match": of_school},
        {"$project": {"schoolId": 1, "clock": 1}},
        {
            "$lookup": {
                "from": Analytics.documents().name,
                "localField": "_id",
                "foreignField": "conversationId",
                "as": "numbers",
            }
        },
        {"$set": {"numbers": {"$first": "$numbers"}}},
        {
            "$match": {
                "$expr": {
                    "$or": [
                        {"$ne": ["$clock", "$numbers.clock"]},
                        {"$ne": [school["timezone"], "$numbers.timezone"]},
                        *([{"$ne": ["$clock", "$numbers.copiedClock"]}] if copied else []),
                    ]
                }
            }
        },
    ]
    async for found in await Conversation.documents().aggregate(stages):
        numbers = found.pop("numbers", None)
        yield found, numbers


async def count(conversation: Mapping[str, Any], numbers: Record | None, timezone: str) -> Record:
    """Count what is new in the conversation as of its ``clock``; its numbers then."""
    if numbers is not None and numbers["timezone"] != timezone:
        numbers = None  # other clocks, other days
    if numbers is not None and numbers["clock"] == conversation["clock"]:
        return numbers
    since = start_of_week(None if numbers is None else numbers["lastMessageAt"], timezone)
    fresh, newest = await _by_day(conversation, since, timezone)
    changes = _added(numbers, since, fresh, timezone)
    if newest is not None:
        changes["lastMessageAt"] = newest
    elif numbers is None:
        changes["lastMessageAt"] = None
    changes.update(clock=conversation["clock"], timezone=timezone, countedAt=now())
    return await _store(conversation, changes, anew=numbers is None)


def start_of_week(moment: datetime | None, timezone: str) -> datetime:
    """The Monday of the week in which the moment is, or was a little before; the beginning without one."""
    if moment is None:
        return EVER
    local = (moment - SLACK).astimezone(ZoneInfo(timezone)).date()
    return datetime.combine(monday(local), time.min, ZoneInfo(timezone)).astimezone(UTC)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


async def _by_day(
    conversation: Mapping[str, Any], since: datetime, timezone: str
) -> tuple[dict[str, int], datetime | None]:
    """How many messages each day since then has, and when the newest was written."""
    these = {
        "conversationId": conversation["_id"],
        "createdAt": {"$gte": since},
        "seq": {"$lte": conversation["clock"]},
        "type": {"$ne": "system"},
    }
    day = {"$dateToString": {"date": "$createdAt", "format": "%Y-%m-%d", "timezone": timezone}}
    grouped = await Message.documents().aggregate(
        [
            {"$match": these},
            {"$group": {"_id": day, "messages": {"$sum": 1}, "newest": {"$max": "$createdAt"}}},
        ],
        hint=BY_TIME,
    )
    found = await grouped.to_list()
    newest = max((one["newest"] for one in found), default=None)
    return {one["_id"]: one["messages"] for one in found}, newest


def _added(
    numbers: Mapping[str, Any] | None, since: datetime, fresh: Mapping[str, int], timezone: str
) -> Record:
    """The numbers with the fresh days in place of all since then, which is the beginning of a week."""
    first = "" if since == EVER else since.astimezone(ZoneInfo(timezone)).date().isoformat()
    old: Mapping[str, Any] = numbers or {"days": [], "weeks": [], "earlierMessages": 0}
    days = {one["day"]: one["messages"] for one in old["days"] if one["day"] < first}
    weeks = Counter({one["week"]: one["messages"] for one in old["weeks"] if one["week"] < first})
    for day, messages in fresh.items():
        weeks[monday(date.fromisoformat(day)).isoformat()] += messages
    days.update(fresh)
    kept = sorted(days)
    dropped = kept[:-MAX_DAYS]
    earlier = old["earlierMessages"] + sum(days[day] for day in dropped)
    kept = kept[-MAX_DAYS:]
    return {
        "days": [{"day": day, "messages": days[day]} for day in kept],
        "weeks": [{"week": week, "messages": weeks[week]} for week in sorted(weeks)[-MAX_WEEKS:]],
        "earlierMessages": earlier,
        "totalMessages": earlier + sum(days[day] for day in kept),
    }


async def _store(conversation: Mapping[str, Any], changes: Record, *, anew: bool) -> Record:
    """What was counted to a later ``clock`` meanwhile stays; other clocks begin anew, copies too."""
    begun = {"schoolId": conversation["schoolId"], "createdAt": now(), "copiedClock": 0, "copiedUntil": None}
    not_later = {"conversationId": conversation["_id"], "clock": {"$lte": changes["clock"]}}
    if anew:
        changes = {**changes, "copiedClock": 0, "copiedUntil": None}
    on_insert = {name: value for name, value in begun.items() if name not in changes}
    with suppress(DuplicateKeyError):
        await Analytics.documents().update_one(
            not_later, {"$set": changes, "$setOnInsert": on_insert}, upsert=True
        )
    return cast("Record", await Analytics.documents().find_one({"conversationId": conversation["_id"]}))
