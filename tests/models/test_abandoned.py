from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.models.abandoned import INACTIVE_MICROSECONDS, end_abandoned
from tests.support.waiting import until_so

NAME: Final = "abandoning"
WRITES_AND_DIES: Final = """
import asyncio, os, signal, sys
from pymongo import AsyncMongoClient

async def main():
    url, database, name = sys.argv[1:]
    client = AsyncMongoClient(url, appname=name)
    session = client.start_session()
    await session.start_transaction()
    await client[database].notes.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_a_killed_process_was_about_to_write_can_be_written_by_others(
    mongodb_url: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await database["notes"].insert_one({"_id": 1, "n": 0})
    command = [sys.executable, "-c", WRITES_AND_DIES, mongodb_url, database.name, NAME]
    await asyncio.to_thread(subprocess.run, command, check=False)
    async with AsyncMongoClient[dict[str, Any]](mongodb_url, appname=NAME) as client:

        async def ended() -> bool:
            return await end_abandoned(client, NAME) == 1

        await until_so(ended)
        await client[database.name]["notes"].update_one({"_id": 1}, {"$inc": {"n": 1}})
        assert await client[database.name]["notes"].find_one() == {"_id": 1, "n": 1}


async def test_a_transaction_that_takes_its_time_goes_on(
    mongodb_url: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongodb_url, appname=NAME) as client:
        notes = client[database.name]["notes"]
        await notes.insert_one({"_id": 1, "n": 0})
        async with client.start_session() as session, await session.start_transaction():
            await notes.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)

            async def is_idle() -> bool:
                (mine,) = await _transactions(client)
                return bool(mine["transaction"]["timeInactiveMicros"] > INACTIVE_MICROSECONDS)

            await until_so(is_idle)
            assert await end_abandoned(client, NAME) == 0
        assert await notes.find_one() == {"_id": 1, "n": 1}


async def _transactions(client: AsyncMongoClient[dict[str, Any]]) -> list[dict[str, Any]]:
    sessions = {"$currentOp": {"allUsers": False, "idleSessions": True}}
    of_ours = {"$match": {"appName": NAME, "type": "idleSession"}}
    return await (await client.admin.aggregate([sessions, of_ours])).to_list()
