"""A message is written with few statements, however many are in its conversation or follow it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import uuid4

import aiohttp
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.app import create_app
from stonechat.core.testing import serving
from tests.support.encryption import encrypt
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Person, School, Socket, test_settings

NOTIFY: Final = "message:notify"
FEW, MANY = 2, 8
ATTEMPTS: Final = 5

STATEMENTS: Final = {
    "find users": 1,  # whose token it is
    "findAndModify conversations": 1,
    "findAndModify members": 1,
    "insert messages": 1,
    "insert deliveries": 1,
}
IN_BATCHES: Final = "update deliveries"
"""What was sent is noted for many messages at once."""

PREVIEW: Final = "q conversations"
"""Of an update the profile tells no more than its parts, of which this is the first."""


class Rooms:
    """Two conversations of one writer, all of whose members are connected."""

    def __init__(self, database: AsyncDatabase[Any], writer: Person, talks: dict[int, str]) -> None:
        self._database = database
        self._writer = writer
        self._talks = talks
        self.last: Socket | None = None

    async def encrypt(self, members: int) -> None:
        await encrypt(self._writer, self._talks[members])

    async def count(self, members: int) -> Counter[str]:
        """The statements of a message, until everybody was told of it and disturbed by it."""
        await self._database.drop_collection("system.profile")
        await self._database.command("profile", 2)
        message = await write(self._writer, self._talks[members], idempotencyKey=uuid4().hex)
        assert self.last is not None
        while (await self.last.next(NOTIFY))["messageId"] != message["_id"]:
            pass
        await self._database.command("profile", 0)
        kept = self._database["system.profile"].find({"appName": "stonechat"})
        asked = [f"{next(iter(one['command']))} {one['ns'].partition('.')[2]}" async for one in kept]
        return Counter(one for one in asked if one != IN_BATCHES)


@pytest.fixture(scope="module")
async def rooms(mongodb_url: str, mongodb: AsyncMongoClient[dict[str, Any]]) -> AsyncIterator[Rooms]:
    settings = test_settings(mongodb_url, "test_message_statements")
    app = create_app(settings, background=False)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(app))
        school = School(app, url, await stack.enter_async_context(aiohttp.ClientSession()))
        slug = await new_school(school)
        writer, *others = [await newcomer(school, at=slug) for _ in range(MANY)]
        sockets = [await stack.enter_async_context(one.socket()) for one in others]
        talks = {size: await talk_of(writer, *others[: size - 1]) for size in (FEW, MANY)}
        both = Rooms(mongodb[settings.mongodb.database], writer, talks)
        # Whoever is disturbed by a message is told so in one step: the first one is in both.
        both.last = sockets[0]
        yield both


@pytest.mark.parametrize("members", [FEW, MANY])
async def test_a_message_takes_as_many_statements_whatever_the_number_of_members(
    rooms: Rooms, members: int
) -> None:
    """The first message of a conversation learns what later ones know.

    Beanie binds its models once a process: what another school there does of its own accord may be counted
    with it, now and then.
    """
    expected = Counter(STATEMENTS)
    assert await last_count(rooms, members, expected) == expected


async def test_an_encrypted_message_takes_one_statement_more(rooms: Rooms) -> None:
    """The conversation shows its content, which is sealed once that has told the version of its key."""
    await rooms.encrypt(FEW)
    expected = Counter({**STATEMENTS, PREVIEW: 1})
    assert await last_count(rooms, FEW, expected) == expected


async def last_count(rooms: Rooms, members: int, expected: Counter[str]) -> Counter[str]:
    seen: list[Counter[str]] = []
    while len(seen) <= ATTEMPTS and (not seen or seen[-1] != expected):
        seen.append(await rooms.count(members))
    return seen[-1]
