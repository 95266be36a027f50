"""Writing a big school into a database, past the application: a million messages in a minute or two."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any, Final

from pymongo import WriteConcern
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.models import MODELS

from .records import BigSchool, Record

BATCH: Final = 5000

Database = AsyncDatabase[dict[str, Any]]


async def fill(database: Database, messages: int, conversations: int) -> None:
    """Drop what is there, write the school, and make the indexes, which is faster last than first."""
    started = time.monotonic()
    await database.client.drop_database(database.name)
    school = BigSchool(messages, conversations)
    writer = _Writer(database)
    await writer.add("schools", school.school())
    for user in school.users:
        await writer.add("users", user)
    for conversation in school.conversations():
        await writer.add("conversations", conversation.record)
        for member in conversation.members:
            await writer.add("members", member)
        for message in conversation.messages:
            await writer.add("messages", message)
        for reaction in conversation.reactions:
            await writer.add("reactions", reaction)
    await writer.flush()
    tell(f"{database.name}: {messages:,} messages written in {time.monotonic() - started:.0f} s")
    await asyncio.gather(
        *(database[model.Settings.name].create_indexes(model.Settings.indexes) for model in MODELS)
    )
    tell(f"{database.name}: indexes made after {time.monotonic() - started:.0f} s")


class _Writer:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, list[Record]] = {}

    async def add(self, collection: str, record: Record) -> None:
        waiting = self._waiting.setdefault(collection, [])
        waiting.append(record)
        if len(waiting) >= BATCH:
            await self._write(collection)

    async def flush(self) -> None:
        for collection in self._waiting:
            await self._write(collection)

    async def _write(self, collection: str) -> None:
        records, self._waiting[collection] = self._waiting[collection], []
        if records:
            documents = self._database[collection].with_options(write_concern=WriteConcern(w=1))
            await documents.insert_many(records, ordered=False)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
