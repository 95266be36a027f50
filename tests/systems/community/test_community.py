"""The whole of Community's document, played by its client."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from bson import ObjectId

from stonechat.core.context import Params
from stonechat.models import Message
from stonechat.models.record import now
from stonechat.services.analytics.job import count_school
from stonechat.services.retention.expiry import expunge_expired
from tests.support.files import PNG, begin, picture, put
from tests.support.people import PASSWORD, new_school, newcomer, talk_of, write
from tests.support.school import Person, School, serve_school, test_settings
from tests.systems.community.client import Community, Refused

Json = Any
NOBODY: Final = "0" * 24
GROUP: Final = {"_id", "name", "members", "createdAt", "updatedAt"}
MESSAGE: Final = {"_id", "groupId", "senderId", "type", "content", "mediaUrl", "timestamp", "status"}

_numbers = itertools.count(1)


async def person(school: School, role: str = "student", *, at: str) -> Community:
    return client(await newcomer(school, role, at=at))


def client(one: Person) -> Community:
    found = Community(one.school.http, one.school.url)
    found.user_id, found.token = one.user.get("_id", ""), one.token or ""
    return found


@pytest.fixture(scope="module")
async def slug(school: School) -> str:
    return await new_school(school)


@pytest.fixture(scope="module")
async def people(school: School, slug: str) -> list[Community]:
    """Ada, Ben and Cleo."""
    return [await person(school, at=slug) for _ in range(3)]


@pytest.fixture
async def group(people: list[Community]) -> Json:
    """A group of Ada's with Ben."""
    ada, ben, _ = people
    return await ada.make_group("CS101 - Section A", ben)


async def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as found:
        await call
    return found.value


async def test_students_log_in_with_e_mail_or_college_id(school: School, slug: str) -> None:
    number = next(_numbers)
    data = {
        "email": f"cs-{number}@community.example",
        "collegeId": f"CS-{number}",
        "name": "Student",
        "role": "student",
        "password": PASSWORD,
    }
    where = await school.one("schools", slug=slug)
    await school.app.service("users").create(data, Params(tenant=where["_id"]))
    by_email = await Community(school.http, school.url).log_in(data["email"], PASSWORD)
    by_id = await Community(school.http, school.url).log_in(data["collegeId"], PASSWORD, school=slug)
    assert by_email.user_id == by_id.user_id
    for name in (data["email"], data["collegeId"]):
        wrong = await refused(Community(school.http, school.url).log_in(name, "wrong-password"))
        assert (wrong.status, wrong.name) == (401, "NotAuthenticated")
    nobody = Community(school.http, school.url)
    for path in ("groups", "messages", "analytics"):
        assert (await refused(nobody.call("GET", f"/community/{path}"))).status == 401


async def test_a_group_has_its_members_and_times(people: list[Community]) -> None:
    ada, ben, cleo = people
    made = await ada.make_group("CS101", ben)
    assert set(made) == GROUP
    assert made["name"] == "CS101"
    assert sorted(made["members"]) == sorted([ada.user_id, ben.user_id])
    assert datetime.fromisoformat(made["createdAt"]) <= datetime.fromisoformat(made["updatedAt"])
    assert await ben.call("GET", f"/community/groups/{made['_id']}") == made
    page = await ben.call("GET", "/community/groups")
    assert set(page) == {"total", "limit", "skip", "data"}
    assert made in page["data"]
    assert (await refused(cleo.call("GET", f"/community/groups/{made['_id']}"))).status == 404
    assert made["_id"] not in {one["_id"] for one in (await cleo.call("GET", "/community/groups"))["data"]}


async def test_a_group_is_renamed_and_people_come_and_go(people: list[Community], group: Json) -> None:
    ada, ben, cleo = people
    path = f"/community/groups/{group['_id']}"
    members = [ada.user_id, cleo.user_id]
    changed = await ada.call("PATCH", path, {"name": "CS102", "members": members})
    assert (changed["name"], sorted(changed["members"])) == ("CS102", sorted(members))
    assert await cleo.call("GET", path) == changed
    assert (await refused(ben.call("GET", path))).status == 404
    assert (await refused(cleo.call("PATCH", path, {"name": "Mine"}))).status == 403
    assert (await refused(cleo.call("PATCH", path, {"members": [cleo.user_id]}))).status == 403
    assert (await refused(ben.call("PATCH", path, {"name": "Mine"}))).status in {403, 404}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "A", "members": ["x"]}, "members.0"),
        ({"name": "A", "members": [NOBODY]}, "members"),
        ({"name": "A", "createdAt": "2025-08-20T10:00:00Z"}, "createdAt"),
        ({"name": "A", "_id": "grp_001"}, "_id"),
    ],
)
async def test_a_group_that_is_none_is_refused(people: list[Community], data: Json, field: str) -> None:
    found = await refused(people[0].call("POST", "/community/groups", data))
    assert (found.status, list(found.errors)) == (400, [field])


