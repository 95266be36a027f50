"""A server is killed while it counts, makes a small picture and sends mails: each is done in the end, once.

A mail is held before the mail server has taken it. Killed after that and before it is noted, a job sends it
again, with the same Message-ID: nobody but that server could tell.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from bson import ObjectId
from PIL import Image
from pymongo import AsyncMongoClient

from stonechat.models.record import now
from stonechat.services.analytics.job import KIND as COUNT
from stonechat.services.attachments.thumbnails import KIND as THUMBNAIL
from stonechat.services.digests.digest import DIGEST
from stonechat.services.password_resets.mails import RESET_MAIL
from tests.nodes.nodes import serve_nodes
from tests.nodes.test_killed_jobs import Row, Story
from tests.support.files import PNG, begin, complete, fetch, picture, put
from tests.support.mailbox import HOST, Mailbox
from tests.support.people import write
from tests.support.school import Json, Person
from tests.support.waiting import until, until_so

pytestmark = pytest.mark.long

DATABASE: Final = "test_killed_work"
KINDS: Final = {COUNT, THUMBNAIL, DIGEST, RESET_MAIL}


@dataclass
class SlowMailbox(Mailbox):
    """Takes no mail while it is ``held``; ``waiting`` are those that it was told of then."""

    held: bool = False
    waiting: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.held:
            self.waiting += 1
            # It ends with the connection.
            await asyncio.Event().wait()
        return await super().handle_DATA(server, session, envelope)

    @property
    def settings(self) -> str:
        server = f'host = "{HOST}", port = {self.port}, encryption = "none", sender = "chat@school.example"'
        return f"mail = {{ {server}, digest_minutes = 0.005 }}\njobs = {{ lease_seconds = 1.5 }}\n"


def small_ones(folder: Path) -> list[Path]:
    return list(folder.rglob("small.webp"))


class Work(Story):
    async def hold_new(self, collection: str, record: Row) -> None:
        """From now on nobody else makes a record of the same name."""
        session = await self._holding.enter_async_context(self.database.client.start_session())
        await session.start_transaction()
        await self.database[collection].insert_one(record, session=session)

    async def begin_count(self, school_id: ObjectId, talk: str) -> None:
        """Let it be time; the numbers of the talk are held."""
        await self.hold_new("analytics", {"conversationId": ObjectId(talk)})
        turn = {"kind": COUNT, "schoolId": school_id}
        await self.until("tasks", turn)
        await self.database["tasks"].update_one(turn, {"$set": {"dueAt": now()}})
        await self.until("analytics", {"schoolId": school_id})

    async def begin_thumbnail(self, person: Person, talk: str, files: Path) -> Json:
        """A message with a picture; the small one is stored, and nobody has been told."""
        data = picture((600, 400))
        begun = (await begin(person, talk, data, "a.png", PNG)).body
        # Or it is made before anything can be held.
        name = {"kind": THUMBNAIL, "key": begun["_id"], "openKey": f"{THUMBNAIL} {begun['_id']}"}
        later: Row = {"state": "RUNNING", "dueAt": now() + timedelta(minutes=5), "createdAt": now()}
        await self.database["tasks"].insert_one({**name, **later, "attempts": 0})
        assert (await put(person, begun["upload"], data)).code == 201
        assert (await complete(person, begun["_id"])).code in {200, 201}
        message = await write(person, talk, attachments=[{"attachmentId": begun["_id"]}])
        await self.hold("conversations", talk)
        owed = {"payload": "$again.payload", "again": None, "state": "WAITING", "dueAt": now()}
        await self.database["tasks"].update_one(name, [{"$set": owed}])
        await until(lambda: small_ones(files), within=30)
        return message

    async def are_running(self) -> bool:
        running = await self.database["tasks"].find({"state": "RUNNING"}).to_list()
        return {task["kind"] for task in running} >= KINDS

    async def until_done(self, kinds: Collection[str], killed_at: datetime) -> list[Row]:
        """The tasks of these kinds, when those that were begun since then are no longer being done."""
        ended = {"startedAt": {"$gt": killed_at}, "state": {"$ne": "RUNNING"}}
        for kind in kinds:
            await self.until("tasks", {"kind": kind, **ended})
        return await self.database["tasks"].find({"kind": {"$in": list(kinds)}}).to_list()

    async def total(self, talk: str) -> Row:
        """The numbers of the talk, which agree among themselves."""
        numbers = await self.one("analytics", conversationId=ObjectId(talk))
        for name in ("days", "weeks"):
            assert sum(one["messages"] for one in numbers[name]) == numbers["totalMessages"]
        return numbers


async def test_what_a_killed_server_counted_drew_and_sent_is_done_once_when_it_is_back(
    tmp_path: Path, mongodb: AsyncMongoClient[dict[str, Any]], mongodb_url: str, redis_url: str
) -> None:
    async with AsyncExitStack() as stack:
        mailbox = await stack.enter_async_context(SlowMailbox.serving())
        nodes = await stack.enter_async_context(
            serve_nodes(tmp_path, mongodb_url, DATABASE, redis_url, count=1, more=mailbox.settings)
        )
        server, school = nodes[0].server, nodes[0].school
        rivera, ada, ben, finn = [await school.person(name) for name in ("rivera", "ada", "ben", "finn")]
        first, second, drawn = [await school.conversation("rivera", "ada") for _ in range(3)]
        unread = await school.conversation("ada", "ben")
        for talk in (first, second, first, second, first):
            await write(rivera, talk)
        wish = await ben.rest("patch", "notification-preferences", id="me", data={"emailDigest": True})
        assert wish.code == 200, wish
        mailbox.held = True
        async with AsyncExitStack() as holding:
            story = Work(mongodb[DATABASE], holding)
            await story.begin_count(ObjectId(ada.user["schoolId"]), first)
            message = await story.begin_thumbnail(ada, drawn, tmp_path)
            await write(ada, unread)
            asked = await school.nobody.rest("create", "passwords", data={"email": finn.user["email"]})
            assert asked.code == 201, asked
            await until(lambda: mailbox.waiting == 2, within=30)
            await until_so(story.are_running)
            await server.kill()
            killed_at = now()
        assert mailbox.mails == []
        assert not (await story.one("attachments", messageId=ObjectId(message["_id"])))["thumbnail"]
        counted = await story.database["analytics"].find().to_list()
        mailbox.held = False
        await server.start()

        await story.until_done([COUNT], killed_at)
        # The database may have done what the killed process had asked of it last: that is right, too.
        assert (await story.total(first))["totalMessages"] == 3
        numbers = await story.total(second)
        assert numbers["totalMessages"] == 2
        assert numbers["countedAt"] > killed_at
        before = {"_id": {"$in": [one["_id"] for one in counted]}}
        assert await story.database["analytics"].find(before).to_list() == counted

        tasks = await story.until_done(KINDS - {COUNT}, killed_at)
        assert [(task["state"], task["attempts"]) for task in tasks] == [("DONE", 2)] * 3

        assert len(small_ones(tmp_path)) == 1
        (file,) = (await rivera.rest("get", "messages", id=message["_id"])).body["attachments"]
        small = Image.open(io.BytesIO((await fetch(rivera, file["thumbnailUrl"]))[1]))
        assert (small.format, max(small.size)) == ("WEBP", 320)
        told = {"path": "messages", "event": "patched", "recordId": ObjectId(message["_id"])}
        assert await story.database["deliveries"].count_documents(told) == 1

        (digest,) = mailbox.to(ben.user["email"])
        assert "A talk: 1" in digest.get_content()
        (reset,) = mailbox.to(finn.user["email"])
        assert len(mailbox.mails) == 2
        code = re.search(r"set it: (\S+)", reset.get_content())
        assert code is not None
        data = {"token": code.group(1), "password": "another long one"}
        assert (await school.nobody.rest("reset", "passwords", data=data)).code == 200
