"""The files of a message as clients get them: each with an address that holds for some minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..core.application import Application
from ..core.context import UNSET, HookContext
from ..core.hooks import Next
from ..core.pagination import records_of, with_records
from ..core.storage import links_of
from ..models.attachment import key_of, thumbnail_key

OF_LINK: Final = ("name", "url", "mediaType", "size")
OF_PICTURE: Final = ("width", "height")
SMALL_TYPE: Final = "image/webp"

File = dict[str, Any]


async def shown_files(
    app: Application, files: Sequence[Mapping[str, Any]], where: Mapping[str, Any], *, revoked: bool = False
) -> list[File]:
    """``where``: the ``schoolId`` and ``conversationId`` of the message; ``revoked``, where it was removed.

    Whoever calls has looked whether the caller may read the message. A link of its author stays as it is.
    """
    return [await _shown(app, file, where, revoked=revoked) for file in files]


async def with_plain_files(context: HookContext, proceed: Next) -> None:
    """Around what is no message yet: its files are shown as they were named."""
    await proceed()
    if context.result is not UNSET:
        context.dispatch = with_records(context.result, [plain(one) for one in records_of(context.result)])


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record, its files without what they do not have."""
    files: Sequence[Mapping[str, Any]] = record.get("attachments") or ()
    if not files:
        return dict(record)
    return {**record, "attachments": [_said(file) for file in files]}


def _said(file: Mapping[str, Any]) -> File:
    kept = OF_LINK if file.get("url") is not None else ()
    return {name: value for name, value in file.items() if value is not None or name in kept}


async def _shown(
    app: Application, file: Mapping[str, Any], where: Mapping[str, Any], *, revoked: bool
) -> File:
    if file.get("attachmentId") is None:
        return {name: file.get(name) for name in OF_LINK}
    record = {
        "schoolId": where["schoolId"],
        "conversationId": where["conversationId"],
        "_id": file["attachmentId"],
        "name": file["name"],
    }
    links, name = links_of(app), file["name"]
    url, _ = await links(key_of(record, revoked=revoked), name=name, media_type=file["mediaType"])
    shown: File = {
        "attachmentId": file["attachmentId"],
        **{each: file.get(each) for each in OF_LINK},
        "url": url,
    }
    shown |= {each: file[each] for each in OF_PICTURE if file.get(each) is not None}
    if file.get("thumbnail"):
        small = thumbnail_key(record, revoked=revoked)
        shown["thumbnailUrl"], _ = await links(small, name=f"{name}.webp", media_type=SMALL_TYPE)
    return shown