async def test_a_message_has_the_fields_of_the_document(people: list[Community], group: Json) -> None:
    ada, ben, cleo = people
    sent = await ada.send(group["_id"], "Hey guys, assignment is due tomorrow!", type="text")
    assert set(sent) == MESSAGE
    assert (sent["groupId"], sent["senderId"], sent["type"]) == (group["_id"], ada.user_id, "text")
    assert (sent["content"], sent["mediaUrl"]) == ("Hey guys, assignment is due tomorrow!", None)
    assert (sent["status"], datetime.fromisoformat(sent["timestamp"]).tzinfo is not None) == ("sent", True)
    path = f"/community/messages/{sent['_id']}"
    assert await ben.call("GET", path) == sent
    assert (await refused(cleo.call("GET", path))).status == 404
    assert (await cleo.messages(group["_id"]))["total"] == 0
    assert (await refused(cleo.send(group["_id"], "Let me in"))).status == 403
    edited = await ada.call("PATCH", path, {"content": "It is due on Friday."})
    assert edited == {**sent, "content": "It is due on Friday."}
    assert (await refused(ben.call("PATCH", path, {"content": "Never"}))).status == 403
    removed = await ada.call("DELETE", path)
    assert removed == {**sent, "content": None}
    after = await ben.call("GET", f"/community/groups/{group['_id']}")
    assert after["updatedAt"] == sent["timestamp"]


@pytest.mark.parametrize(
    ("data", "status", "field"),
    [
        ({"groupId": "grp_001"}, 400, "groupId"),
        ({"content": "x" * 4001}, 400, "content"),
        ({"content": ""}, 400, "content"),
        ({"content": None}, 400, "content"),
        ({"type": "poll"}, 400, "type"),
        ({"type": "system"}, 400, "type"),
        ({"type": "image"}, 400, "mediaUrl"),
        ({"mediaUrl": "javascript:alert(1)"}, 400, "mediaUrl"),
        ({"senderId": NOBODY}, 400, "senderId"),
        ({"timestamp": "2025-08-20T10:05:00Z"}, 400, "timestamp"),
        ({"status": "read"}, 400, "status"),
        ({"groupId": NOBODY}, 403, ""),
    ],
    ids=str,
)
async def test_a_message_that_is_none_is_refused(
    people: list[Community], group: Json, data: Json, status: int, field: str
) -> None:
    """Nobody says who has sent it, or when."""
    whole = {"groupId": group["_id"], "content": "Hello", **data}
    found = await refused(people[0].call("POST", "/community/messages", whole))
    assert (found.status, list(found.errors)) == (status, [field] if field else [])


