"""The archive of an export: a zip file with a page that explains it, and a file for each kind of record."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from ...core.encoding import encode
from ...models.vault import Vault
from .parts import PARTS, Part

BATCH: Final = 200

README: Final = """\
What {school} keeps of {name} ({email}), on {date}.

Each file holds one record a line, as JSON. Times are in UTC; ids name records of the school. Messages of
others are theirs and are not in here.

{files}
"""


class Sink(Protocol):
    async def write(self, data: bytes) -> None: ...


class Spool(io.RawIOBase):
    """What zipfile has written since the last ``take``; nothing is kept behind it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def count_records(user: Mapping[str, Any]) -> int:
    return sum([await part.model.documents().count_documents(part.where(user)) for part in PARTS])


async def write_archive(
    user: Mapping[str, Any],
    school: Mapping[str, Any],
    date: str,
    sink: Sink,
    progress: Callable[[int], Awaitable[None]],
    vault: Vault,
) -> None:
    """Write all that is kept of ``user`` to ``sink``, some hundred records at a time.

    ``progress`` is told the number of records, after each batch.
    """
    spool, done = Spool(), 0
    with zipfile.ZipFile(spool, "w", zipfile.ZIP_DEFLATED) as archive:
        files = "\n".join(f"{part.file}\n    {part.about}" for part in PARTS)
        names = {"school": school["name"], "name": user["name"], "email": user["email"]}
        archive.writestr("README.txt", README.format(**names, date=date, files=files))
        for part in PARTS:
            with archive.open(part.file, "w", force_zip64=True) as file:
                async for batch in _batches(part, user, vault):
                    file.write(b"".join(encode(record) + b"\n" for record in batch))
                    done += len(batch)
                    await sink.write(spool.take())
                    await progress(done)
    await sink.write(spool.take())


async def _batches(part: Part, user: Mapping[str, Any], vault: Vault) -> AsyncIterator[list[dict[str, Any]]]:
    async for batch in _stored_batches(part, user):
        if part.form is not None:
            await vault.open(part.form, batch)
        yield await part.completed(batch, vault)


async def _stored_batches(part: Part, user: Mapping[str, Any]) -> AsyncIterator[list[dict[str, Any]]]:
    records = part.model.documents().find(part.where(user), dict.fromkeys(part.hidden, 0), batch_size=BATCH)
    if part.sort is not None:
        records = records.sort(part.sort)
    batch: list[dict[str, Any]] = []
    async for record in records:
        batch.append(record)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
