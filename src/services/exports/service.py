from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...core.authentication.records import fingerprint
from ...core.context import Params
from ...core.envelope import DataKey, context_of
from ...models import Export, ExportPiece
from ...models.jobs import Jobs, Progress
from ...models.record import ANY_TEXT, now
from ...models.vault import Vault
from .archive import Sink, count_records, write_archive

DOWNLOADS: Final = "/downloads"
LINK_HOLDS: Final = timedelta(minutes=5)
PIECE: Final = 256 * 1024  # bytes
ONLY_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Download:
    """``size`` is the sum of the ``pieces``, in bytes."""

    name: str
    size: int
    pieces: AsyncIterator[bytes]


class ExportsService(BeanieService):
    """``keep_days`` is how long an archive is kept; the database forgets it then."""

    def __init__(self, app: Application, keep_days: float, paginate: Mapping[str, int | None]) -> None:
        super().__init__(Export, tenant="schoolId", paginate=paginate)
        self._app = app
        self._vault: Vault = app.get("vault")
        self._keep = timedelta(days=keep_days)
        self.jobs = Jobs(app, "exports", Export, self._make)

    async def setup(self, app: Application, path: str) -> None:
        await self.jobs.setup()

    async def remove(self, id: Any, params: Params | None = None) -> Any:
        """Remove the archive too."""
        removed: Any = await super().remove(id, params)
        if id is not None:
            await ExportPiece.documents().delete_many({"exportId": removed["_id"]})
        return removed

    async def link(self, data: Any, params: Params | None = None) -> dict[str, Any]:
        """A path that gives the archive once: ``{url, expiresAt}``. ``data``: ``exportId``.

        A newer link takes the place of the one before. Raises NotFound.
        """
        token, until = secrets.token_urlsafe(32), now() + LINK_HOLDS
        change = {"linkHash": fingerprint(token), "linkUntil": until}
        within = Params(params or {}, provider=None, query={})
        await super().patch(data["exportId"], change, within)
        return {"url": f"{DOWNLOADS}?token={token}", "expiresAt": until}

    async def open(self, token: str) -> Download | None:
        """The archive that the token of a link gives; the token is used up."""
        export = await Export.documents().find_one_and_update(
            {"linkHash": {"$eq": fingerprint(token), **ANY_TEXT}, "linkUntil": {"$gt": now()}},
            {"$set": {"linkHash": None, "linkUntil": None}},
        )
        if export is None or export["state"] != "DONE":
            return None
        name = f"stonechat-{export['_id']}.zip"
        key = None
        if export.get("wrapped") is not None:
            key = self._vault.key_in(export, export["_id"], ONLY_VERSION)
        return Download(name, export["size"], _pieces(export["_id"], export["runner"], key))

    async def write(
        self, user: Mapping[str, Any], sink: Sink, progress: Callable[[int], Awaitable[None]]
    ) -> None:
        """Write the archive of a user, as it is stored, elsewhere."""
        school = await self._app.service("schools").get(user["schoolId"])
        await write_archive(user, school, f"{now():%Y-%m-%d}", sink, progress, self._vault)

    async def count(self, user: Mapping[str, Any]) -> int:
        """How many records the user's archive has."""
        return await count_records(user)

    async def _make(self, job: dict[str, Any], progress: Progress) -> dict[str, Any]:
        expires_at = now() + self._keep
        user = await self._app.service("users").get(job["userId"], Params(tenant=job["schoolId"]))
        await ExportPiece.documents().delete_many({"exportId": job["_id"]})
        key, wrapped = self._vault.new_key(job["_id"], ONLY_VERSION) if self._vault.is_ready else (None, {})
        # Should the job come to nothing, its record is not kept for ever either.
        await progress(0, await self.count(user), expiresAt=expires_at, **wrapped)
        pieces = Pieces(job["_id"], job["runner"], expires_at, key)
        await self.write(user, pieces, progress)
        await pieces.close()
        return {"size": pieces.size, "expiresAt": expires_at}


class Pieces:
    """A sink that keeps the archive in the database, sealed where there is a key; ``size`` in bytes."""

    def __init__(self, export_id: Any, runner: str, expires_at: datetime, key: DataKey | None) -> None:
        self.size = 0
        self._key = key
        self._piece = {"exportId": export_id, "runner": runner, "expiresAt": expires_at}
        self._count = 0
        self._buffer = bytearray()

    async def write(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= PIECE:
            await self._store(PIECE)

    async def close(self) -> None:
        if self._buffer:
            await self._store(len(self._buffer))

    async def _store(self, size: int) -> None:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        sealed = data if self._key is None else self._key.seal(data, _place_of(self._piece, self._count))
        record = {**self._piece, "number": self._count, "data": sealed, "createdAt": now()}
        await ExportPiece.documents().insert_one(record)
        self._count += 1
        self.size += size


async def _pieces(export_id: Any, runner: str, key: DataKey | None) -> AsyncIterator[bytes]:
    """What another process had begun before is not among them. Raises SealError."""
    whole = {"exportId": export_id, "runner": runner}
    async for piece in ExportPiece.documents().find(whole, batch_size=4).sort("number"):
        data = piece["data"]
        yield data if key is None else key.open(data, _place_of(piece, piece["number"]))


def _place_of(piece: Mapping[str, Any], number: int) -> bytes:
    return context_of("export", piece["exportId"], piece["runner"], number)
