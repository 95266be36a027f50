"""A server is killed in the middle of several kinds of jobs: each is done in the end, once.

What a job is about to change is written by a transaction of the test, which is open until the kill: so the
job is in its middle then, however fast it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.models.record import now
from tests.nodes.nodes import serve_nodes
from tests.support.school import Person
from tests.support.waiting import until_so

pytestmark = pytest.mark.long

DATABASE = "test_killed_jobs"
SETTINGS = "jobs = { lease_seconds = 1.5 }\n"
MANY = 3000

Records = AsyncDatabase[dict[str, Any]]
Row = dict[str, Any]


class Story:
    """A school in which something is exported, erased, taken out and sent at one time."""

    def __init__(self, database: Records, holding: AsyncExitStack) -> None:
        self.database = database
        self._holding = holding

    async def one(self, collection: str, **where: Any) -> Row:
        found = await self.database[collection].find_one(where)
        assert found is not None, (collection, where)
        return found

    async def hold(self, collection: str, record_id: Any) -> None:
        """From now on nobody else writes the record."""
        session = await self._holding.enter_async_context(self.database.client.start_session())
        await session.start_transaction()
        await self.database[collection].update_one(
            {"_id": ObjectId(record_id)}, {"$set": {"held": True}}, session=session
        )

    async def until(self, collection: str, where: Mapping[str, Any]) -> Row:
        """The record that fulfils this, as soon as there is one."""

        async def is_so() -> bool:
            return await self.database[collection].find_one(where) is not None

        await until_so(is_so, within=30)
        return await self.one(collection, **where)

    async def say(self, person: Person, talk: str, content: str) -> str:
        data = {"conversationId": talk, "content": content}
        answer = await person.rest("create", "messages", data=data)
        assert answer.code == 201, answer
        return str(answer.body["_id"])

    async def repeat(self, message_id: str, count: int) -> None:
        """As if its sender had written it so often; nobody can write there any more."""
        message = await self.one("messages", _id=ObjectId(message_id))
        await self.database["messages"].insert_many(
            [{**message, "_id": ObjectId(), "seq": message["seq"] + at} for at in range(1, count + 1)]
        )

    async def begin_retention(self, admin: Person, message_id: str) -> None:
        """Let it be a night, and the message old."""
        settings = {"settings": {"retentionDays": 30}}
        changed = await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)
        assert changed.code == 200, changed
        old = {"$set": {"createdAt": now() - timedelta(days=31)}}
        await self.database["messages"].update_one({"_id": ObjectId(message_id)}, old)
        await self.hold("messages", message_id)
        school_id, turn = ObjectId(admin.user["schoolId"]), now() - timedelta(hours=1)
        lease: Row = {"key": f"retention {school_id}", "holder": None, "until": turn, "createdAt": turn}
        await self.database["leases"].update_one(
            {"key": lease["key"]}, {"$set": {**lease, "doneAt": turn - timedelta(days=1)}}, upsert=True
        )
        name = {"kind": "retention", "key": str(school_id), "openKey": f"retention {school_id}"}
        payload = {"schoolId": school_id, "turn": turn}
        waiting = {
            "state": "WAITING",
            "attempts": 0,
            "dueAt": now(),
            "createdAt": now(),
            "schoolId": school_id,
        }
        await self.database["tasks"].insert_one({**name, **waiting, "payload": payload})


async def test_what_a_killed_server_was_doing_is_done_once_when_it_is_back(
    tmp_path: Path, mongodb: AsyncMongoClient[dict[str, Any]], mongodb_url: str, redis_url: str
) -> None:
    async with serve_nodes(tmp_path, mongodb_url, DATABASE, redis_url, count=1, more=SETTINGS) as nodes:
        server, school = nodes[0].server, nodes[0].school
        admin, rivera, ada, ben = [await school.person(name) for name in ("admin", "rivera", "ada", "ben")]
        talk = await school.conversation("rivera", "ada", "ben")
        quiet, crowd = [await school.conversation("ada", "rivera") for _ in range(2)]
        async with AsyncExitStack() as holding:
            story = Story(mongodb[DATABASE], holding)
            own, old, gone = [
                await story.say(person, talk, f"Of {person.id}") for person in (rivera, ada, ben)
            ]
            await story.repeat(await story.say(rivera, crowd, "Again and again"), MANY)
            later = {"conversationId": quiet, "content": "Later", "sendAt": now() + timedelta(seconds=1)}
            scheduled = (await ada.rest("create", "scheduled-messages", data=later)).body
            await story.hold("conversations", quiet)
            await story.hold("messages", gone)
            erasure = (await admin.rest("create", "erasures", data={"userId": ben.id})).body
            await story.begin_retention(admin, old)
            export = (await rivera.rest("create", "exports", data={})).body
            await story.until("exports", {"state": "RUNNING", "done": {"$gt": 0}})
            await story.hold("exports", export["_id"])
            await story.until("erasures", {"state": "RUNNING", "step": "messages"})
            await story.until("tasks", {"kind": "retention", "state": "RUNNING"})
            await story.until("scheduled-messages", {"state": "SENDING"})
            assert (await story.one("exports", _id=ObjectId(export["_id"])))["state"] == "RUNNING"
            await server.kill()
            killed_at = now()
        # Nobody waits a minute here for what the killed process had claimed.
        claimed = {"_id": ObjectId(scheduled["_id"])}
        await story.database["scheduled-messages"].update_one(claimed, {"$set": {"dueAt": now()}})
        await server.start()

        made = await story.until("exports", {"state": "DONE"})
        assert made["startedAt"] > killed_at
        pieces = await story.database["export-pieces"].find({"exportId": made["_id"]}).to_list()
        assert {piece["runner"] for piece in pieces} == {made["runner"]}
        assert sorted(piece["number"] for piece in pieces) == list(range(len(pieces)))

        erased = await story.until("erasures", {"_id": ObjectId(erasure["_id"]), "state": "DONE"})
        assert erased["startedAt"] > killed_at
        assert (await story.one("users", _id=ObjectId(ben.id)))["erasedAt"] is not None
        assert (await story.one("messages", _id=ObjectId(gone)))["content"] is None

        await story.until("tasks", {"kind": "retention", "state": "DONE"})
        assert (await story.one("messages", _id=ObjectId(old)))["content"] is None
        assert (await story.one("messages", _id=ObjectId(own)))["content"] is not None

        sent = await story.until("scheduled-messages", {**claimed, "state": "SENT"})
        messages = {"senderId": ObjectId(ada.id), "conversationId": ObjectId(quiet)}
        said = await story.database["messages"].find(messages).to_list()
        assert [message["_id"] for message in said] == [sent["messageId"]]
