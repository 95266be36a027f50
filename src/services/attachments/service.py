from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final

import structlog
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.adapters.beanie import BeanieService
from ...core.adapters.driver import driver_errors
from ...core.application import Application
from ...core.context import Params
from ...core.errors import BadRequest, Conflict, FeathersError, NotFound
from ...core.jobs import Task
from ...core.schema import invalid
from ...core.storage import NotStoredError, storage_of
from ...models import Attachment, Message
from ...models.attachment import key_of, thumbnail_key, upload_key
from ...models.journal import Journal, Writing
from ...models.record import now
from ...models.sealing import MESSAGE
from ...models.vault import Vault
from ...models.words import words_of_message
from .checking import Checked, Checker, Scan
from .custody import Custodian
from .presentation import GRACE
from .room import change_room, open_account, take_room, together
from .thumbnails import KIND, make_thumbnail

CHECKED_WITHIN: Final = timedelta(minutes=5)
COPIED: Final = ("name", "mediaType", "size", "width", "height", "thumbnail")
"""What a copy of a file has from the file."""

Record = dict[str, Any]
logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """``quota`` of a school in bytes; how long an upload may take, and a file be of no use to anybody."""

    quota: int
    max_pixels: int
    uploading: timedelta
    unused: timedelta


class AttachmentsService(BeanieService):
    def __init__(self, app: Application, rules: Rules, paginate: Mapping[str, Any]) -> None:
        super().__init__(Attachment, tenant="schoolId", paginate=paginate)
        self.custodian = Custodian(app, rules.uploading)
        self._app = app
        self._limits = rules
        self._checker = Checker(rules.max_pixels)
        app.jobs.define(KIND, self.make_thumbnail)

    def scan_with(self, scan: Scan) -> None:
        """Have every upload looked through, by a virus scanner for example: see ``Scan``."""
        self._checker.scans.append(scan)

    async def create(self, data: Any, params: Params | None = None) -> Any:
        """A record of what will be uploaded; its bytes count from now on. Raises Forbidden over the quota."""
        params = params or Params()
        school_id = self._tenant_values(params).get("schoolId", data.get("schoolId"))
        due = now() + self._limits.uploading + GRACE
        return await self._store({**data, "schoolId": school_id, "dueAt": due}, params)

    async def complete(self, data: Any, params: Params | None = None) -> Any:
        """Have what was uploaded checked; the record, READY then. ``data``: ``attachmentId``.

        Raises BadRequest where nothing was uploaded, and saying why for what is refused: that is deleted,
        and its record with it. Raises Conflict where another call completes or removes it.
        """
        params = params or Params()
        record = await self.get(data["attachmentId"], Params(params, query={}))
        if record["state"] in {"READY", "ATTACHED"}:
            return record
        held = None
        if record["state"] == "WAITING":
            held = await self._change(record, state="CHECKING", dueAt=now() + CHECKED_WITHIN)
        if held is None:
            raise Conflict("The upload is being completed already")
        try:
            kept = await self._check(held)
        except BaseException:
            await self._change(held, state="WAITING", dueAt=record["dueAt"])
            await self.custodian.clear_orphan(held)
            raise
        try:
            await storage_of(self._app).delete(upload_key(held))
        except Exception:
            # The file is kept, which is what was asked for; what was left over is swept.
            logger.exception("an upload could not be deleted", attachment=str(held["_id"]))
        return kept

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Delete a file that no message has, or take it out of its message, where it is revoked.

        Raises BadRequest where the message says nothing else, Conflict where it was taken meanwhile.
        """
        params = params or Params()
        record = await self.get(id, params)
        if record["state"] == "ATTACHED":
            journal: Journal = self._app.get("journal")
            work = partial(_take_out, self._app.get("vault"), record)
            await journal.write(work, None, turn=record["conversationId"])
            self.custodian.background.wake()
        elif not await self.custodian.discard(record):
            raise changed_meanwhile()
        return record

    async def copies(self, files: Sequence[Mapping[str, Any]], owner: Mapping[str, Any]) -> list[Record]:
        """Files of a message for another one: ``files`` as that has them; ``owner`` what their records have.

        Links stay what they are. Raises BadRequest where a file is gone, Forbidden over the quota.
        """
        return [
            dict(file) if file.get("attachmentId") is None else await self._copy(file, owner)
            for file in files
        ]

    async def waits_for(self, key: str) -> bool:
        """Whether an upload is to come under the key: one that was asked for, and is not completed yet."""
        name_of_folder = PurePosixPath(key).parent.name
        if not ObjectId.is_valid(name_of_folder):
            return False
        waiting = {"_id": ObjectId(name_of_folder), "state": "WAITING"}
        with driver_errors(tenant="schoolId"):
            record = await Attachment.documents().find_one(waiting)
        return record is not None and upload_key(record) == key

    async def make_thumbnail(self, task: Task) -> None:
        async with self._checker.room:
            await make_thumbnail(self._app, self._limits.max_pixels, task)

    async def _check(self, held: Record) -> Record:
        try:
            checked = await self._checker.check(storage_of(self._app), held)
        except FeathersError as refusal:
            if refusal.errors is not None:
                await self.custodian.discard(held)
            raise
        return await together(partial(self._keep, held, checked))

    async def _copy(self, file: Mapping[str, Any], owner: Mapping[str, Any]) -> Record:
        source = await Attachment.documents().find_one({"_id": file["attachmentId"], "state": "ATTACHED"})
        if source is None:
            raise invalid("forwardOf", "a file of the message is gone")
        said = {**owner, **{name: source[name] for name in COPIED}}
        made = await self._store({**said, "state": "CHECKING", "dueAt": now() + CHECKED_WITHIN}, Params())
        store = storage_of(self._app)
        try:
            await store.copy(key_of(source), key_of(made))
            if source["thumbnail"]:
                await store.copy(thumbnail_key(source), thumbnail_key(made))
        except NotStoredError:
            await self.custodian.discard(made)
            raise invalid("forwardOf", "a file of the message is gone") from None
        if await self._change(made, state="READY", dueAt=now() + self._limits.unused) is None:
            await self.custodian.clear_orphan(made)
            raise changed_meanwhile()
        return {"attachmentId": made["_id"], **{name: source[name] for name in COPIED}}

    async def _store(self, record: Record, params: Params) -> Record:
        await open_account(record["schoolId"])

        async def store(session: AsyncClientSession) -> Any:
            await take_room(record["schoolId"], record["size"], self._limits.quota, session)
            return await super(AttachmentsService, self).create(record, Params(params, session=session))

        made: Record = await together(store)
        return made

    async def _keep(self, record: Record, checked: Checked, session: AsyncClientSession) -> Record:
        found = {"size": checked.size, "width": checked.width, "height": checked.height}
        changes = {**found, "state": "READY", "dueAt": now() + self._limits.unused}
        kept = await self._change(record, session, **changes)
        if kept is None:
            raise changed_meanwhile()
        await change_room(record["schoolId"], checked.size - record["size"], session)
        if checked.width is not None:
            await self._app.jobs.owe(
                KIND,
                {"attachmentId": record["_id"]},
                key=str(record["_id"]),
                school_id=record["schoolId"],
                params=Params(session=session),
            )
        return kept

    @staticmethod
    async def _change(
        record: Mapping[str, Any], session: AsyncClientSession | None = None, **changes: Any
    ) -> Record | None:
        """The record with the changes; None where its state is another by now, or is another's to end."""
        return await Attachment.documents().find_one_and_update(
            {name: record[name] for name in ("_id", "state", "dueAt")},
            {"$set": changes},
            return_document=ReturnDocument.AFTER,
            session=session,
        )