async def test_a_page_has_the_last_50_messages(people: list[Community], group: Json) -> None:
    ada, ben, _ = people
    sent = [await ada.send(group["_id"], f"Message {number}") for number in range(53)]
    last = await ben.messages(group["_id"])
    assert (last["limit"], len(last["data"])) == (50, 50)
    assert [one["_id"] for one in last["data"]] == [one["_id"] for one in sent[:2:-1]]
    older = await ben.messages(group["_id"], **{"timestamp[$lt]": last["data"][-1]["timestamp"]})
    rest = await ben.messages(group["_id"], **{"$skip": "50"})
    for page in (older, rest):
        assert {one["_id"] for one in page["data"]} <= {one["_id"] for one in sent[:3]}
    assert len(rest["data"]) == 3
    assert len((await ben.messages(group["_id"], **{"$limit": "200"}))["data"]) == 50
    first = await ben.messages(group["_id"], **{"$sort[timestamp]": "1", "$limit": "1"})
    assert first["data"][0]["content"] == "Message 0"
    some = await ben.messages(group["_id"], **{"$select[0]": "content", "$limit": "1"})
    assert some["data"] == [{"_id": sent[-1]["_id"], "content": "Message 52"}]
    activity = await ben.call("GET", "/community/messages", senderId=ada.user_id, **{"$limit": "1"})
    assert activity["data"][0]["_id"] == sent[-1]["_id"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sender": "x"}, "sender"),
        ({"content": "secret"}, "content"),
        ({"groupId": "grp_001"}, "groupId"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"$sort[content]": "1"}, "$sort"),
        ({"type": "image"}, "type"),
        ({"timestamp[$gt]": "2025-08-20T10:05:00Z"}, "timestamp"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(people: list[Community], query: Json, field: str) -> None:
    found = await refused(people[0].call("GET", "/community/messages", **query))
    assert (found.status, list(found.errors)) == (400, [field])


async def test_media_is_a_link_or_a_file_of_the_school(school: School, slug: str) -> None:
    ada, ben = await newcomer(school, at=slug), await newcomer(school, at=slug)
    cleo = await person(school, at=slug)
    one, other = client(ada), client(ben)
    group = (await one.make_group("Media", other))["_id"]
    link = "https://storage.example.com/chat_media/grp_001/msg_67890/assignment.pdf"
    sent = await one.send(group, "Assignment PDF", type="image", mediaUrl=link)
    assert (sent["type"], sent["content"], sent["mediaUrl"]) == ("image", "Assignment PDF", link)

    data = picture()
    begun = await begin(ada, group, data, "a picture.png", PNG)
    assert (await put(ada, begun.body["upload"], data)).code in {200, 201, 204}
    named = {"attachmentId": begun.body["_id"]}
    assert (await ada.rest("complete", "attachments", data=named)).code in {200, 201}
    sent = await one.send(group, type="image", **named)
    assert sent["mediaUrl"] == f"/chat_media/{group}/{sent['_id']}/a%20picture.png"
    status, where = await other.media(sent["mediaUrl"])
    assert status == 302
    async with school.http.get(where if where.startswith("http") else school.url + where) as file:
        assert (file.status, file.content_type) == (200, PNG)
    assert (await cleo.media(sent["mediaUrl"]))[0] == 404
    assert (await client(school.nobody).media(sent["mediaUrl"]))[0] == 401
    for wrong in (
        sent["mediaUrl"].replace("picture", "other"),
        f"/chat_media/{NOBODY}/{sent['_id']}/a%20picture.png",
        f"/chat_media/{group}/{NOBODY}/a%20picture.png",
    ):
        assert (await other.media(wrong))[0] == 404


async def test_the_status_goes_from_sent_to_delivered_to_read(people: list[Community], group: Json) -> None:
    ada, ben, cleo = people
    earlier = await ada.send(group["_id"], "Earlier")
    sent = await ada.send(group["_id"], "Are you there?")
    path = f"/community/messages/{sent['_id']}"
    async with ada.live() as live, ben.live() as receiving:
        for one in (live, receiving):
            await one.call("find", "community/groups", {})
        for status in ("delivered", "read"):
            assert (await receiving.call("patch", "community/messages", sent["_id"], {"status": status}, {}))[
                "status"
            ] == status
            told = await live.next("community/messages patched", status=status)
            assert told == {**sent, "status": status}
            assert (await ada.call("GET", path))["status"] == status
        found = await ada.call("GET", f"/community/messages/{earlier['_id']}")
        assert found["status"] == "read"
    # Nothing goes back.
    assert (await ben.call("PATCH", path, {"status": "delivered"}))["status"] == "read"
    assert (await refused(ben.call("PATCH", path, {"status": "sent"}))).errors.keys() == {"status"}
    assert (await refused(cleo.call("PATCH", path, {"status": "read"}))).status == 404


async def test_all_members_are_told_live_and_nobody_else(people: list[Community], group: Json) -> None:
    ada, ben, cleo = people
    async with ada.live() as sending, ben.live() as hearing, cleo.live() as outside:
        sent = await sending.call(
            "create", "community/messages", {"groupId": group["_id"], "content": "Now"}, {}
        )
        assert await hearing.next("community/messages created") == sent
        assert await sending.next("community/messages created") == sent
        await ada.call("PATCH", f"/community/messages/{sent['_id']}", {"content": "Later"})
        assert await hearing.next("community/messages patched") == {**sent, "content": "Later"}
        await ada.call("DELETE", f"/community/messages/{sent['_id']}")
        assert await hearing.next("community/messages removed") == {**sent, "content": None}

        path = f"/community/groups/{group['_id']}"
        renamed = await ada.call("PATCH", path, {"name": "Renamed"})
        assert await hearing.next("community/groups patched", name="Renamed") == renamed
        await outside.call("find", "community/groups", {})
        assert [name for name, _ in outside.events if name.startswith("community/")] == []
        both = await ada.call("PATCH", path, {"members": [ada.user_id, cleo.user_id]})
        assert await hearing.next("community/groups removed") == {"_id": group["_id"]}
        told = await outside.next("community/groups patched")
        assert sorted(told["members"]) == sorted({*both["members"], ben.user_id}) or told == both
        hearing.events.clear()
        await ada.send(group["_id"], "Between us")
        await outside.next("community/messages created", content="Between us")
        await hearing.call("find", "community/groups", {})
        assert [name for name, _ in hearing.events if name.startswith("community/")] == []
        made = await ada.make_group("New", cleo)
        assert await outside.next("community/groups created") == made


async def test_what_the_school_writes_is_read_here_and_the_other_way_round(school: School, slug: str) -> None:
    ada, ben = await newcomer(school, at=slug), await newcomer(school, at=slug)
    talk = await talk_of(ada, ben, name="Both")
    async with client(ben).live() as live:
        message = await write(ada, talk, "From the school")
        told = await live.next("community/messages created")
        assert (told["_id"], told["content"]) == (message["_id"], "From the school")
    sent = await client(ben).send(talk, "From Community", idempotencyKey="once")
    assert (await client(ben).send(talk, "From Community", idempotencyKey="once"))["_id"] == sent["_id"]
    other = await refused(client(ben).send(talk, "Something else", idempotencyKey="once"))
    assert other.status == 422
    found = await ada.rest("find", "messages", query={"conversationId": talk})
    assert [one["content"] for one in found.body["data"]] == ["From the school", "From Community"]


async def test_groups_have_their_analytics_by_day_and_week(school: School, slug: str) -> None:
    ada, ben = await person(school, at=slug), await person(school, at=slug)
    admin = await person(school, "admin", at=slug)
    group = (await ada.make_group("Counted", ben))["_id"]
    sent = [await ben.send(group, "One"), await ben.send(group, "Two")]
    await count_school(await school.one("schools", slug=slug))
    found = await ada.call("GET", f"/community/analytics/{group}")
    day = datetime.fromisoformat(sent[-1]["timestamp"]).date()
    assert found["group_id"] == group
    assert (found["total_messages"], found["last_message_at"]) == (2, sent[-1]["timestamp"])
    assert found["daily"][-1]["day"] == str(day)
    assert found["weekly"][-1]["week"] == str(day - timedelta(days=day.weekday()))
    assert sum(one["total_messages"] for one in found["daily"]) == 2
    assert sum(one["total_messages"] for one in found["weekly"]) == 2
    page = await admin.call("GET", "/community/analytics", group_id=group)
    assert (page["total"], page["data"]) == (1, [found])
    assert (await refused(ben.call("GET", f"/community/analytics/{group}"))).status == 404
    assert (await ben.call("GET", "/community/analytics"))["total"] == 0
    assert (await refused(ada.call("GET", "/community/analytics", group_id="x"))).errors.keys() == {
        "group_id"
    }


async def test_old_messages_are_not_kept_for_ever(school: School) -> None:
    slug = await new_school(school)
    admin = await newcomer(school, "admin", at=slug)
    settings = {"settings": {"retentionDays": 30}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200
    ada, ben = await person(school, at=slug), await person(school, at=slug)
    group = (await ada.make_group("Old", ben))["_id"]
    old, young = await ada.send(group, "Long ago"), await ada.send(group, "Today")
    long_ago = {"$set": {"createdAt": now() - timedelta(days=31)}}
    await Message.documents().update_one({"_id": ObjectId(old["_id"])}, long_ago)

    async def progress(messages: int, conversations: int) -> None:
        pass

    await expunge_expired(school.app, await school.one("schools", slug=slug), progress)
    found = {one["_id"]: one["content"] for one in (await ben.messages(group))["data"]}
    assert found == {old["_id"]: None, young["_id"]: "Today"}


async def test_who_writes_too_often_is_held_up(mongodb_url: str) -> None:
    settings = test_settings(mongodb_url, "test_community_limits", limits={"messages": "2/minute"})
    async with serve_school(settings) as school:
        ada = client(await school.person("ada"))
        group = (await ada.make_group("Spam"))["_id"]
        for _ in range(2):
            await ada.send(group, "Buy now")
        found = await refused(ada.send(group, "Buy now"))
        assert (found.status, found.name) == (429, "TooManyRequests")


async def test_many_groups_write_at_once(people: list[Community], group: Json) -> None:
    ada, ben, _ = people
    async with ben.live() as live:
        sent = await asyncio.gather(*(ada.send(group["_id"], f"At once {n}") for n in range(20)))
        told = [await live.next("community/messages created") for _ in sent]
    assert {one["_id"] for one in told} == {one["_id"] for one in sent}
