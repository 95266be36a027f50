"""A school that pushes by Expo, and the phones of its people."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from bson import ObjectId

from stonechat.core.context import Params
from stonechat.core.push import SETTING, Expo
from tests.support.push_servers import ACCESS_TOKEN, ExpoServer
from tests.support.school import Json, Person, School, serve_school, test_settings
from tests.support.waiting import until

_numbers = itertools.count(1)


class Pushing(NamedTuple):
    school: School
    expo: ExpoServer

    async def pushed(self, token: str, *, count: int = 1) -> list[Json]:
        """What a device was sent, once it is as much."""
        await until(lambda: len(self.to(token)) >= count)
        return self.to(token)

    def to(self, token: str) -> list[Json]:
        return [push for push in self.expo.pushes if push["to"] == token]

    async def is_idle(self) -> bool:
        """Whether all first looks were taken and all they led to is done: only second looks may follow."""
        tasks = self.school.app.get("database").database["tasks"]
        waiting: Json = {
            "key": {"$not": {"$regex": " again$"}},
            "kind": {"$in": ["push-look", "push-send", "push-clear"]},
        }
        return bool(await tasks.count_documents({**waiting, "state": {"$in": ["WAITING", "RUNNING"]}}) == 0)

    async def devices_of(self, person: Person) -> list[Json]:
        query = {"userId": ObjectId(person.id)}
        found: list[Json] = await self.school.app.service("devices").find(Params(query=query, paginate=False))
        return found


@contextmanager
def offered(school: School) -> Generator[None]:
    """Devices may be registered at a school that pushes nothing."""
    app = school.app
    before = app.get(SETTING)
    app.set(SETTING, {"expo": Expo("never used", "https://exp.example")})
    try:
        yield
    finally:
        app.set(SETTING, before)


def expo_token() -> str:
    return f"ExponentPushToken[{next(_numbers):06}]"


async def phone_of(person: Person, **more: Json) -> str:
    """A new device of somebody; its token."""
    token = expo_token()
    data = {"provider": "expo", "token": token, "platform": "ios", **more}
    answer = await person.rest("create", "devices", data=data)
    assert answer.code == 201, answer
    return token


@asynccontextmanager
async def pushing(mongodb_url: str, database: str, **push: Any) -> AsyncGenerator[Pushing]:
    async with ExpoServer.serving() as expo:
        own = {"access_token": ACCESS_TOKEN, "url": expo.url}
        chosen = {"delay_seconds": 0.1, "again_seconds": 1.0, "max_devices": 3, "expo": own, **push}
        settings = test_settings(mongodb_url, database, push=chosen, presence={"grace_seconds": 0})
        async with serve_school(settings) as school:
            yield Pushing(school, expo)
