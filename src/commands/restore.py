"""``stonechat restore``: put into a database what a backup holds, and see whether it is well."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from bson import decode_all  # pyright: ignore[reportUnknownVariableType]
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.database import AsyncDatabase

from ..app import create_app
from ..core.application import Application
from ..models.archive import LEFT_OUT, MANIFEST, ArchiveError, Manifest, members, verified
from ..models.database import Database
from ..models.upgrade import COLLECTION, VERSION
from ..settings import Settings, load_settings
from .audit import verify
from .progress import ProgressLine
from .recount import recount
from .running import CommandError, configured, run_with

WRONG: Final = 1
STAGED: Final = "restoring."
"""Begins the names of collections until all of them are there."""

RAW: Final = CodecOptions(document_class=RawBSONDocument)


def add(options: argparse.ArgumentParser) -> None:
    configured(options, _restore)
    options.add_argument("file", type=Path, metavar="FILE.tar.gz", help="what stonechat backup has made")
    options.add_argument("--force", action="store_true", help="replace all that the database holds")


async def restore(settings: Settings, file: Path, *, force: bool = False) -> Manifest:
    """What is in the database stays until the backup is there as a whole; no server may run over it.

    Raises CommandError for a file that is not a whole backup, and for a database that is not empty.
    """
    try:
        manifest = await asyncio.to_thread(verified, file)
    except ArchiveError as error:
        raise CommandError(f"{file}: {error}") from None
    if manifest.records > VERSION:
        raise CommandError(
            f"{file}: has records of version {manifest.records}, and this release knows {VERSION}; "
            f"{manifest.release} has made it"
        )
    opened = Database(settings.mongodb.url, settings.mongodb.database, settings.mongodb.folder)
    try:
        await opened.connect()
        if not force and (occupied := await _occupied(opened.database)):
            raise CommandError(
                f"the database '{opened.name}' is not empty, it has {occupied}: --force replaces all of it"
            )
        await _drop_staged(opened.database)
        await _stage(opened.database, file, manifest)
        await _take_over(opened.database, manifest)
    finally:
        await opened.close()
    return manifest


async def check(app: Application) -> bool:
    """What ``recount`` and ``audit verify`` say of the database, printed as they do."""
    counted = await recount(app)
    return await verify(app) and counted


async def _occupied(database: AsyncDatabase[dict[str, Any]]) -> str | None:
    """A collection with something in it; what a server leaves behind that was only started does not count."""
    for name in sorted(await database.list_collection_names(filter={"type": "collection"})):
        passing = name in LEFT_OUT or name == COLLECTION or name.startswith(STAGED)
        if not passing and await database[name].find_one({}, {"_id": 1}):
            return name
    return None


async def _drop_staged(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Of a restore that was interrupted."""
    for name in await database.list_collection_names():
        if name.startswith(STAGED):
            await database.drop_collection(name)


async def _stage(database: AsyncDatabase[dict[str, Any]], file: Path, manifest: Manifest) -> None:
    line, done = ProgressLine("restore"), 0
    collection_of = {
        piece.file: collection.name for collection in manifest.collections for piece in collection.pieces
    }
    pieces = members(file)
    while found := await asyncio.to_thread(next, pieces, None):
        name, data = found
        if name == MANIFEST:
            continue
        documents = decode_all(data, RAW)
        into = database.get_collection(f"{STAGED}{collection_of[name]}", codec_options=RAW)
        await into.insert_many(documents, ordered=False)
        done += len(documents)
        line.show(f"{done} of {manifest.documents} records")
    line.end()
    for collection in manifest.collections:
        # This makes the collections too that are empty.
        await database.command("createIndexes", f"{STAGED}{collection.name}", indexes=collection.indexes)


async def _take_over(database: AsyncDatabase[dict[str, Any]], manifest: Manifest) -> None:
    """Names change at once, however much there is."""
    kept = {collection.name for collection in manifest.collections}
    for name in await database.list_collection_names(filter={"type": "collection"}):
        if name not in kept and not name.startswith((STAGED, "system.")):
            await database.drop_collection(name)
    for name in sorted(kept):
        await database[f"{STAGED}{name}"].rename(name, dropTarget=True)


def _restore(options: argparse.Namespace) -> None:
    settings = load_settings(extra=options.config)
    manifest = asyncio.run(restore(settings, options.file, force=options.force))
    print(f"{manifest.told} are in {settings.mongodb.database}")
    if not run_with(create_app(settings, background=False), check):
        sys.exit(WRONG)
