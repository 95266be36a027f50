"""What clients get of a file's record: with the address to upload it to, or to have it from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from ...core.application import Application
from ...core.context import UNSET, HookContext
from ...core.pagination import records_of, with_records
from ...core.storage import links_of, storage_of
from ...models.attachment import key_of, thumbnail_key, upload_key
from ...models.record import now
from .thumbnails import MEDIA_TYPE

HIDDEN: Final = frozenset({"dueAt", "thumbnail"})
GRACE: Final = timedelta(minutes=10)
"""For so long after the address to upload to has expired, what was uploaded can be completed."""

THERE: Final = ("READY", "ATTACHED")
NEEDED: Final = (
    *("schoolId", "conversationId", "userId", "name", "mediaType", "size"),
    *("state", "dueAt", "thumbnail", "createdAt"),
)
"""What the addresses are made of: it comes whatever a client selects."""


async def present(context: HookContext, proceed: Callable[[], Awaitable[None]]) -> None:
    await proceed()
    if context.result is UNSET:
        return
    shown = [await _shown(context.app, record, context) for record in records_of(context.result)]
    context.dispatch = with_records(context.result, shown)


async def _shown(app: Application, record: dict[str, Any], context: HookContext) -> dict[str, Any]:
    shown = {name: value for name, value in record.items() if name not in HIDDEN}
    if not context.params.provider or context.method == "remove":
        return shown
    if record["state"] == "WAITING":
        if (lasting := record["dueAt"] - GRACE - now()) > timedelta(seconds=1):
            shown["upload"] = await _upload(app, record, lasting)
    elif record["state"] in THERE:
        links, kind = links_of(app), record["mediaType"]
        url, until = await links(key_of(record), name=record["name"], media_type=kind)
        shown["download"] = {"url": url, "expiresAt": until}
        if record.get("thumbnail"):
            name = f"{record['name']}.webp"
            shown["thumbnailUrl"], _ = await links(thumbnail_key(record), name=name, media_type=MEDIA_TYPE)
    return shown


async def _upload(app: Application, record: dict[str, Any], lasting: timedelta) -> dict[str, Any]:
    upload = await storage_of(app).sign_upload(
        upload_key(record), size=record["size"], media_type=record["mediaType"], lasting=lasting
    )
    said = {name: getattr(upload, name) for name in ("method", "url", "headers")}
    return {**said, "expiresAt": upload.expires_at}
