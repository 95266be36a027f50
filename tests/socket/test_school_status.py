"""What people say of themselves beside being there, and to whom."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from tests.support.crowd import Crowd, OtherSchool
from tests.support.school import School
from tests.support.wire import Wire

ONLINE, OFFLINE = "user:online", "user:offline"
BUSY: Final = {"status": "busy", "text": "a" * 140}
AVAILABLE: Final = {"status": "available", "text": ""}
INVISIBLE: Final = {"status": "invisible", "text": ""}


@pytest.fixture(scope="module")
async def hasty(other_school: OtherSchool) -> AsyncIterator[School]:
    async with other_school(presence={"grace_seconds": 0.2}) as served:
        yield served


@pytest.fixture
async def crowd(hasty: School) -> AsyncIterator[Crowd]:
    async with Crowd.of(hasty) as crowd:
        await crowd.join("ada", "ben", "rivera", "cleo", "dan")
        await crowd.forget()
        yield crowd
        await crowd.wires["ben"].ask("presence:set", {"status": "available"})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "status"),
    ({"status": "away"}, "status"),
    ({"status": None}, "status"),
    ({"status": ["busy"]}, "status"),
    ({"status": "busy", "text": "a" * 141}, "text"),
    ({"status": "busy", "text": None}, "text"),
    ({"status": "busy", "text": {"$ne": 1}}, "text"),
    ({"status": "busy", "userId": "f" * 24}, "userId"),
]


async def test_a_wrong_status_is_refused_by_the_name_of_its_field(crowd: Crowd) -> None:
    for data, field in WRONG:
        refused = await crowd.wires["ben"].ask("presence:set", data)
        assert (refused["error"]["code"], list(refused["error"]["errors"])) == (400, [field])
    assert await crowd.has(ONLINE) == set()


async def test_a_status_is_not_changed_too_often(other_school: OtherSchool) -> None:
    async with other_school(limits={"presence": "2/minute"}) as school, Crowd.of(school) as crowd:
        await crowd.join("ada", "ben", "rivera")
        async with crowd.open("ben") as second:
            assert await second.ask("presence:set", BUSY) == BUSY
            assert (await crowd.wires["ben"].ask("presence:set", {"status": "away"}))["error"]["code"] == 400
            assert await crowd.wires["ben"].ask("presence:set", AVAILABLE) == AVAILABLE
            refused = (await second.ask("presence:set", INVISIBLE))["error"]
        assert (refused["code"], refused["data"]["retryAfter"] > 0) == (429, True)
        ben = (await school.person("ben")).id
        assert ben in (await crowd.wires["ada"].ask("presence:get", {}))["online"]
        assert await crowd.wires["rivera"].ask("presence:set", AVAILABLE) == AVAILABLE


async def test_who_is_not_logged_in_has_no_status(hasty: School) -> None:
    async with Wire.open(hasty.url) as nobody:
        refused = await nobody.ask("presence:set", BUSY)
        assert refused["error"]["code"] == 401


async def test_who_is_busy_is_so_for_those_who_may_know_and_after_coming_back(crowd: Crowd) -> None:
    ada, ben = crowd.wires["ada"], (await crowd.school.person("ben")).id
    assert await crowd.wires["ben"].ask("presence:set", BUSY) == BUSY
    (told,) = await ada.event(ONLINE)
    assert told == {"userId": ben, "role": "student", "at": told["at"], **BUSY}
    assert await crowd.has(ONLINE) == {"rivera"}
    assert (await ada.ask("presence:get", {}))["statuses"] == {ben: BUSY}
    assert (await crowd.wires["cleo"].ask("presence:get", {"userIds": [ben]}))["statuses"] == {}

    await crowd.leave("ben")
    await ada.event(OFFLINE)
    await crowd.join("ben")
    (welcome,) = await crowd.wires["ben"].event("connected")
    assert welcome["status"] == BUSY
    assert (await ada.event(ONLINE))[0]["status"] == "busy"
    async with crowd.open("ada") as second:
        (welcome,) = await second.event("connected")
        assert welcome["statuses"] == {ben: BUSY}


async def test_who_is_invisible_is_offline_for_everybody_else(crowd: Crowd) -> None:
    talk = await crowd.school.conversation("ada", "ben")
    ada, ben = crowd.wires["ada"], await crowd.school.person("ben")
    await crowd.wires["ben"].ask("typing:start", {"conversationId": talk})
    await ada.event("typing:start")
    assert await crowd.wires["ben"].ask("presence:set", {"status": "invisible"}) == INVISIBLE
    await ada.event("typing:stop")
    (told,) = await ada.event(OFFLINE)
    assert told == {"userId": ben.id, "lastSeenAt": told["lastSeenAt"]}
    assert ben.id not in (await ada.ask("presence:get", {}))["online"]
    assert (await crowd.wires["ben"].ask("presence:get", {}))["online"] == await crowd.ids("ada", "rivera")

    assert await crowd.wires["ben"].ask("typing:start", {"conversationId": talk}) == {}
    await crowd.forget()
    await crowd.wires["ben"].call("remove", "authentication", None)
    crowd.school.forget("ben")
    await crowd.join("ben")
    (welcome,) = await crowd.wires["ben"].event("connected")
    assert welcome["status"] == INVISIBLE
    for event in (ONLINE, OFFLINE, "typing:start"):
        assert await crowd.has(event) == set()
    stored = await crowd.school.app.service("users").get(ben.id)
    assert stored["lastSeenAt"].isoformat(timespec="milliseconds")[:23] == told["lastSeenAt"][:23]

    await crowd.wires["ben"].ask("presence:set", {"status": "available"})
    (told,) = await ada.event(ONLINE)
    assert told.keys() == {"userId", "role", "at"}


async def test_a_status_is_not_read_from_the_user(crowd: Crowd) -> None:
    await crowd.wires["ben"].ask("presence:set", INVISIBLE)
    ben = await crowd.school.person("ben")
    for name in ("admin", "ada", "ben"):
        reader = await crowd.school.person(name)
        answer = await reader.rest("get", "users", id=ben.id)
        assert not {"status", "statusText"} & answer.body.keys()
        assert (await reader.rest("find", "users", query={"status": "invisible"})).code == 400
