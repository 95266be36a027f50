"""Bringing a database to what this version of the application reads and writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final

import structlog
from bson import ObjectId

from .lease import Lease, let_go, take
from .old_records import are_there, complete
from .record import now

logger = structlog.stdlib.get_logger(__name__)

VERSION: Final = 3
"""Of the records; 1 are those without a revision, which stored no version, 2 those from before teams."""

COLLECTION: Final = "versions"
OF_RECORDS: Final = "records"
KEY: Final = "upgrade"
HOLDING: Final = timedelta(seconds=15)
LOOK_AGAIN_SECONDS: Final = 0.2


async def upgrade() -> None:
    """Complete what older versions have written, once; whoever opens the database meanwhile waits.

    The models are bound. Processes of older versions must have ended: they go on writing what lacks fields.
    A process that is killed on the way leaves the rest to the next one. Raises PyMongoError.
    """
    await Lease.documents().create_indexes(Lease.Settings.indexes)
    holder = str(ObjectId())
    while await _stored() < VERSION:
        if not await take(KEY, holder, HOLDING):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            continue
        try:
            if await _stored() < VERSION:
                await _upgrade(holder)
        finally:
            await let_go(KEY, holder, done=now())


async def _upgrade(holder: str) -> None:
    if await are_there():
        logger.info("completing the records of an older version", version=VERSION)
        async with _held(holder):
            changed = await complete()
        logger.info("completed the records of an older version", version=VERSION, **changed)
    stored = {"version": VERSION, "at": now()}
    await _versions().update_one({"_id": OF_RECORDS}, {"$set": stored}, upsert=True)


@asynccontextmanager
async def _held(holder: str) -> AsyncGenerator[None]:
    """Renew the lease as long as the work lasts."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(HOLDING.total_seconds() / 3)
            await take(KEY, holder, HOLDING)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _stored() -> int:
    record = await _versions().find_one({"_id": OF_RECORDS})
    return 1 if record is None else record["version"]


def _versions() -> Any:
    return Lease.documents().database[COLLECTION]
