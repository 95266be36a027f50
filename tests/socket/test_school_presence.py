"""The school's presence as its people see it, where who leaves is offline after a moment."""

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import pytest

from tests.support.crowd import EVERYBODY, Crowd, OtherSchool
from tests.support.school import School
from tests.support.waiting import until
from tests.support.wire import EVENT, Wire

DEMO_HIGH: Final = {"admin", "rivera", "okafor", "ada", "ben", "cleo", "finn"}
ONLINE, OFFLINE, CHANGES = "user:online", "user:offline", "presence:changes"


@pytest.fixture(scope="module")
async def hasty(other_school: OtherSchool) -> AsyncIterator[School]:
    async with other_school(presence={"grace_seconds": 0.2}) as served:
        yield served


@pytest.fixture
async def crowd(hasty: School) -> AsyncIterator[Crowd]:
    async with Crowd.of(hasty) as crowd:
        yield crowd


def all_but(*names: str) -> Iterable[str]:
    return (name for name in EVERYBODY if name not in names)


AUDIENCES = [
    ("ben", {"ada", "rivera"}),
    ("ada", {"ben", "rivera"}),
    ("cleo", {"okafor", "finn"}),
    ("finn", {"rivera", "okafor", "cleo"}),
    ("rivera", {"okafor", "ada", "ben", "finn"}),
    ("okafor", {"rivera", "cleo", "finn"}),
    ("admin", DEMO_HIGH - {"admin"}),
    ("dan", {"ito"}),
    ("ito", {"dan"}),
]


@pytest.mark.parametrize(("name", "audience"), AUDIENCES)
async def test_exactly_these_are_told_who_comes_and_goes(crowd: Crowd, name: str, audience: set[str]) -> None:
    await crowd.join(*all_but(name))
    await crowd.forget()
    await crowd.join(name)
    await crowd.wires[name].event("connected")
    assert await crowd.heard(ONLINE) == {viewer: [name] for viewer in audience}
    await crowd.leave(name)
    nearest = crowd.wires[min(audience)]
    gone = await nearest.find(lambda packet: packet.startswith(f'{EVENT}["{OFFLINE}"'))
    nearest.packets.append(gone)
    assert await crowd.heard(OFFLINE) == {viewer: [name] for viewer in audience}
    assert await crowd.heard(ONLINE) == {}


async def test_events_say_who_and_when(crowd: Crowd) -> None:
    await crowd.join("ada", "ben")
    (online,) = await crowd.wires["ada"].event(ONLINE)
    ben = (await crowd.school.person("ben")).id
    assert online == {"userId": ben, "role": "student", "at": online["at"]}
    await crowd.leave("ben")
    (offline,) = await crowd.wires["ada"].event(OFFLINE)
    assert offline == {"userId": ben, "lastSeenAt": offline["lastSeenAt"]}
    assert online["at"] < offline["lastSeenAt"]
    assert offline["lastSeenAt"].endswith("Z")


async def test_who_connects_learns_who_is_online_of_those_that_may_be_seen(crowd: Crowd) -> None:
    await crowd.join(*all_but("ben"))
    async with Wire.open(crowd.school.url, login=False) as wire:
        ben = await crowd.school.person("ben")
        sid = await wire.connect({"token": ben.token})
        (welcome,) = await wire.event("connected")
        assert sorted(welcome.pop("online")) == await crowd.ids("ada", "rivera", "admin")
        plain = {"status": "available", "text": ""}
        assert welcome == {"socketId": sid, "userId": ben.id, "status": plain, "statuses": {}}
        await wire.call("remove", "authentication", None)
        crowd.school.forget("ben")


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("ben", {"ada", "rivera", "admin"}),
        ("rivera", {"ada", "ben", "finn", "okafor", "admin"}),
        ("admin", set[str]()),
        ("dan", {"ito"}),
    ],
)
async def test_presence_may_be_asked_for(crowd: Crowd, name: str, seen: set[str]) -> None:
    await crowd.join(*EVERYBODY)
    everybody = await crowd.ids(*EVERYBODY)
    wire = crowd.wires[name]
    (answer,) = await wire.call("presence:get", {})
    assert sorted(answer["online"]) == await crowd.ids(*seen)
    assert (await wire.call("presence:get", {"userIds": everybody})) == [answer]
    some = [*await crowd.ids("ada", "dan", "cleo"), "nonsense"]
    (answer,) = await wire.call("presence:get", {"userIds": some})
    assert sorted(answer["online"]) == await crowd.ids(*(seen & {"ada", "dan", "cleo"}))


