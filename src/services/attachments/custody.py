"""Files are brought to where their records say they are, and the records of those that are gone go too."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from ...core.application import Application
from ...core.background import AT_ONCE, Background
from ...core.errors import FeathersError, Unavailable
from ...core.storage import NotStoredError, delete_below, storage_of
from ...models import Attachment, ScheduledMessage
from ...models.attachment import folder_of, key_of, thumbnail_key
from ...models.lease import claim
from ...models.record import now
from .room import change_room, together

LOOKS_EVERY: Final = 5.0  # seconds
LEASE: Final = timedelta(minutes=2)
PLACES: Final = ("uploads/", "", "revoked/")
"""Where the files of an attachment may be."""

SWEEPS_EVERY: Final = 3600.0  # seconds
LEFT_OVER: Final = timedelta(hours=2)
"""So long after its address has expired, an upload that is still where clients write belongs to nobody."""

LATER: Final = timedelta(days=1)
AGAIN: Final = timedelta(hours=1)
UNUSED: Final = ("WAITING", "READY")
Record = dict[str, Any]


class Custodian:
    """Takes turns with its like in other processes: each record that is due is claimed by one of them.

    ``settle`` does what is left to do of a record's state, whatever was done before. ``uploading`` is how
    long the address of an upload holds.
    """

    def __init__(self, app: Application, uploading: timedelta) -> None:
        self.background = Background(app, "attachments", self.run_next, every=LOOKS_EVERY)
        self._app = app
        self._left_over = uploading + LEFT_OVER
        self._swept = 0.0

    async def run_next(self) -> float | None:
        record = await claim(Attachment, "dueAt", now(), LEASE, {})
        if record is not None:
            await self.settle(record)
            return AT_ONCE
        if not self._swept or time.monotonic() - self._swept > SWEEPS_EVERY:
            self._swept = time.monotonic()
            await self.sweep()
        return None

    async def settle(self, record: Record) -> None:
        """``record`` as it was claimed."""
        match record["state"]:
            case "ATTACHED":
                await self._move(record, back=True)
                await self._done(record)
            case "REVOKED":
                await self._move(record, back=False)
                await self._done(record)
            case "CHECKING":
                await self._check_again(record)
            case "GONE":
                await self._delete(record)
            case _:
                if not await self._is_wanted(record) and await self._give_up(record):
                    await self._delete(record)

    async def discard(self, record: Record) -> bool:
        """Delete a file and its record now; whatever fails is done later. False where it has changed."""
        still = {name: record[name] for name in ("_id", "state")}
        if record["state"] == "CHECKING":
            still["dueAt"] = record["dueAt"]  # another one may be checking it by now
        claimed = await Attachment.documents().find_one_and_update(
            still, {"$set": {"state": "GONE", "name": "", "dueAt": now() + LEASE}}
        )
        if claimed is not None:
            await self._delete(claimed)
        return claimed is not None

    async def clear_orphan(self, record: Record) -> None:
        """Delete files that were stored after their record had gone: nobody would find them any more."""
        there = {"_id": record["_id"], "state": {"$ne": "GONE"}}
        if await Attachment.documents().find_one(there, {"_id": 1}) is None:
            await self._delete_files(record)

    async def forget_of(self, user_id: Any) -> None:
        """Delete all files of a user, and their records. Raises Unavailable: it is to be done once more."""
        attachments = Attachment.documents()
        gone = {"state": "GONE", "name": "", "dueAt": now()}
        await attachments.update_many({"userId": user_id}, {"$set": gone})
        async for record in attachments.find({"userId": user_id}, batch_size=100):
            try:
                await self._delete(record)
            except (FeathersError, PyMongoError):
                raise
            except Exception as error:
                # What a store raises that is away is its own.
                raise Unavailable("The files cannot be deleted now") from error

    async def sweep(self) -> None:
        """Delete what was uploaded, and completed by nobody that still has a record of it."""
        store, before = storage_of(self._app), now() - self._left_over
        await store.forget_unfinished(before)
        old = [stored.key async for stored in store.below("uploads/") if stored.modified < before]
        if old:
            await store.delete(*old)

    async def _move(self, record: Record, *, back: bool) -> None:
        store, still = storage_of(self._app), {name: record[name] for name in ("_id", "state")}
        for key in (key_of, thumbnail_key):
            source, target = key(record, revoked=back), key(record, revoked=not back)
            with suppress(NotStoredError):  # it is there already, or never was
                await store.copy(source, target)
                # Copying may take long. Whoever has changed the state wants the file where it was.
                if await Attachment.documents().find_one(still, {"_id": 1}) is None:
                    return
                await store.delete(source)

    async def _done(self, record: Record) -> None:
        """Unless the state has changed meanwhile: then it is due again."""
        attachments = Attachment.documents()
        still = {"_id": record["_id"], "state": record["state"], "dueAt": record["dueAt"]}
        if (await attachments.update_one(still, {"$set": {"dueAt": None}})).matched_count:
            return
        changed = {"_id": record["_id"], "state": {"$ne": record["state"]}}
        await attachments.update_one(changed, {"$set": {"dueAt": now()}})
        await self.clear_orphan(record)

    async def _delete(self, record: Record) -> None:
        await self._delete_files(record)

        async def forget(session: AsyncClientSession) -> None:
            here = {"_id": record["_id"]}
            gone = await Attachment.documents().find_one_and_delete(here, session=session)
            if gone is not None:
                await change_room(gone["schoolId"], -gone["size"], session)

        await together(forget)

    async def _delete_files(self, record: Record) -> None:
        for place in PLACES:
            await delete_below(storage_of(self._app), f"{place}{folder_of(record)}/")

    async def _check_again(self, record: Record) -> None:
        """Whoever was checking it is gone: the upload is where it was, and may be completed once more."""
        still = {"_id": record["_id"], "state": "CHECKING", "dueAt": record["dueAt"]}
        again = {"state": "WAITING", "dueAt": now() + AGAIN}
        await Attachment.documents().update_one(still, {"$set": again})

    async def _is_wanted(self, record: Record) -> bool:
        """A file that waits for a scheduled message waits as long as that does."""
        named = {"userId": record["userId"], "attachments.attachmentId": record["_id"]}
        waiting = await ScheduledMessage.documents().find_one(
            {**named, "state": {"$in": ["WAITING", "SENDING"]}}, {"_id": 1}
        )
        if waiting is None or record["state"] != "READY":
            return False
        later = {"$set": {"dueAt": now() + LATER}}
        await Attachment.documents().update_one({"_id": record["_id"], "state": "READY"}, later)
        return True

    async def _give_up(self, record: Record) -> bool:
        """False where the file is used by now."""
        unused = {"_id": record["_id"], "state": {"$in": list(UNUSED)}, "dueAt": record["dueAt"]}
        given = await Attachment.documents().update_one(unused, {"$set": {"state": "GONE", "name": ""}})
        return given.modified_count > 0
