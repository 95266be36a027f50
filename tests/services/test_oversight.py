from __future__ import annotations

import pytest
from bson import ObjectId

from stonechat.core.context import Params
from stonechat.core.errors import BadRequest, Forbidden, NotAuthenticated, NotFound
from stonechat.models import AuditEntry
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School

REASON = "A parent has reported bullying"


class Case:
    """A conversation of two students of a school of its own, and the school's admin."""

    def __init__(self, admin: Person, ada: Person, ben: Person, teacher: Person, talk: str) -> None:
        self.admin = admin
        self.ada = ada
        self.ben = ben
        self.teacher = teacher
        self.talk = talk

    def asked(self, **query: Json) -> Json:
        return {"conversationId": self.talk, "reason": REASON, **query}

    async def reads(self) -> list[Json]:
        """What the log tells of reading, oldest first."""
        query = {"action": "conversations.read", "$sort": {"number": 1}}
        found: list[Json] = (await self.admin.rest("find", "audit-log", query=query)).body["data"]
        return found


@pytest.fixture
async def case(school: School) -> Case:
    slug = await new_school(school)
    admin, ada, ben, teacher = [
        await newcomer(school, role, at=slug) for role in ("admin", "student", "student", "teacher")
    ]
    talk = await talk_of(ada, ben)
    for content in ("One", "Two", "Three"):
        await write(ada, talk, content)
    return Case(admin, ada, ben, teacher, talk)


async def test_nobody_but_admins_of_the_school_reads(school: School, case: Case) -> None:
    stranger = await newcomer(school, "admin")
    refused = ((school.nobody, 401), (case.ben, 403), (case.teacher, 403), (stranger, 404))
    for person, code in refused:
        async with person.socket() as socket:
            for call in (person.rest, socket.call):
                answer = await call("find", "oversight", query=case.asked())
                assert answer.code == code
                assert "One" not in str(answer.body)
    assert await case.reads() == []


async def test_own_code_reads_for_an_admin_or_not_at_all(school: School, case: Case) -> None:
    oversight, query = school.app.service("oversight"), {"conversationId": ObjectId(case.talk)}
    stranger = await newcomer(school, "admin")

    def of(person: Person) -> Json:
        user = person.user
        return {**user, "_id": ObjectId(user["_id"]), "schoolId": ObjectId(user["schoolId"])}

    reasoned = {**query, "reason": REASON}
    with pytest.raises(NotAuthenticated):
        await oversight.find(Params(query=reasoned))
    with pytest.raises(Forbidden):
        await oversight.find(Params(query=reasoned, user=of(case.teacher)))
    with pytest.raises(NotFound):
        await oversight.find(Params(query=reasoned, user=of(stranger)))
    with pytest.raises(BadRequest):
        await oversight.find(Params(query=query, user=of(case.admin)))
    page = await oversight.find(Params(query=reasoned, user=of(case.admin)))
    assert [message["content"] for message in page["data"]] == ["One", "Two", "Three"]
    (read,) = await case.reads()
    assert read["actorId"] == case.admin.id


async def test_what_an_admin_reads_is_in_the_log_with_the_reason(case: Case) -> None:
    async with case.admin.socket() as socket:
        for call, query, seqs in (
            (case.admin.rest, {}, [1, 2, 3]),
            (socket.call, {"seq": {"$gte": 2}}, [2, 3]),
            (socket.call, {"$sort": {"seq": -1}, "$limit": 2}, [3, 2]),
            (case.admin.rest, {"seq": 2}, [2]),
            (case.admin.rest, {"seq": {"$gt": 3}}, []),
        ):
            answer = await call("find", "oversight", query=case.asked(**query))
            assert answer.code == 200, answer
            assert [message["seq"] for message in answer.body["data"]] == seqs
            read = (await case.reads())[-1]
            assert read["actorId"] == case.admin.id
            assert read["subject"] == {"path": "conversations", "id": case.talk}
            found = {"from": min(seqs), "to": max(seqs)} if seqs else {}
            assert read["details"] == {"reason": REASON, "messages": len(seqs), **found}
    assert len(await case.reads()) == 5


async def test_nobody_in_the_conversation_is_told_and_the_admin_does_not_become_a_member(case: Case) -> None:
    async with case.ada.socket() as socket:
        assert (await case.admin.rest("find", "oversight", query=case.asked())).code == 200
        members = await socket.call("find", "members", query={"conversationId": case.talk})
        assert {member["userId"] for member in members.body["data"]} == {case.ada.id, case.ben.id}
        assert socket.events == []
    assert (await case.admin.rest("get", "conversations", id=case.talk)).code == 404


async def test_what_was_removed_is_seen_as_such(case: Case) -> None:
    picture = {"name": "a.png", "url": "https://example.org/a.png"}
    message = await write(case.ada, case.talk, "Something bad", attachments=[picture])
    assert (await case.ada.rest("remove", "messages", id=message["_id"])).code == 200
    answer = await case.admin.rest("find", "oversight", query=case.asked())
    *others, removed = answer.body["data"]
    assert (removed["content"], removed["attachments"]) == (None, [])
    assert removed["deletedBy"] == case.ada.id
    assert removed["deletedContent"] == "Something bad"
    assert removed["deletedAttachments"][0]["url"] == picture["url"]
    assert [one for one in others if "deletedContent" in one] == []
    assert "fingerprint" not in removed


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": None}, "reason"),
        ({"reason": "why not"}, "reason"),
        ({"reason": " " * 20}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": {"$ne": "a long enough reason"}}, "reason"),
        ({"conversationId": None}, "conversationId"),
        ({"conversationId": "x"}, "conversationId"),
        ({"conversationId": {"$ne": str(ObjectId())}}, "conversationId"),
        ({"seq": "x"}, "seq"),
        ({"$select": ["seq"]}, "$select"),
        ({"$or": [{"seq": 1}]}, "$or"),
        ({"content": "One"}, "content"),
        ({"$sort": {"content": 1}}, "$sort"),
    ],
)
async def test_without_a_conversation_and_a_reason_nothing_is_read(
    case: Case, changes: Json, field: str
) -> None:
    query = {name: value for name, value in case.asked(**changes).items() if value is not None}
    async with case.admin.socket() as socket:
        for call in (case.admin.rest, socket.call):
            answer = await call("find", "oversight", query=query)
            assert answer.code == 400
            assert list(answer.body["errors"]) == [field]
    assert await case.reads() == []


async def test_what_does_not_exist_is_not_read(case: Case) -> None:
    query = case.asked(conversationId=str(ObjectId()))
    assert (await case.admin.rest("find", "oversight", query=query)).code == 404
    for method in ("get", "create", "patch", "remove"):
        identifier = None if method == "create" else case.talk
        data: Json = {} if method in {"create", "patch"} else None
        assert (await case.admin.rest(method, "oversight", id=identifier, data=data)).code == 405


async def test_what_the_log_cannot_tell_is_not_read(case: Case) -> None:
    """Somebody has put an entry into the log that the school has not written."""
    school_id = ObjectId(case.admin.user["schoolId"])
    await AuditEntry.documents().insert_one({"schoolId": school_id, "number": 1})
    async with case.admin.socket() as socket:
        for call in (case.admin.rest, socket.call):
            answer = await call("find", "oversight", query=case.asked())
            assert answer.code == 503
            assert "One" not in str(answer.body)
