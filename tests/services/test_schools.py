from __future__ import annotations

import pytest

from tests.support.people import has_not_heard, new_school, newcomer
from tests.support.school import Json, School


@pytest.mark.parametrize("name", ["ada", "rivera", "admin"])
async def test_everybody_sees_the_own_school_and_no_other(school: School, name: str) -> None:
    person, dan = await school.person(name), await school.person("dan")
    other = dan.user["schoolId"]
    for query in (
        {},
        {"_id": other},
        {"slug": "other-school"},
        {"$or": [{"_id": other}, {"slug": "demo-high"}]},
    ):
        found = (await person.rest("find", "schools", query=query)).body["data"]
        assert {one["slug"] for one in found} <= {"demo-high"}
    assert (await person.rest("get", "schools", id=person.user["schoolId"])).body["slug"] == "demo-high"
    assert (await person.rest("get", "schools", id=other)).code == 404


async def test_the_admin_changes_the_own_school_and_its_people_hear_it(school: School) -> None:
    slug = await new_school(school)
    admin, ada = await newcomer(school, "admin", at=slug), await newcomer(school, at=slug)
    elsewhere = await newcomer(school)
    data = {"name": "A new name", "timezone": "Europe/Berlin"}
    async with ada.socket() as own, elsewhere.socket() as other:
        answer = await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)
        assert (await own.next("schools patched"))["name"] == "A new name"
        assert await has_not_heard(other, "schools patched")
    assert answer.code == 200
    assert {key: answer.body[key] for key in data} == data
    assert answer.body["slug"] == slug


async def test_one_setting_leaves_the_others_as_they_are(school: School) -> None:
    admin = await newcomer(school, "admin", at=await new_school(school))
    for settings in ({"editWindowMinutes": 15}, {"maxGroupMembers": 40}):
        data: Json = {"settings": settings}
        assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)).code == 200
    seen = (await admin.rest("get", "schools", id=admin.user["schoolId"])).body["settings"]
    assert seen == {
        "editWindowMinutes": 15,
        "maxGroupMembers": 40,
        "quietHours": None,
        "retention": {},
        "retentionDays": None,
    }


async def test_quiet_hours_are_set_whole_and_taken_away(school: School) -> None:
    admin = await newcomer(school, "admin", at=await new_school(school))
    weekdays: Json = {"from": "20:00", "to": "06:30", "days": ["monday", "sunday"]}
    for quiet in (weekdays, {"from": "21:00", "to": "07:00"}, None):
        data = {"settings": {"quietHours": quiet}}
        answer = await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)
        assert (answer.code, answer.body["settings"]["quietHours"]) == (200, quiet)


@pytest.mark.parametrize("name", ["ada", "rivera"])
async def test_others_than_admins_change_nothing(school: School, name: str) -> None:
    person = await school.person(name)
    answer = await person.rest("patch", "schools", id=person.user["schoolId"], data={"name": "Mine"})
    assert answer.code == 403


async def test_an_admin_does_not_change_another_school(school: School) -> None:
    admin, dan = await newcomer(school, "admin"), await school.person("dan")
    answer = await admin.rest("patch", "schools", id=dan.user["schoolId"], data={"name": "Mine"})
    assert answer.code == 404


@pytest.mark.parametrize("method", ["create", "update", "remove"])
async def test_schools_are_not_made_or_removed_by_clients(school: School, method: str) -> None:
    admin = await newcomer(school, "admin")
    identifier = None if method == "create" else admin.user["schoolId"]
    data = None if method == "remove" else {"name": "Mine", "slug": "mine"}
    assert (await admin.rest(method, "schools", id=identifier, data=data)).code == 405
    async with admin.socket() as socket:
        assert (await socket.call(method, "schools", id=identifier, data=data)).code == 405


@pytest.mark.parametrize(
    "data",
    [
        {"slug": "mine"},
        {"timezone": "Mars/Olympus"},
        {"settings": {"editWindowMinutes": -1}},
        {"settings": {"editWindowMinutes": 525_601}},
        {"settings": {"retentionDays": 36_501}},
        {"settings": {"retention": {"group": 36_501}}},
        {"settings": {"maxGroupMembers": 5001}},
        {"settings": {"unknown": 1}},
        {"settings": {"quietHours": {"from": "21:00"}}},
        {"settings": {"quietHours": {"from": "21:00", "to": "21:00"}}},
        {"settings": {"quietHours": {"from": "21:00", "to": "7:00"}}},
        {"settings": {"quietHours": {"from": "21:00", "to": "07:00", "days": ["someday"]}}},
        {"settings": {"quietHours": {"from": "21:00", "to": "07:00", "days": []}}},
        {"settings": None},
    ],
)
async def test_what_makes_no_sense_is_refused(school: School, data: Json) -> None:
    admin = await newcomer(school, "admin")
    answer = await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)
    assert answer.code == 400
    assert answer.body["errors"]
