"""The ledger of owed work: records that every node takes from, one at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import DuplicateKeyError

from ..core.adapters.driver import driver_errors
from ..core.context import Params
from ..core.jobs import Held, Task
from .lease import claim
from .record import ANY_MOMENT, now
from .task import OwedTask

KEPT_DONE: Final = timedelta(hours=1)
KEPT_FAILED: Final = timedelta(days=30)

IS_RUNNING: Final = {"$eq": ["$state", "RUNNING"]}
WAS_OWED_AGAIN: Final = {"$ne": [{"$ifNull": ["$again", None]}, None]}

Row = dict[str, Any]


class Tasks:
    """A ``Ledger`` in the open database."""

    async def add(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None,
        school_id: Any,
        due: datetime,
        params: Params | None,
    ) -> str | None:
        """Raises Unavailable and the framework's other errors for those of the driver."""
        session: AsyncClientSession | None = (params or Params()).get("session")
        due = due.replace(microsecond=due.microsecond // 1000 * 1000)  # as it is stored
        new = {
            "kind": kind,
            "key": key,
            "schoolId": school_id,
            "payload": dict(payload),
            "state": "WAITING",
            "attempts": 0,
            "createdAt": now(),
            "expiresAt": None,
        }
        with driver_errors():
            if key is None:
                task_id = ObjectId()
                record = {**new, "_id": task_id, "dueAt": due, "openKey": None}
                await OwedTask.documents().insert_one(record, session=session)
                return str(task_id) if due <= now() else None
            task = await self._add_once(f"{kind} {key}", new, due, session)
        is_due: bool = task["state"] == "WAITING" and task["dueAt"] <= now()
        return str(task["_id"]) if is_due else None

    async def take(
        self, kinds: Collection[str], lease: timedelta, *, task_id: str | None = None, key: str | None = None
    ) -> Held | None:
        where: Row = {"kind": {"$in": list(kinds)}}
        if task_id is not None:
            where["_id"] = ObjectId(task_id)
        if key is not None:
            where["openKey"] = {"$in": [f"{kind} {key}" for kind in kinds]}
        holder = uuid4().hex
        begun = {"state": "RUNNING", "holder": holder, "startedAt": now()}
        taken = await claim(
            OwedTask, "dueAt", now(), lease, {"$set": begun, "$inc": {"attempts": 1}}, where=where
        )
        if taken is None:
            return None
        task = Task(taken["kind"], taken["payload"], taken["schoolId"], taken["key"], taken["attempts"])
        return Held(str(taken["_id"]), task, holder)

    async def renew(self, held: Held, lease: timedelta) -> bool:
        return await self._note(held, {"$set": {"dueAt": now() + lease}})

    async def done(self, held: Held) -> bool:
        return await self._end(held, {"state": "DONE", "error": None, "expiresAt": now() + KEPT_DONE})

    async def put_off(self, held: Held, until: datetime, reason: str, *, counts: bool) -> bool:
        changes: Row = {"state": "WAITING", "holder": None, "error": {"$literal": reason or None}}
        if counts:
            return await self._note(held, {"$set": {**changes, "error": reason, "dueAt": until}})
        together = {
            "dueAt": {"$min": [until, "$again.dueAt"]},
            "payload": {"$ifNull": ["$again.payload", "$payload"]},
            "attempts": {"$subtract": ["$attempts", 1]},
            "again": None,
        }
        return await self._note(held, [{"$set": {**changes, **together}}])

    async def fail(self, held: Held, reason: str) -> bool:
        return await self._end(held, {"state": "FAILED", "error": reason, "expiresAt": now() + KEPT_FAILED})

    async def next_due(self, kinds: Collection[str]) -> datetime | None:
        first = await OwedTask.documents().find_one(
            {"dueAt": ANY_MOMENT, "kind": {"$in": list(kinds)}}, {"dueAt": 1}, sort=[("dueAt", 1)]
        )
        return None if first is None else first["dueAt"]

    async def _add_once(
        self, open_key: str, new: Row, due: datetime, session: AsyncClientSession | None
    ) -> Row:
        """The task of this key, which was there already, or is made."""
        missing = {name: {"$ifNull": [f"${name}", {"$literal": value}]} for name, value in new.items()}
        again = {"$literal": {"payload": new["payload"], "dueAt": due}}
        changes = {
            **missing,
            # Who does it has a lease until then.
            "dueAt": {"$cond": [IS_RUNNING, "$dueAt", {"$min": ["$dueAt", due]}]},
            # It may have been tried in vain since then, with an earlier one.
            "again": {"$cond": [IS_RUNNING, again, {"$ifNull": ["$again", None]}]},
        }
        task: Row | None = None
        while task is None:
            try:
                task = await OwedTask.documents().find_one_and_update(
                    {"openKey": open_key},
                    [{"$set": changes}],
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=session,
                )
            except DuplicateKeyError:
                # Another call has made it at the same moment.
                if session is not None:
                    raise
        return task

    async def _end(self, held: Held, changes: Row) -> bool:
        """With ``changes`` it is at its end; or it begins anew, where it was owed again meanwhile."""
        ended = {**changes, "dueAt": None, "openKey": None, "endedAt": now()}
        anew = {
            "state": "WAITING",
            "error": None,
            "expiresAt": None,
            "dueAt": "$again.dueAt",
            "openKey": "$openKey",
            "endedAt": None,
        }
        fields: Row = {
            name: {"$cond": [WAS_OWED_AGAIN, anew[name], {"$literal": value}]}
            for name, value in ended.items()
        }
        fields["payload"] = {"$ifNull": ["$again.payload", "$payload"]}
        fields["attempts"] = {"$cond": [WAS_OWED_AGAIN, 0, "$attempts"]}
        return await self._note(held, [{"$set": {**fields, "holder": None, "again": None}}])

    async def _note(self, held: Held, changes: Mapping[str, Any] | list[Row]) -> bool:
        noted = await OwedTask.documents().update_one(
            {"_id": ObjectId(held.id), "holder": held.holder}, changes
        )
        return noted.matched_count > 0
