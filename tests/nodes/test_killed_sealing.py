"""A server is killed while it seals what a conversation held before it was encrypted."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from stonechat.services.encryption_keys.sealer import BATCH, KIND
from tests.nodes.nodes import serve_nodes
from tests.nodes.test_killed_jobs import Story
from tests.support.encryption import encrypt
from tests.support.school import MASTER_KEY
from tests.support.waiting import until_so

pytestmark = pytest.mark.long

DATABASE: Final = "test_killed_sealing"
SETTINGS: Final = f'jobs = {{ lease_seconds = 1.5 }}\nencryption = {{ master_keys = ["{MASTER_KEY}"] }}\n'
CLEAR: Final = {"content": {"$type": "string"}}


async def test_another_process_seals_the_rest(
    tmp_path: Path, mongodb: AsyncMongoClient[dict[str, Any]], mongodb_url: str, redis_url: str
) -> None:
    async with serve_nodes(tmp_path, mongodb_url, DATABASE, redis_url, count=1, more=SETTINGS) as nodes:
        server, school = nodes[0].server, nodes[0].school
        ada = await school.person("ada")
        talk = await school.conversation("ada", "ben")
        here = {"conversationId": ObjectId(talk)}
        messages = mongodb[DATABASE]["messages"]
        async with AsyncExitStack() as holding:
            story = Story(mongodb[DATABASE], holding)
            await story.repeat(await story.say(ada, talk, "Again and again"), 2 * BATCH)
            last = await messages.find_one(here, sort=[("seq", -1)])
            assert last is not None
            await story.hold("messages", last["_id"])
            await encrypt(ada, talk)

            async def some_are_sealed() -> bool:
                return await messages.count_documents({**here, **CLEAR}) <= BATCH + 1

            await until_so(some_are_sealed, within=30)
            await server.kill()
            assert await messages.count_documents({**here, **CLEAR}) > 0
            before = {one["_id"]: one["content"] async for one in messages.find(here)}
        await server.start()
        await story.until("tasks", {"kind": KIND, "state": "DONE"})
        after = {one["_id"]: one["content"] async for one in messages.find(here)}
        assert {type(content) for content in after.values()} == {bytes}
        # What was sealed before is as it was.
        assert {
            one for one in before if isinstance(before[one], bytes) and before[one] != after[one]
        } == set()
        page = await ada.rest("find", "messages", query={"conversationId": talk, "$limit": 200})
        assert {message["content"] for message in page.body["data"]} == {"Again and again"}
