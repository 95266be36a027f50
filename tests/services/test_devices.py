"""Where pushes go: everybody registers the own devices, and nobody reaches another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from bson import ObjectId

from tests.support.people import has_not_heard, new_school, newcomer
from tests.support.push_servers import Browser
from tests.support.pushing import Pushing, expo_token, phone_of, pushing
from tests.support.school import Json, Person, School

PATH = "devices"
VAPID_KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
ENDPOINT = "https://fcm.googleapis.com/fcm/send/a"


@pytest.fixture(scope="module")
async def place(mongodb_url: str) -> AsyncIterator[Pushing]:
    web = {"key": VAPID_KEY, "subject": "mailto:admin@school.example", "hosts": ["fcm.googleapis.com"]}
    async with pushing(mongodb_url, "test_devices", web=web) as place:
        yield place


async def own(person: Person) -> list[Json]:
    answer = await person.rest("find", PATH)
    assert answer.code == 200, answer
    data: list[Json] = answer.body["data"]
    return data


async def test_nobody_registers_a_device_without_logging_in(place: Pushing) -> None:
    data = {"provider": "expo", "token": expo_token()}
    assert (await place.school.nobody.rest("create", PATH, data=data)).code == 401
    assert (await place.school.nobody.rest("find", PATH)).code == 401
    assert (await place.school.nobody.rest("offer", PATH, data={})).code == 401


@pytest.mark.parametrize(
    ("role", "at"), [("student", "demo-high"), ("admin", "demo-high"), ("admin", "other-school")]
)
async def test_nobody_reaches_the_devices_of_another(place: Pushing, role: str, at: str) -> None:
    ada, other = await newcomer(place.school), await newcomer(place.school, role, at=at)
    await phone_of(ada)
    (device,) = await own(ada)
    assert await own(other) == []
    for method in ("get", "remove"):
        assert (await other.rest(method, PATH, id=device["_id"])).code == 404
    assert (await ada.rest("get", PATH, id=device["_id"])).body == device


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"provider": "pigeon", "token": "a"}, "provider"),
        ({"provider": "apns", "token": "ab" * 32}, "provider"),
        ({"provider": "expo"}, "token"),
        ({"provider": "expo", "token": "ab"}, "token"),
        ({"provider": "expo", "token": f"ExpoPushToken[{'a' * 5000}]"}, "token"),
        ({"provider": "expo", "token": "ExpoPushToken[a]", "platform": "phone"}, "platform"),
        ({"provider": "expo", "token": "ExpoPushToken[a]", "userId": "f" * 24}, "userId"),
        ({"provider": "expo", "token": "ExpoPushToken[a]", "keys": {"p256dh": "a", "auth": "a"}}, "keys"),
        ({"provider": "web", "token": "https://10.0.0.1/", "keys": {"p256dh": "a", "auth": "a"}}, "token"),
        ({"provider": "web", "token": f"{ENDPOINT}\x01", "keys": Browser(ENDPOINT).keys}, "token"),
        ({"provider": "web", "token": ENDPOINT}, "keys.auth"),
        ({"provider": "web", "token": ENDPOINT, "keys": {"p256dh": "a"}}, "keys.auth"),
    ],
)
async def test_what_is_no_device_is_refused(place: Pushing, data: Json, field: str) -> None:
    ada = await newcomer(place.school)
    refused = await ada.rest("create", PATH, data=data)
    assert (refused.code, list(refused.body["errors"])) == (400, [field])
    assert await own(ada) == []


async def test_a_token_is_never_shown_whole(place: Pushing) -> None:
    ada = await newcomer(place.school)
    async with ada.socket() as socket:
        token = await phone_of(ada)
        end = token.removesuffix("]")[-6:]
        (device,) = await own(ada)
        shown = {"_id", "provider", "platform", "token", "userId", "schoolId", "seenAt", "createdAt"}
        assert device.keys() == shown
        assert device["token"] == f"…{end}"
        assert await socket.next("devices created") == device
        assert (await ada.rest("remove", PATH, id=device["_id"])).body["token"] == f"…{end}"
        assert (await socket.next("devices removed"))["token"] == f"…{end}"
    refused = await ada.rest("find", PATH, query={"token": token})
    assert refused.code == 400


async def test_a_browser_registers_with_the_keys_of_its_subscription(place: Pushing) -> None:
    ada, browser = await newcomer(place.school), Browser(ENDPOINT)
    data = {"provider": "web", "token": ENDPOINT, "keys": browser.keys, "platform": "web"}
    answer = await ada.rest("create", PATH, data=data)
    assert (answer.code, answer.body["token"]) == (201, "…send/a")
    (stored,) = await place.devices_of(ada)
    assert stored["keys"] == browser.keys


async def test_what_is_offered_is_what_is_configured(place: Pushing, school: School) -> None:
    ada = await newcomer(place.school)
    offered = (await ada.rest("offer", PATH, data={})).body
    assert offered["providers"] == ["expo", "web"]
    assert len(offered["publicKey"]) == 87
    nothing = await (await newcomer(school)).rest("offer", PATH, data={})
    assert nothing.body == {"providers": [], "publicKey": None}


async def test_a_device_that_registers_again_is_the_same_one(place: Pushing) -> None:
    ada = await newcomer(place.school)
    token = await phone_of(ada)
    (first,) = await own(ada)
    data = {"provider": "expo", "token": token, "platform": "android"}
    answers = await asyncio.gather(*(ada.rest("create", PATH, data=data) for _ in range(3)))
    assert [answer.code for answer in answers] == [200, 200, 200]
    (again,) = await own(ada)
    assert again == {**first, "platform": "android", "seenAt": again["seenAt"]}
    assert again["seenAt"] > first["seenAt"]


async def test_the_same_device_twice_at_once_is_one(place: Pushing) -> None:
    ada = await newcomer(place.school)
    data = {"provider": "expo", "token": expo_token()}
    answers = await asyncio.gather(*(ada.rest("create", PATH, data=data) for _ in range(4)))
    assert {answer.body["_id"] for answer in answers} == {one["_id"] for one in await own(ada)}


async def test_a_device_that_another_registers_is_the_other_s(place: Pushing) -> None:
    slug = await new_school(place.school)
    ada = await newcomer(place.school)
    for other in (await newcomer(place.school), await newcomer(place.school, at=slug)):
        token = await phone_of(ada)
        async with ada.socket() as socket, other.socket() as theirs:
            answer = await other.rest("create", PATH, data={"provider": "expo", "token": token})
            assert answer.code == 201
            assert (await socket.next("devices removed"))["userId"] == ada.id
            assert (await theirs.next("devices created"))["userId"] == other.id
            assert await has_not_heard(socket, "devices created")
        assert await own(ada) == []
        (device,) = await own(other)
        assert device["schoolId"] == other.user["schoolId"]


async def test_of_too_many_devices_those_go_that_registered_longest_ago(place: Pushing) -> None:
    ada = await newcomer(place.school)
    tokens = [await phone_of(ada) for _ in range(3)]
    await ada.rest("create", PATH, data={"provider": "expo", "token": tokens[0]})
    tokens.append(await phone_of(ada))
    kept = {device["token"] for device in await place.devices_of(ada)}
    assert kept == {tokens[0], tokens[2], tokens[3]}


async def test_a_device_goes_with_its_login(place: Pushing) -> None:
    ada = await newcomer(place.school)
    again = await place.school.log_in(ada.user["email"], "long-enough")
    first, second = await phone_of(ada), await phone_of(again)
    async with again.socket() as socket:
        assert (await ada.rest("remove", "authentication")).code == 200
        await socket.next("devices removed")
    assert [device["token"] for device in await place.devices_of(again)] == [second]
    assert first != second


async def test_who_is_suspended_can_still_register_and_remove(place: Pushing) -> None:
    admin, ada = await newcomer(place.school, "admin"), await newcomer(place.school)
    suspended = {"suspendedUntil": "2090-01-01T00:00:00Z"}
    assert (await admin.rest("patch", "users", id=ada.id, data=suspended)).code == 200
    await phone_of(ada)
    (device,) = await own(ada)
    assert (await ada.rest("remove", PATH, id=device["_id"])).code == 200


async def test_who_is_removed_leaves_no_device(place: Pushing) -> None:
    admin, ada = await newcomer(place.school, "admin"), await newcomer(place.school)
    await phone_of(ada)
    assert (await admin.rest("remove", "users", id=ada.id)).code == 200
    devices = place.school.app.get("database").database["devices"]
    assert await devices.count_documents({"userId": ObjectId(ada.id)}) == 0
