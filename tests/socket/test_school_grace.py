"""The school's presence where who leaves has ten minutes to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from stonechat.socket import session
from tests.support.crowd import Crowd, OtherSchool
from tests.support.school import School
from tests.support.wire import Wire

ONLINE, OFFLINE = "user:online", "user:offline"


@pytest.fixture(scope="module")
async def patient(other_school: OtherSchool) -> AsyncIterator[School]:
    async with other_school(presence={"grace_seconds": 600}) as served:
        yield served


@pytest.fixture
async def crowd(patient: School) -> AsyncIterator[Crowd]:
    async with Crowd.of(patient) as crowd:
        yield crowd


async def test_who_comes_back_within_the_grace_was_never_away(crowd: Crowd) -> None:
    await crowd.join("ada", "rivera", "ben")
    await crowd.forget()
    await crowd.leave("ben")
    (answer,) = await crowd.wires["ada"].call("presence:get", {})
    assert answer["online"] == await crowd.ids("rivera", "ben")
    await crowd.join("ben")
    await crowd.wires["ben"].event("connected")
    assert await crowd.heard(OFFLINE) == {}
    assert await crowd.heard(ONLINE) == {}


async def test_a_logout_has_no_grace(crowd: Crowd) -> None:
    await crowd.join("ada", "rivera", "cleo", "ben")
    await crowd.forget()
    ben = crowd.wires["ben"]
    assert (await ben.call("remove", "authentication", None))[0] is None
    crowd.wires.pop("ben")
    crowd.school.forget("ben")
    assert await crowd.heard(OFFLINE) == {"ada": ["ben"], "rivera": ["ben"]}
    (answer,) = await ben.call("presence:get", {})
    assert answer["error"]["code"] == 401


async def test_who_is_removed_is_offline_and_out_at_once(crowd: Crowd) -> None:
    school = crowd.school
    admin, ada = await school.person("admin"), await school.person("ada")
    data = {"email": "eve@demo.school", "name": "Eve", "role": "student", "password": "correct horse"}
    eve = (await admin.rest("create", "users", data=data)).body
    maths = await school.one("classes", name="Maths")
    await admin.rest("create", "class-enrollments", data={"classId": str(maths["_id"]), "userId": eve["_id"]})
    await crowd.join("ada")
    token = (await school.log_in(data["email"], data["password"])).token
    async with Wire.open(school.url, auth={"token": token}) as wire:
        assert (await crowd.wires["ada"].event(ONLINE))[0]["userId"] == eve["_id"]
        assert (await admin.rest("remove", "users", id=eve["_id"])).code == 200
        await wire.wait_closed()
    assert (await crowd.wires["ada"].event(OFFLINE))[0]["userId"] == eve["_id"]
    assert ada.id not in (await crowd.wires["ada"].call("presence:get", {}))[0]["online"]


async def test_a_database_that_hangs_does_not_keep_the_server_from_stopping(
    other_school: OtherSchool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "CLOSE_SECONDS", 0.05)

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    async with AsyncExitStack() as stack, other_school() as school:
        monkeypatch.setattr(school.app.service("users").wrapped, "mark_seen", hang)
        token = (await school.person("ada")).token
        await stack.enter_async_context(Wire.open(school.url, auth={"token": token}))
    assert "too slow to note who was seen last" in capsys.readouterr().err
