"""The people of a run, and the conversations they are in."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from stonechat.app import create_app
from stonechat.core.application import Application
from stonechat.core.context import Params
from stonechat.core.encoding import decode, encode
from tests.support.school import test_settings

Json = Any

PASSWORD: Final = "long-enough"
OUTSIDERS: Final = 3
"""People who are in none of the conversations; the last of them is of another school."""


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    email: str
    token: str


@dataclass(slots=True)
class Town:
    """``places[conversation]`` are the ids of its members, without the keeper, who made all of them."""

    keeper: Account
    writers: list[Account]
    outsiders: list[Account]
    places: dict[str, set[str]] = field(default_factory=dict[str, set[str]])


async def add_people(mongodb_url: str, database: str, writers: int) -> list[str]:
    """Two schools with people; their e-mail addresses, the keeper's first and the outsiders' last."""
    app = create_app(test_settings(mongodb_url, database), background=False)
    await app.setup()
    try:
        school, other = [await _school(app, slug) for slug in ("history-high", "other-high")]
        emails = await _people(app, school, "teacher", 1)
        emails += await _people(app, school, "student", writers + OUTSIDERS - 1)
        return emails + await _people(app, other, "stranger", 1)
    finally:
        await app.teardown()


async def settle(
    url: str, http: aiohttp.ClientSession, emails: list[str], conversations: int, chance: random.Random
) -> Town:
    """Log everybody in and put each writer into about half of the conversations, at least into one."""
    keeper, *others = [await _log_in(url, http, email) for email in emails]
    town = Town(keeper, others[:-OUTSIDERS], others[-OUTSIDERS:])
    shares = [set(range(conversations)) for _ in town.writers]
    for share in shares:
        for _ in range(conversations // 2):
            share.discard(chance.randrange(conversations))
    for number in range(conversations):
        ids = [one.id for one, share in zip(town.writers, shares, strict=True) if number in share]
        data = {"kind": "group", "name": f"Talk {number}", "memberIds": ids}
        headers = {"Authorization": f"Bearer {keeper.token}"}
        made = await _ask(url, http, "conversations", data, headers)
        town.places[made["_id"]] = set(ids)
    return town


async def _school(app: Application, slug: str) -> Json:
    return await app.service("schools").create({"name": slug, "slug": slug})


async def _people(app: Application, school: Json, name: str, count: int) -> list[str]:
    emails = [f"{name}-{number}@history.example" for number in range(count)]
    role = "teacher" if name == "teacher" else "student"
    for email in emails:
        data = {"email": email, "name": email.partition("@")[0], "role": role, "password": PASSWORD}
        await app.service("users").create(data, Params(tenant=school["_id"]))
    return emails


async def _log_in(url: str, http: aiohttp.ClientSession, email: str) -> Account:
    data = {"strategy": "local", "email": email, "password": PASSWORD}
    answer = await _ask(url, http, "authentication", data, {})
    return Account(answer["user"]["_id"], email, answer["accessToken"])


async def _ask(url: str, http: aiohttp.ClientSession, path: str, data: Json, headers: dict[str, str]) -> Json:
    sent = {"Content-Type": "application/json", **headers}
    async with http.post(f"{url}/{path}", data=encode(data), headers=sent) as got:
        answer = decode(await got.read())
        assert got.status == 201, answer
        return answer
