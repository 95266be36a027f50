"""The files of a new message: those that its sender has uploaded, and links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...core.context import UNSET, HookContext
from ...core.errors import BadRequest
from ...core.schema import invalid
from ...core.storage import storage_of
from ...hooks.ownership import caller
from ...hooks.records import records
from ...models import Attachment
from ...models.journal import Writing
from ...models.record import now

KEPT: Final = ("name", "mediaType", "size", "width", "height", "thumbnail")
"""What a message keeps of the record of a file."""

USED: Final = "is in a message already"
NOT_READY: Final[Mapping[str, str]] = {"WAITING": "was not completed", "CHECKING": "is being completed"}


async def name_files(context: HookContext) -> None:
    """Files are the caller's own, complete, of the conversation, and in no message yet. Raises BadRequest.

    A link may lead anywhere but to what is stored here: that has addresses that end.
    """
    files: list[dict[str, Any]] = context.data.get("attachments") or []
    if context.result is not UNSET or not files:
        return
    store = storage_of(context.app)
    for number, file in enumerate(files):
        if "url" in file and store.owns(file["url"]):
            raise invalid(f"attachments.{number}.url", "leads to a stored file: give its attachmentId")
    ids = [file["attachmentId"] for file in files if "attachmentId" in file]
    if not ids:
        return
    query = {
        "_id": {"$in": ids},
        "userId": caller(context)["_id"],
        "conversationId": context.data["conversationId"],
    }
    found = {one["_id"]: one for one in await records(context, "attachments", query)}
    context.data["attachments"] = [
        _named(number, file, files[:number], found) for number, file in enumerate(files)
    ]


def ids_of(message: Mapping[str, Any]) -> list[Any]:
    """Of the files that a message has, links not among them."""
    files: list[Mapping[str, Any]] = message.get("attachments") or []
    return [file["attachmentId"] for file in files if file.get("attachmentId") is not None]


async def take_files(message: dict[str, Any], writing: Writing) -> None:
    """Make the files the message's, and of no other. Raises BadRequest where another one was faster."""
    ids = ids_of(message)
    if not ids:
        return
    attachments, session = Attachment.documents(), writing.session
    free = {"_id": {"$in": ids}, "userId": message["senderId"], "state": "READY"}
    attached = {"state": "ATTACHED", "messageId": message["_id"], "attachedAt": message["createdAt"]}
    taken = await attachments.update_many(free, {"$set": {**attached, "dueAt": None}}, session=session)
    if taken.matched_count != len(ids):
        raise BadRequest(f"A file of the message {USED}", {"errors": {"attachments": USED}})
    # A small picture may have been made since the file was looked up.
    small = attachments.find({"_id": {"$in": ids}, "thumbnail": True}, {"_id": 1}, session=session)
    made = {one["_id"] async for one in small}
    message["attachments"] = [
        {**file, "thumbnail": True} if file.get("attachmentId") in made else file
        for file in message["attachments"]
    ]


async def hide_files(message: Mapping[str, Any], writing: Writing) -> None:
    """Of a message that is removed: their addresses end, and they are kept for who may restore it."""
    await _become(message, writing, "ATTACHED", "REVOKED")


async def show_files(message: Mapping[str, Any], writing: Writing) -> None:
    await _become(message, writing, "REVOKED", "ATTACHED")


async def _become(message: Mapping[str, Any], writing: Writing, before: str, after: str) -> None:
    if ids := ids_of(message):
        # Whoever is moving a file now has its lease, and will see the change: nobody else is to begin.
        await Attachment.documents().update_many(
            {"_id": {"$in": ids}, "state": before},
            {"$set": {"state": after}, "$max": {"dueAt": now()}},
            session=writing.session,
        )


def _named(
    number: int, file: dict[str, Any], others: list[dict[str, Any]], found: Mapping[Any, dict[str, Any]]
) -> dict[str, Any]:
    attachment_id = file.get("attachmentId")
    if attachment_id is None:
        return file
    field, record = f"attachments.{number}.attachmentId", found.get(attachment_id)
    if any(other.get("attachmentId") == attachment_id for other in others):
        raise invalid(field, "is named twice")
    if record is None or record["state"] == "GONE":
        raise invalid(field, "no such file of yours in this conversation")
    if record["state"] != "READY":
        raise invalid(field, NOT_READY.get(record["state"], USED))
    return {"attachmentId": attachment_id, **{name: record[name] for name in KEPT}}
