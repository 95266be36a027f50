"""Files in a folder, served by this application itself under signed addresses."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from .parts import Parts, place
from .signing import SIGNATURE, Grant, Signer
from .store import NotStoredError, Stored, Upload, check_key

PREFIX: Final = "/stored"
"""The path below which the files are served."""


class LocalStore:
    """``base_url`` is the address by which clients reach this application; without one, addresses are paths.

    Several nodes need a folder that they share. ``wanted`` says of a key whether anybody waits for its file
    still; without it, whoever has a signed address may upload until that expires.
    """

    def __init__(self, folder: Path, secret: str, *, base_url: str = "") -> None:
        self.folder = folder
        self.signer = Signer(secret)
        self.parts = Parts(folder / "parts")
        self._objects = folder / "objects"
        self.base_url = base_url.rstrip("/")
        self.wanted: Callable[[str], Awaitable[bool]] | None = None

    async def sign_upload(self, key: str, *, size: int, media_type: str, lasting: timedelta) -> Upload:
        expires = int((datetime.now(UTC) + lasting).timestamp())
        grant = Grant(verb="PUT", key=check_key(key), type=media_type, expires=expires, size=size)
        return Upload(
            method="PUT",
            url=self._url(grant),
            headers={"Content-Type": media_type},
            expires_at=datetime.fromtimestamp(expires, UTC),
        )

    async def sign_download(self, key: str, *, name: str, media_type: str, lasting: timedelta) -> str:
        expires = int((datetime.now(UTC) + lasting).timestamp())
        return self._url(Grant(verb="GET", key=check_key(key), type=media_type, expires=expires, name=name))

    async def head(self, key: str) -> Stored | None:
        return await asyncio.to_thread(_stored, key, self.path(key))

    async def read(self, key: str, start: int, length: int) -> bytes:
        def read(path: Path) -> bytes:
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    return file.read(length)
            except (FileNotFoundError, IsADirectoryError):
                raise NotStoredError(key) from None

        return await asyncio.to_thread(read, self.path(key))

    @asynccontextmanager
    async def file(self, key: str) -> AsyncGenerator[Path]:
        if await self.head(key) is None:
            raise NotStoredError(key)
        yield self.path(key)

    async def write(self, key: str, source: Path, media_type: str) -> None:
        def write(path: Path) -> None:
            draft = self.parts.draft()
            shutil.copyfile(source, draft)
            place(draft, path)

        await asyncio.to_thread(write, self.path(key))

    async def copy(self, key: str, to: str) -> None:
        def copy(source: Path, path: Path) -> None:
            draft = self.parts.draft()
            try:
                # Nothing ever changes a stored file, so that both can be the same.
                draft.hardlink_to(source)
                place(draft, path)
            except FileNotFoundError:
                raise NotStoredError(key) from None
            finally:
                # Of two names of one file, renaming makes none: the draft is left then.
                draft.unlink(missing_ok=True)

        await asyncio.to_thread(copy, self.path(key), self.path(to))

    async def delete(self, *keys: str) -> None:
        def delete(paths: list[Path]) -> None:
            for path in paths:
                path.unlink(missing_ok=True)
                for parent in path.parents:
                    if parent == self._objects:
                        break
                    with suppress(OSError):  # there is something else in it
                        parent.rmdir()

        await asyncio.to_thread(delete, [self.path(key) for key in keys])

    async def below(self, prefix: str) -> AsyncIterator[Stored]:
        for stored in await asyncio.to_thread(self._files_below, prefix):
            yield stored

    async def forget_unfinished(self, before: datetime) -> None:
        await asyncio.to_thread(self.parts.forget, before)

    def owns(self, url: str) -> bool:
        """Whatever its host: a server has several names."""
        parts = urlsplit(url)
        return parts.path.startswith(f"{PREFIX}/") and SIGNATURE in parse_qs(parts.query)

    def path(self, key: str) -> Path:
        """Raises ValueError for what is no key."""
        return self._objects.joinpath(*check_key(key).split("/"))

    def _url(self, grant: Grant) -> str:
        return f"{self.base_url}{PREFIX}/{quote(grant.key)}?{self.signer.query(grant)}"

    def _files_below(self, prefix: str) -> list[Stored]:
        folder = self.path(prefix.rstrip("/"))
        found = (_stored(path.relative_to(self._objects).as_posix(), path) for path in _files(folder))
        return [stored for stored in found if stored is not None]


def _stored(key: str, path: Path) -> Stored | None:
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not path.is_file():
        return None
    return Stored(key=key, size=stat.st_size, modified=datetime.fromtimestamp(stat.st_mtime, UTC))


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
