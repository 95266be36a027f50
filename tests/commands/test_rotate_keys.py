"""``stonechat rotate-keys``: another master key, while what was sealed stays as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from stonechat.app import create_app
from stonechat.commands.rotate_keys import rotate_keys
from stonechat.commands.running import CommandError
from stonechat.core.application import Application
from stonechat.core.configuration import ConfigurationError
from stonechat.core.context import Params
from stonechat.core.errors import GeneralError
from stonechat.models import EncryptionKey, Export
from tests.support.encryption import master
from tests.support.school import test_settings

OLD, NEW, STRANGE = master("old"), master("new"), master("old")
TALKS = 3


@asynccontextmanager
async def running(url: str, *masters: str, environment: str = "test") -> AsyncGenerator[Application]:
    settings = test_settings(url, "test_rotate_keys", encryption={"master_keys": list(masters)})
    app = create_app(settings.model_copy(update={"environment": environment}), background=False)
    try:
        await app.setup()
        yield app
    finally:
        await app.teardown()


async def wrapped_by() -> set[str]:
    return {
        *await EncryptionKey.documents().distinct("masterId"),
        *await Export.documents().distinct("masterId"),
    }


async def filled(app: Application) -> list[Any]:
    """The ids of messages in encrypted conversations, and an archive of who has written them."""
    school = await app.service("schools").create({"name": "Hill School", "slug": "hill"})
    account = {"email": "ada@hill.example", "name": "Ada", "password": "long-enough", "role": "admin"}
    ada = await app.service("users").create(account, Params(tenant=school["_id"]))
    as_ada = Params(tenant=school["_id"], user=ada)
    ids: list[Any] = []
    for number in range(TALKS):
        talk = await app.service("conversations").create({"kind": "group", "name": "A talk"}, as_ada)
        here = {"conversationId": talk["_id"]}
        await app.service("encryption-keys").create(here, as_ada)
        await app.service("encryption-keys").rotate(here, as_ada)
        message = await app.service("messages").create({**here, "content": f"Said {number}"}, as_ada)
        ids.append(message["_id"])
    exports = app.service("exports")
    export = await exports.create({}, as_ada)
    assert (await exports.jobs.run_one(export["_id"]))["state"] == "DONE"
    return ids


async def test_after_it_the_old_master_key_is_needed_no_more(
    mongodb_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(mongodb_url, OLD) as app:
        ids = await filled(app)
        assert await wrapped_by() == {"old"}
    async with running(mongodb_url, OLD, NEW) as app:
        await rotate_keys(app)
        assert f"{2 * TALKS + 1} keys wrapped with 'new'" in capsys.readouterr().out
        assert await wrapped_by() == {"new"}
        await rotate_keys(app)
        assert "0 keys wrapped with 'new'" in capsys.readouterr().out
    async with running(mongodb_url, NEW) as app:
        said = [(await app.service("messages").get(one))["content"] for one in ids]
        assert said == [f"Said {number}" for number in range(TALKS)]
    for masters in ((), (OLD,), (STRANGE,)):
        with pytest.raises(ConfigurationError, match="'new' is missing"):
            async with running(mongodb_url, *masters, environment="production"):
                pass
    async with running(mongodb_url) as app:
        with pytest.raises(GeneralError, match="'new' is not configured"):
            await app.service("messages").get(ids[0])


async def test_there_has_to_be_a_master_key(mongodb_url: str) -> None:
    settings = test_settings(mongodb_url, "test_rotate_keys", encryption={"master_keys": []})
    with pytest.raises(CommandError, match=r"encryption\.master_keys"):
        await rotate_keys(create_app(settings, background=False))