@pytest.mark.parametrize("asked", ["all", [1], [None], {"$ne": 1}, ["a"] * 1001, ["a" * 25]])
async def test_presence_is_asked_for_by_ids(crowd: Crowd, asked: Any) -> None:
    await crowd.join("ada")
    (answer,) = await crowd.wires["ada"].call("presence:get", {"userIds": asked})
    assert answer["error"]["code"] == 400
    assert list(answer["error"]["errors"]) == ["userIds"]


async def test_who_is_not_logged_in_is_told_nothing(crowd: Crowd) -> None:
    async with Wire.open(crowd.school.url) as nobody:
        await crowd.join("ada", "ben")
        (answer,) = await nobody.call("presence:get", {})
        assert answer["error"]["code"] == 401
        assert [packet for packet in nobody.packets if packet.startswith(EVENT)] == []


async def test_a_second_device_comes_and_goes_unnoticed(crowd: Crowd) -> None:
    await crowd.join("ada", "ben")
    await crowd.forget()
    async with crowd.open("ben") as second:
        await second.event("connected")
        assert await crowd.heard(ONLINE) == {}
        await crowd.leave("ben")
        crowd.wires["ben"] = second
        await crowd.join("cleo")
        assert await crowd.heard(OFFLINE) == {}
        (answer,) = await crowd.wires["ada"].call("presence:get", {})
        assert answer["online"] == await crowd.ids("ben")
        await crowd.leave("ben")
    await crowd.wires["ada"].event(OFFLINE)


async def test_a_place_in_a_class_changes_who_sees_whom_at_once(crowd: Crowd) -> None:
    await crowd.join(*EVERYBODY)
    await crowd.forget()
    school = crowd.school
    admin, cleo = await school.person("admin"), await school.person("cleo")
    maths = await school.one("classes", name="Maths")
    place = {"classId": str(maths["_id"]), "userId": cleo.id}
    answer = await admin.rest("create", "class-enrollments", data=place)
    assert answer.code == 201, answer
    await until(lambda: sum(ONLINE in packet for packet in crowd.wires["cleo"].packets) == 3)
    told = await crowd.heard(ONLINE)
    assert sorted(told.pop("cleo")) == ["ada", "ben", "rivera"]
    assert told == {viewer: ["cleo"] for viewer in ("ada", "ben", "rivera")}

    answer = await admin.rest("remove", "class-enrollments", id=answer.body["_id"])
    assert answer.code == 200, answer
    await until(lambda: sum(OFFLINE in packet for packet in crowd.wires["cleo"].packets) == 3)
    told = await crowd.heard(OFFLINE)
    assert sorted(told.pop("cleo")) == ["ada", "ben", "rivera"]
    assert told == {viewer: ["cleo"] for viewer in ("ada", "ben", "rivera")}
    assert await crowd.heard(ONLINE) == {}


async def test_changes_that_come_together_are_told_together(other_school: OtherSchool) -> None:
    async with other_school(presence={"collect_ms": 100}) as school, Crowd.of(school) as crowd:
        await crowd.join("ada", "ben", "rivera", "cleo")
        maths = await school.one("classes", name="Maths")
        place = {"classId": str(maths["_id"]), "userId": (await school.person("cleo")).id}
        added = await (await school.person("admin")).rest("create", "class-enrollments", data=place)
        (together,) = await crowd.wires["cleo"].event(CHANGES)
        changes = together["changes"]
        first = [packet for packet in crowd.wires["cleo"].packets if ONLINE in packet]
        for change in changes:
            assert (set(change), change["online"]) == ({"userId", "online", "role", "at"}, True)
        assert len(changes) + len(first) == 3
        assert {change["userId"] for change in changes} <= set(await crowd.ids("ada", "ben", "rivera"))
        await (await school.person("admin")).rest("remove", "class-enrollments", id=added.body["_id"])
