"""What a store of files by key can do, whichever it is: ``LocalStore`` and ``S3Store`` do the same."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

MAX_KEY: Final = 1024
"""Bytes of a key, at most, as S3 has it."""

MAX_SEGMENT: Final = 255
"""Bytes of what stands between two slashes: longer names no file system keeps."""

INLINE: Final = ("image/", "audio/", "video/")
"""What a browser may show in its place. Anything else is only ever downloaded: it could be a page."""


class NotStoredError(LookupError):
    """There is nothing under the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The one request that stores a file: with these headers, until ``expires_at``."""

    method: str
    url: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """``size`` in bytes; ``modified`` is when it was stored."""

    key: str
    size: int
    modified: datetime


class Store(Protocol):
    """Files by keys, which are relative paths. No method blocks the event loop.

    Whoever has a signed address may use it until it expires, any number of times, and for nothing but what
    was signed. Methods raise ValueError for what is no key (see ``check_key``).
    """

    async def sign_upload(self, key: str, *, size: int, media_type: str, lasting: timedelta) -> Upload:
        """For a file of exactly ``size`` bytes and this type: any other is refused."""
        ...

    async def sign_download(self, key: str, *, name: str, media_type: str, lasting: timedelta) -> str:
        """The address of a file, which a browser saves under ``name``; it serves GET, HEAD and ranges."""
        ...

    async def head(self, key: str) -> Stored | None: ...

    async def read(self, key: str, start: int, length: int) -> bytes:
        """``length`` bytes from ``start`` on, fewer at the end. Raises NotStoredError."""
        ...

    def file(self, key: str) -> AbstractAsyncContextManager[Path]:
        """The file on this machine, to be read only. Raises NotStoredError."""
        ...

    async def write(self, key: str, source: Path, media_type: str) -> None:
        """Store a file of this machine; it is there whole or not at all."""
        ...

    async def copy(self, key: str, to: str) -> None:
        """Raises NotStoredError."""
        ...

    async def delete(self, *keys: str) -> None:
        """What is not there is no error."""
        ...

    def below(self, prefix: str) -> AsyncIterator[Stored]:
        """All below ``prefix``, which ends with a slash."""
        ...

    async def forget_unfinished(self, before: datetime) -> None:
        """Give up the parts of uploads that nobody has gone on with since then."""
        ...

    def owns(self, url: str) -> bool:
        """Whether an address looks like one of this store's."""
        ...


def check_key(key: str) -> str:
    """The key, if it is one: segments between single slashes, none of them ``.`` or ``..``.

    Raises ValueError.
    """
    if not key or len(key.encode(errors="replace")) > MAX_KEY:
        raise ValueError("a key has from 1 to 1024 bytes")
    for segment in key.split("/"):
        if segment in {"", ".", ".."}:
            raise ValueError(f"a key has no segment {segment!r}")
        if len(segment.encode(errors="replace")) > MAX_SEGMENT:
            raise ValueError("a segment of a key has at most 255 bytes")
        if "\\" in segment or any(unicodedata.category(char) in {"Cc", "Cs"} for char in segment):
            raise ValueError("a key has no backslash and no control character")
    return key


async def delete_below(store: Store, prefix: str) -> None:
    keys = [stored.key async for stored in store.below(prefix)]
    if keys:
        await store.delete(*keys)


def disposition(name: str, media_type: str) -> str:
    """The header ``Content-Disposition`` of a download."""
    kind = "inline" if media_type.startswith(INLINE) and "svg" not in media_type else "attachment"
    quoted = quote(name, safe="")
    return f'{kind}; filename="{name}"' if quoted == name else f"{kind}; filename*=utf-8''{quoted}"
