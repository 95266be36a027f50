"""What becomes of an upload: it is checked, scanned and, if it is a picture, made anew."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ...core.errors import BadRequest
from ...core.schema import invalid
from ...core.storage import NotStoredError, Store
from ...models.attachment import key_of, upload_key
from .content import ContentError, check_content

AT_ONCE: Final = 2
"""Pictures that are decoded at one time: each may take some hundred megabytes."""

Scan = Callable[[Mapping[str, Any], Path], Awaitable[str | None]]
"""Gets the record and the file, to be read only; answers what is wrong with it, None where nothing is.

What it raises is no verdict: the upload stays as it is, and may be completed again.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """``size`` in bytes, of what is kept; a picture has a width and a height."""

    size: int
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class Checker:
    max_pixels: int
    scans: list[Scan] = field(default_factory=list[Scan])
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def check(self, store: Store, record: dict[str, Any]) -> Checked:
        """Keep what was uploaded, where no client can change it any more. Raises BadRequest.

        The upload stays until the record says that it was checked: it may have to be checked once more.
        """
        kept = key_of(record)
        try:
            await store.copy(upload_key(record), kept)
            async with store.file(kept) as path:
                checked = await self._check_file(store, record, path)
        except NotStoredError:
            raise nothing_uploaded() from None
        return checked

    async def _check_file(self, store: Store, record: dict[str, Any], path: Path) -> Checked:
        size = (await asyncio.to_thread(path.stat)).st_size
        if size != record["size"]:
            raise invalid("size", f"{size} bytes were uploaded, not {record['size']}")
        try:
            await asyncio.to_thread(check_content, path, record["mediaType"])
        except ContentError as error:
            raise invalid("content", str(error)) from None
        for scan in self.scans:
            verdict = await scan(record, path)
            if verdict is not None:
                raise invalid("content", verdict)
        if not record["mediaType"].startswith("image/"):
            return Checked(size=size)
        return await self._make_anew(store, record, path)

    async def _make_anew(self, store: Store, record: dict[str, Any], path: Path) -> Checked:
        from .pictures import PictureError, make_anew  # noqa: PLC0415 - Pillow is slow to load

        async with self.room:
            with tempfile.TemporaryDirectory(prefix="stonechat-") as folder:
                target, kind = Path(folder) / "picture", record["mediaType"]
                try:
                    width, height = await asyncio.to_thread(make_anew, path, target, kind, self.max_pixels)
                except PictureError as error:
                    raise invalid("content", str(error)) from None
                await store.write(key_of(record), target, kind)
                size = (await asyncio.to_thread(target.stat)).st_size
        return Checked(size=size, width=width, height=height)


def nothing_uploaded() -> BadRequest:
    return BadRequest("Nothing was uploaded, or not all of it", {"code": "NOT_UPLOADED"})
