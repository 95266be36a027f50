"""What is owed and what has failed, for whoever looks after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from .record import now
from .task import OwedTask


@dataclass(frozen=True, slots=True)
class Pile:
    """So many tasks of a ``kind`` are in a ``state``; ``since`` the oldest of them was owed."""

    kind: str
    state: str
    count: int
    since: datetime
    error: str | None


async def piles(kind: str | None = None) -> list[Pile]:
    """What is not done, by kind and state; with one of the reasons why attempts have failed."""
    where: dict[str, Any] = {"state": {"$in": ["WAITING", "RUNNING", "FAILED"]}}
    if kind is not None:
        where["kind"] = kind
    grouped = await OwedTask.documents().aggregate(
        [
            {"$match": where},
            {
                "$group": {
                    "_id": {"kind": "$kind", "state": "$state"},
                    "count": {"$sum": 1},
                    "since": {"$min": "$createdAt"},
                    "error": {"$max": "$error"},
                }
            },
            {"$sort": {"_id": 1}},
        ]
    )
    return [
        Pile(row["_id"]["kind"], row["_id"]["state"], row["count"], row["since"], row["error"])
        async for row in grouped
    ]


async def retry_failed(kind: str | None = None) -> int:
    """Have done anew what has failed; how many tasks that is. What was owed again since then is left out."""
    where: dict[str, Any] = {"state": "FAILED"}
    if kind is not None:
        where["kind"] = kind
    retried = 0
    async for task in OwedTask.documents().find(where, {"kind": 1, "key": 1}):
        open_key = None if task["key"] is None else f"{task['kind']} {task['key']}"
        anew = {"state": "WAITING", "attempts": 0, "dueAt": now(), "openKey": open_key, "expiresAt": None}
        try:
            changed = await OwedTask.documents().update_one(
                {"_id": task["_id"], "state": "FAILED"}, {"$set": {**anew, "endedAt": None}}
            )
        except DuplicateKeyError:
            continue
        retried += changed.modified_count
    return retried
