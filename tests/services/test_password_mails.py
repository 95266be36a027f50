"""Who forgot the password is sent a token by mail."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from tests.support.mailbox import HOST, Mailbox
from tests.support.people import newcomer
from tests.support.school import School, serve_school, test_settings
from tests.support.waiting import until

PAGE = "https://school.example/new-password?token={token}"


@pytest.fixture(scope="module")
async def mailbox() -> AsyncIterator[Mailbox]:
    async with Mailbox.serving() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
async def sending(mongodb_url: str, mailbox: Mailbox) -> AsyncIterator[School]:
    server = {"host": HOST, "port": mailbox.port, "encryption": "none", "sender": "chat@school.example"}
    settings = test_settings(mongodb_url, "test_password_mails", mail={**server, "reset_page": PAGE})
    async with serve_school(settings) as school:
        yield school


async def test_the_link_that_is_mailed_sets_a_new_password_once(sending: School, mailbox: Mailbox) -> None:
    ada = await newcomer(sending)
    email = ada.user["email"]
    assert (await sending.nobody.rest("create", "passwords", data={"email": email})).code == 201
    await until(lambda: mailbox.to(email))
    (mail,) = mailbox.to(email)
    found = re.search(r"https://school\.example/new-password\?token=(\S+)", mail.get_content())
    assert found is not None
    data = {"token": found.group(1), "password": "another long one"}
    assert (await sending.nobody.rest("reset", "passwords", data=data)).code == 200
    assert (await sending.nobody.rest("reset", "passwords", data=data)).code == 400
    await sending.log_in(email, "another long one")


async def test_no_token_is_kept_in_the_clear(sending: School, mailbox: Mailbox) -> None:
    ada = await newcomer(sending)
    email = ada.user["email"]
    await sending.nobody.rest("create", "passwords", data={"email": email})
    await until(lambda: mailbox.to(email))
    found = re.search(r"token=(\S+)", mailbox.to(email)[0].get_content())
    assert found is not None
    database = sending.app.get("database").database
    kept = [await database[name].find().to_list() for name in ("tasks", "password-resets")]
    assert all(kept)
    assert found.group(1) not in repr(kept)


async def test_nobody_is_written_where_there_is_no_such_account(sending: School, mailbox: Mailbox) -> None:
    witness = await newcomer(sending)
    email = witness.user["email"]
    for asked in ("nobody@nowhere.example", email):
        assert (await sending.nobody.rest("create", "passwords", data={"email": asked})).code == 201
    await until(lambda: mailbox.to(email))
    assert mailbox.to("nobody@nowhere.example") == []
