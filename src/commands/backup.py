"""``stonechat backup``: write what the database holds at one moment to a file."""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from .. import __version__
from ..models.archive import LEFT_OUT, ArchiveWriter, Collection, Manifest, Piece
from ..models.database import Database
from ..models.record import now
from ..models.upgrade import COLLECTION, OF_RECORDS
from ..settings import Settings, load_settings
from .progress import ProgressLine
from .restore import STAGED
from .running import CommandError, configured

MOMENT_GONE: Final = frozenset({239, 246})
"""MongoDB's SnapshotTooOld and SnapshotUnavailable."""


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _backup)
    options.add_argument(
        "file", type=Path, metavar="FILE.tar.gz", help="the file to make, which must not exist"
    )


async def backup(settings: Settings, file: Path) -> Manifest:
    """The file appears when it is whole. Raises CommandError where the database cannot tell of one moment."""
    opened = Database(settings.mongodb.url, settings.mongodb.database, settings.mongodb.folder)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        await opened.connect()
        with _opened(draft, file) as output:
            manifest = await _write(opened.database, output)
            output.flush()
            os.fsync(output.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
        await opened.close()
    return manifest


def _opened(draft: Path, file: Path) -> BinaryIO:
    if file.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))
    # Nobody but who runs the command may read what children write.
    return os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


async def _write(database: AsyncDatabase[dict[str, Any]], output: BinaryIO) -> Manifest:
    """One moment for all: that of the first statement in the session."""
    writer, collections, line = ArchiveWriter(output), list[Collection](), ProgressLine("backup")
    done = 0
    names = [name async for name in _names(database)]
    indexes = {name: [dict(one) async for one in await database[name].list_indexes()] for name in names}
    at = now()
    try:
        async with database.client.start_session(snapshot=True) as session:
            version = await database[COLLECTION].find_one({"_id": OF_RECORDS}, session=session)
            for name in names:
                pieces: list[Piece] = []
                async for data in _batches(database, name, session):
                    piece = await asyncio.to_thread(writer.add, f"{name}/{len(pieces):06}.bson", data)
                    pieces.append(piece)
                    done += piece.documents
                    line.show(f"{done} records, {name}")
                collections.append(Collection(name=name, indexes=indexes[name], pieces=pieces))
    except OperationFailure as error:
        if error.code not in MOMENT_GONE:
            raise
        raise CommandError(
            f"the database keeps no moment for as long as this takes, {done} records were read: take it "
            "with mongodump --oplog, or raise minSnapshotHistoryWindowInSeconds of MongoDB"
        ) from None
    line.end()
    records = 1 if version is None else version["version"]
    manifest = Manifest(release=__version__, records=records, at=at, collections=collections)
    await asyncio.to_thread(writer.close, manifest)
    return manifest


async def _names(database: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[str]:
    """All collections, those of extensions too."""
    for name in sorted(await database.list_collection_names(filter={"type": "collection"})):
        if name not in LEFT_OUT and not name.startswith(("system.", STAGED)):
            yield name


async def _batches(
    database: AsyncDatabase[dict[str, Any]], name: str, session: AsyncClientSession
) -> AsyncIterator[bytes]:
    # The types of pymongo say that these were documents.
    found = cast("AsyncIterator[bytes]", database[name].find_raw_batches(session=session))
    async for data in found:
        if data:
            yield data


def _backup(options: argparse.Namespace) -> None:
    manifest = asyncio.run(backup(load_settings(extra=options.config), options.file))
    size = options.file.stat().st_size
    print(
        f"{options.file}: {manifest.documents} records of {manifest.at:%Y-%m-%d %H:%M:%S} UTC, {size} bytes"
    )