def changed_meanwhile() -> Conflict:
    return Conflict("The file has changed meanwhile")


async def _take_out(vault: Vault, record: Mapping[str, Any], writing: Writing) -> None:
    """The file goes out of its message, and stays for those who oversee it until that is expunged."""
    messages, session = Message.documents(), writing.session
    conversation = await writing.revise(record["conversationId"])
    message = await messages.find_one({"_id": record["messageId"], "deletedAt": None}, session=session)
    if message is None:
        raise NotFound(f"No record found for id '{record['_id']}'")
    await vault.open(MESSAGE, [message])
    left = [one for one in message["attachments"] if one.get("attachmentId") != record["_id"]]
    if not left and message["content"] is None:
        raise BadRequest("The message says nothing else: remove that", {"code": "ONLY_CONTENT"})
    changes: Record = {"attachments": left, "type": message["type"] if left else "text"}
    changes["words"] = words_of_message({**message, **changes})
    if version := conversation.get("keyVersion", 0):
        # Each name is sealed for its place in the list; the rest stays as the conversation shows it.
        names = {**message, **changes, "content": None, "fingerprint": None}
        changes |= {**await vault.seal(MESSAGE, names, version), "words": []}
    changes["revision"] = writing.note(
        message["conversationId"], "messages", "patched", message["_id"], other=True
    )
    await messages.update_one({"_id": message["_id"]}, {"$set": changes}, session=session)
    revoked = {"$set": {"state": "REVOKED"}, "$max": {"dueAt": now()}}
    await Attachment.documents().update_one({"_id": record["_id"]}, revoked, session=session)
