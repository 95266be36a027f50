"""What each user wants to be disturbed by."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from stonechat.core.context import Params
from tests.support.people import has_not_heard, newcomer
from tests.support.school import Answer, Json, Person, School

PATH = "notification-preferences"
DEFAULTS = {"level": "all", "duringQuietHours": False, "sound": True, "emailDigest": False}
Transport = Literal["rest", "socketio"]
TRANSPORTS: tuple[Transport, ...] = ("rest", "socketio")


async def call(
    person: Person, transport: Transport, method: str, id: str, *, data: Json = None, query: Json = None
) -> Answer:
    if transport == "rest":
        return await person.rest(method, PATH, id=id, data=data, query=query)
    async with person.socket() as socket:
        return await socket.call(method, PATH, id=id, data=data, query=query)


def chosen(answer: Answer) -> Json:
    assert answer.code == 200, answer
    return {name: answer.body[name] for name in DEFAULTS}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_nobody_has_preferences_without_logging_in(school: School, transport: Transport) -> None:
    assert (await call(school.nobody, transport, "get", "me")).code == 401
    assert (await call(school.nobody, transport, "patch", "me", data={"sound": False})).code == 401


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("role", "at"), [("student", "demo-high"), ("admin", "demo-high"), ("admin", "other-school")]
)
async def test_nobody_reaches_the_preferences_of_another(
    school: School, role: str, at: str, transport: Transport
) -> None:
    ada, other = await newcomer(school), await newcomer(school, role, at=at)
    await ada.rest("patch", PATH, id="me", data={"level": "none"})
    for method, data in (("get", None), ("patch", {"level": "all"})):
        assert (await call(other, transport, method, ada.id, data=data)).code == 404
    assert chosen(await ada.rest("get", PATH, id="me"))["level"] == "none"


@pytest.mark.parametrize("method", ["find", "create", "update", "remove"])
async def test_there_is_one_record_a_user_to_get_and_to_change(school: School, method: str) -> None:
    ada = await newcomer(school)
    data = {"level": "none"} if method in {"create", "update"} else None
    name = ada.id if method in {"update", "remove"} else None
    assert (await ada.rest(method, PATH, id=name, data=data)).code == 405


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"level": "some"}, "level"),
        ({"level": None}, "level"),
        ({"sound": "yes"}, "sound"),
        ({"duringQuietHours": 1}, "duringQuietHours"),
        ({"userId": "f" * 24}, "userId"),
        ({"email": True}, "email"),
        ({"emailDigest": "yes"}, "emailDigest"),
        ({"digestedAt": None}, "digestedAt"),
    ],
)
async def test_what_makes_no_sense_is_refused(school: School, data: Json, field: str) -> None:
    ada = await newcomer(school)
    refused = await ada.rest("patch", PATH, id="me", data=data)
    assert (refused.code, list(refused.body["errors"])) == (400, [field])
    assert chosen(await ada.rest("get", PATH, id="me")) == DEFAULTS


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_who_has_chosen_nothing_has_the_defaults(school: School, transport: Transport) -> None:
    ada = await newcomer(school)
    answer = await call(ada, transport, "get", "me")
    assert answer.body == {"userId": ada.id, "schoolId": ada.user["schoolId"], **DEFAULTS}
    selected = await call(ada, transport, "get", ada.id, query={"$select": ["level"]})
    assert selected.body == {"userId": ada.id, "level": "all"}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_is_chosen_is_kept_and_the_rest_stays(school: School, transport: Transport) -> None:
    ada = await newcomer(school)
    for name, data in (("me", {"level": "mentions"}), (ada.id, {"sound": False}), ("me", {})):
        assert (await call(ada, transport, "patch", name, data=data)).code == 200
    for name in ("me", ada.id, ada.id.upper()):
        assert chosen(await ada.rest("get", PATH, id=name)) == {
            "level": "mentions",
            "duringQuietHours": False,
            "sound": False,
            "emailDigest": False,
        }


async def test_the_first_choices_of_several_devices_are_one_record(school: School) -> None:
    ada = await newcomer(school)
    choices: list[Json] = [{"level": "none"}, {"sound": False}, {"duringQuietHours": True}]
    answers = await asyncio.gather(*(ada.rest("patch", PATH, id="me", data=data) for data in choices))
    assert [answer.code for answer in answers] == [200, 200, 200]
    assert chosen(await ada.rest("get", PATH, id="me")) == {
        "level": "none",
        "duringQuietHours": True,
        "sound": False,
        "emailDigest": False,
    }


async def test_only_the_users_own_devices_are_told(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    async with ada.socket() as phone, ben.socket() as other:
        for level in ("mentions", "none"):
            await ada.rest("patch", PATH, id="me", data={"level": level})
            assert (await phone.next(f"{PATH} patched"))["level"] == level
        assert await has_not_heard(other, f"{PATH} patched")


async def test_who_is_removed_leaves_no_preferences(school: School) -> None:
    admin, ada = await newcomer(school, "admin"), await newcomer(school)
    await ada.rest("patch", PATH, id="me", data={"level": "none"})
    assert (await admin.rest("remove", "users", id=ada.id)).code == 200
    own = Params(query={"userId": ada.id}, paginate=False)
    assert await school.app.service(PATH).find(own) == []
