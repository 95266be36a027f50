"""The task that seals what a conversation held: from where it was interrupted, and once."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import aiohttp
import pytest

from stonechat.app import create_app
from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.envelope import MasterKeys
from stonechat.core.jobs import Task
from stonechat.models import Message
from stonechat.models.record import now
from stonechat.models.sealing import MESSAGE, Form, is_clear
from stonechat.models.task import OwedTask
from stonechat.models.vault import Vault
from stonechat.services.encryption_keys.sealer import BATCH, KIND, Sealer
from tests.support.privacy import many_old
from tests.support.school import MASTER_KEY, Person, School, test_settings

COUNT: Final = 2 * BATCH + 5


class Interrupted(Vault):
    """Seals so many records until its process is killed."""

    left = BATCH + 10

    async def seal(self, form: Form, record: Mapping[str, Any], version: int) -> dict[str, Any]:
        self.left -= 1
        if self.left < 0:
            raise ConnectionError
        return await super().seal(form, record, version)


@asynccontextmanager
async def running(url: str) -> AsyncGenerator[Application]:
    """Nobody does its tasks."""
    app = create_app(test_settings(url, "test_sealing"), background=False)
    await app.setup()
    yield app
    await app.teardown()


@pytest.fixture
async def app(mongodb_url: str) -> AsyncGenerator[Application]:
    async with running(mongodb_url) as app:
        yield app


async def somebody_of(app: Application, slug: str) -> Params:
    """As whom own code calls for the first user of a new school."""
    school = await app.service("schools").create({"name": f"The {slug}", "slug": slug})
    account = {"email": f"ada@{slug}.example", "name": "Ada", "password": "long-enough", "role": "admin"}
    ada = await app.service("users").create(account, Params(tenant=school["_id"]))
    return Params(tenant=school["_id"], user=ada)


async def talk_in(app: Application, own: Params) -> Any:
    return (await app.service("conversations").create({"kind": "group", "name": "A talk"}, own))["_id"]


async def clear_ones(talk: Any) -> int:
    return sum([is_clear(MESSAGE, one) async for one in Message.documents().find({"conversationId": talk})])


async def test_it_goes_on_where_it_was_interrupted(app: Application) -> None:
    as_ada = await somebody_of(app, "hill")
    talk = await talk_in(app, as_ada)
    async with aiohttp.ClientSession() as http:
        await many_old(Person(School(app, "", http), None, as_ada.user), str(talk), COUNT, days=1)
    await app.service("encryption-keys").create({"conversationId": talk}, as_ada)
    (owed,) = await OwedTask.documents().find({"kind": KIND}).to_list()
    assert owed["payload"] == {"conversationId": talk}
    task = Task(KIND, owed["payload"])
    # The newest message is sealed with the conversation.
    assert await clear_ones(talk) == COUNT - 1
    with pytest.raises(ConnectionError):
        await Sealer(Interrupted(MasterKeys([MASTER_KEY]))).seal(task)
    assert await clear_ones(talk) == COUNT - 1 - BATCH
    sealer = Sealer(app.get("vault"))
    await sealer.seal(task)
    assert await clear_ones(talk) == 0
    before = await Message.documents().find({"conversationId": talk}).to_list()
    await sealer.seal(task)
    assert await Message.documents().find({"conversationId": talk}).to_list() == before
    query = {"conversationId": talk, "$sort": {"seq": 1}, "$limit": 1000}
    found = await app.service("messages").find(Params(query=query, paginate=False))
    assert [one["content"] for one in found] == [f"Old {number}" for number in range(1, COUNT + 1)]


async def test_of_what_is_not_encrypted_it_leaves_everything(app: Application) -> None:
    own = await somebody_of(app, "lake")
    talk = await talk_in(app, own)
    await app.service("messages").create({"conversationId": talk, "content": "At noon"}, own)
    await Sealer(app.get("vault")).seal(Task(KIND, {"conversationId": talk}))
    assert await clear_ones(talk) == 1


async def test_no_command_to_the_database_has_it_in_clear(app: Application, mongodb_url: str) -> None:
    own = await somebody_of(app, "wood")
    here = {"conversationId": await talk_in(app, own)}
    await app.service("encryption-keys").create(here, own)
    # Another process, which knows nothing of the conversation yet.
    async with running(mongodb_url) as other:
        database = other.get("database").database
        await database.command("profile", 2)
        message = await other.service("messages").create({**here, "content": "The quokka"}, own)
        await other.service("messages").patch(message["_id"], {"content": "The wombat"}, own)
        later = {**here, "content": "The dingo", "sendAt": now() + timedelta(hours=1)}
        await other.service("scheduled-messages").create(later, own)
        await database.command("profile", 0)
        profile = await database["system.profile"].find().to_list()
    written = {one["ns"].partition(".")[2] for one in profile if one["op"] in {"insert", "update", "command"}}
    assert written >= {"messages", "message-edits", "conversations", "scheduled-messages"}
    assert not [one for one in profile if re.search("quokka|wombat|dingo", str(one))]
