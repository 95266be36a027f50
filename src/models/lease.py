from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from .record import ANY_MOMENT, Record, index, now

NEVER: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")


class Lease(Record):
    """Lets one of several nodes do something at a time: ``holder`` until ``until``, unless it lets go.

    ``doneAt`` is when that was last done to its end.
    """

    key: str
    holder: str | None = None
    until: datetime = NEVER
    done_at: datetime

    class Settings:
        name = "leases"
        indexes = [index("key", unique=True)]  # noqa: RUF012 - beanie's form


async def last_done(key: str, unknown: datetime) -> datetime:
    """When it was done; ``unknown``, from now on, for what nobody has asked for before."""
    first = {"holder": None, "until": NEVER, "doneAt": unknown, "createdAt": now()}
    known = await Lease.documents().find_one_and_update(
        {"key": key}, {"$setOnInsert": first}, upsert=True, return_document=ReturnDocument.AFTER
    )
    return unknown if known is None else cast("datetime", known["doneAt"])


async def note_done(key: str, done: datetime) -> None:
    """Of what needs no lease, as it is owed work."""
    await Lease.documents().update_one({"key": key}, {"$max": {"doneAt": done}})


async def take(key: str, holder: str, lasting: timedelta) -> bool:
    """Take or renew; False while another holds it."""
    free = {"key": key, "$or": [{"until": {"$lte": now()}}, {"holder": holder}]}
    try:
        taken = await Lease.documents().update_one(
            free,
            {
                "$set": {"holder": holder, "until": now() + lasting},
                "$setOnInsert": {"doneAt": NEVER, "createdAt": now()},
            },
            upsert=True,
        )
    except DuplicateKeyError:
        return False
    return taken.matched_count > 0 or taken.upserted_id is not None


async def let_go(key: str, holder: str, *, done: datetime | None = None) -> None:
    """``done``: note when it was, so that the others know."""
    changes = {"until": NEVER, "holder": None, **({} if done is None else {"doneAt": done})}
    await Lease.documents().update_one({"key": key, "holder": holder}, {"$set": changes})


async def claim(
    model: type[Record],
    due: str,
    at: datetime,
    lasting: timedelta,
    update: Mapping[str, Mapping[str, Any]],
    *,
    where: Mapping[str, Any] | None = None,
    by: str | None = None,
    hint: str | None = None,
) -> dict[str, Any] | None:
    """Take out the record that is due first, or first ``by`` another field; None where none is due ``at``.

    ``due`` is the field that says from when on anybody may take it: for as long as the lease is ``lasting``,
    nobody else does.
    """
    return await model.documents().find_one_and_update(
        {due: {"$lte": at, **ANY_MOMENT}, **(where or {})},
        {**update, "$set": {**update.get("$set", {}), due: at + lasting}},
        return_document=ReturnDocument.AFTER,
        sort=[(by or due, 1)],
        hint=hint,
    )
