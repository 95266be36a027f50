"""Of whom connections want to be told, and are."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from stonechat.socket.subscriptions import MOST, Subscriptions
from tests.support.crowd import Crowd, OtherSchool
from tests.support.school import School
from tests.support.wire import Wire

SUBSCRIBE, UNSUBSCRIBE = "presence:subscribe", "presence:unsubscribe"
ONLINE, OFFLINE = "user:online", "user:offline"


def test_who_has_not_chosen_is_told_of_everybody() -> None:
    subscriptions = Subscriptions[str]()
    assert subscriptions.add("second", ["ada"])
    assert list(subscriptions.wanting({"first"}, "ben")) == ["first"]
    assert list(subscriptions.wanting({"second"}, "ben")) == []
    assert list(subscriptions.wanting({"second"}, "ada")) == ["second"]


def test_who_has_chosen_nobody_any_more_is_told_of_nobody() -> None:
    subscriptions = Subscriptions[str]()
    subscriptions.remove("first", ["ada"])
    assert subscriptions.of("first") is None
    assert subscriptions.add("first", ["ada"])
    subscriptions.remove("first", ["ada", "ben"])
    assert subscriptions.of("first") == set()
    subscriptions.clear("first")
    assert subscriptions.of("first") is None


def test_too_many_change_nothing() -> None:
    subscriptions = Subscriptions[str]()
    assert not subscriptions.add("first", [str(number) for number in range(MOST + 1)])
    assert subscriptions.of("first") is None
    assert subscriptions.add("first", [str(number) for number in range(MOST)])
    assert subscriptions.add("first", ["0"])
    assert not subscriptions.add("first", ["one more"])
    assert len(subscriptions.of("first") or ()) == MOST


@pytest.fixture(scope="module")
async def hasty(other_school: OtherSchool) -> AsyncIterator[School]:
    async with other_school(presence={"grace_seconds": 0}) as served:
        yield served


@pytest.fixture
async def crowd(hasty: School) -> AsyncIterator[Crowd]:
    async with Crowd.of(hasty) as crowd:
        await crowd.join("rivera", "ben")
        await crowd.forget()
        yield crowd


async def test_who_subscribes_is_told_of_those_alone(crowd: Crowd) -> None:
    rivera = crowd.wires["rivera"]
    ada, ben, cleo = [(await crowd.school.person(name)).id for name in ("ada", "ben", "cleo")]
    assert (await rivera.ask(SUBSCRIBE, {"userIds": [ada, cleo]}))["online"] == []
    await crowd.join("ada", "cleo")
    assert await crowd.heard(ONLINE) == {"ben": ["ada"], "rivera": ["ada"]}
    assert (await rivera.ask(SUBSCRIBE, {"userIds": [ben]}))["online"] == sorted([ada, ben])
    assert (await rivera.ask(UNSUBSCRIBE, {"userIds": [ada]}))["online"] == [ben]
    await crowd.leave("ada")
    assert await crowd.heard(OFFLINE) == {"ben": ["ada"]}
    assert (await rivera.ask(UNSUBSCRIBE, {}))["online"] == [ben]
    await crowd.join("ada")
    assert await crowd.heard(ONLINE) == {"ben": ["ada"], "rivera": ["ada"]}


async def test_a_subscription_is_the_connections_own(crowd: Crowd) -> None:
    async with crowd.open("rivera") as second:
        await second.event("connected")
        await crowd.wires["rivera"].ask(SUBSCRIBE, {"userIds": []})
        await crowd.join("ada")
        assert (await second.event(ONLINE))[0]["userId"] == (await crowd.school.person("ada")).id
        assert await crowd.heard(ONLINE) == {"ben": ["ada"]}


WRONG: list[tuple[str, dict[str, Any]]] = [
    (SUBSCRIBE, {}),
    (SUBSCRIBE, {"userIds": None}),
    (SUBSCRIBE, {"userIds": "all"}),
    (SUBSCRIBE, {"userIds": [{"$ne": 1}]}),
    (SUBSCRIBE, {"userIds": [str(number) for number in range(MOST + 1)]}),
    (UNSUBSCRIBE, {"userIds": 1}),
    (UNSUBSCRIBE, {"userIds": ["a"] * 1001}),
]


async def test_what_is_no_list_of_ids_is_refused_and_changes_nothing(crowd: Crowd) -> None:
    for event, data in WRONG:
        refused = (await crowd.wires["ben"].ask(event, data))["error"]
        assert (refused["code"], list(refused["errors"])) == (400, ["userIds"])
    await crowd.join("ada")
    assert (await crowd.heard(ONLINE))["ben"] == ["ada"]


async def test_who_is_not_logged_in_subscribes_to_nobody(hasty: School) -> None:
    async with Wire.open(hasty.url) as nobody:
        for event in (SUBSCRIBE, UNSUBSCRIBE):
            refused = await nobody.ask(event, {"userIds": []})
            assert refused["error"]["code"] == 401
