"""Small pictures of pictures, made by a job."""

from __future__ import annotations

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Final

from pymongo import ReturnDocument

from ...core.application import Application
from ...core.jobs import GivenUp, Task
from ...core.storage import NotStoredError, storage_of
from ...models import Attachment, Message
from ...models.attachment import key_of, thumbnail_key
from ...models.journal import Journal, Writing
from ...models.record import now

KIND: Final = "attachments.thumbnail"
MEDIA_TYPE: Final = "image/webp"


async def make_thumbnail(app: Application, max_pixels: int, task: Task) -> None:
    """``payload``: ``attachmentId``. Done again, it makes the same again. Raises GivenUp."""
    from .pictures import PictureError, make_small  # noqa: PLC0415 - Pillow is slow to load

    there = {"_id": task.payload["attachmentId"], "state": {"$in": ["READY", "ATTACHED"]}}
    record = await Attachment.documents().find_one(there)
    if record is None:
        return
    store = storage_of(app)
    with tempfile.TemporaryDirectory(prefix="stonechat-") as folder:
        small = Path(folder) / "small"
        try:
            async with store.file(key_of(record)) as path:
                await asyncio.to_thread(make_small, path, small, max_pixels)
        except NotStoredError:
            return  # it was revoked just now
        except PictureError as error:
            raise GivenUp(str(error)) from error
        await store.write(thumbnail_key(record), small, MEDIA_TYPE)
    journal: Journal = app.get("journal")
    if not await journal.write(partial(_tell, record), None, turn=record["conversationId"]):
        await store.delete(thumbnail_key(record))


async def _tell(record: dict[str, Any], writing: Writing) -> bool:
    """Note that there is a small picture; the members hear of it by the message. False where all is gone."""
    found = await Attachment.documents().find_one_and_update(
        {"_id": record["_id"], "state": {"$ne": "GONE"}},
        {"$set": {"thumbnail": True}},
        return_document=ReturnDocument.AFTER,
        session=writing.session,
    )
    if found is None:
        return False
    if found["state"] == "REVOKED":
        # Whoever has moved the picture has not moved this.
        again = {"$set": {"dueAt": now()}}
        await Attachment.documents().update_one({"_id": found["_id"]}, again, session=writing.session)
    if found["messageId"] is not None:
        await _show(found, writing)
    return True


async def _show(found: dict[str, Any], writing: Writing) -> None:
    where = {"_id": found["messageId"], "attachments.attachmentId": found["_id"]}
    changes: dict[str, Any] = {"attachments.$.thumbnail": True}
    if found["state"] == "ATTACHED":
        await writing.revise(found["conversationId"])
        changes["revision"] = writing.note(
            found["conversationId"], "messages", "patched", found["messageId"], other=True
        )
    await Message.documents().update_one(where, {"$set": changes}, session=writing.session)
