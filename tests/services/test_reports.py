from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from bson import ObjectId

from stonechat.core.context import HookContext, Params
from stonechat.models import AuditEntry, Report
from stonechat.models.record import now
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

HIDDEN_FROM_REPORTERS = {"resolvedBy", "resolutionNote", "suspendUntil", "message"}


class Case:
    """A school of its own: ``teacher`` manages the talk in which ``ada`` wrote what ``ben`` may report."""

    def __init__(self, people: dict[str, Person], talk: str, message: Json) -> None:
        self.people = people
        self.talk = talk
        self.message = message

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    async def report(self, name: str = "ben", **more: Json) -> Answer:
        data = {"messageId": self.message["_id"], "reason": "bullying", **more}
        return await self.people[name].rest("create", "reports", data=data)

    async def resolve(self, name: str, report: Json, resolution: str, **more: Json) -> Answer:
        data = {"resolution": resolution, **more}
        return await self.people[name].rest("patch", "reports", id=report["_id"], data=data)


@pytest.fixture
async def case(school: School) -> Case:
    slug = await new_school(school)
    roles = {"teacher": "teacher", "ada": "student", "ben": "student", "cleo": "student", "admin": "admin"}
    people = {name: await newcomer(school, role, at=slug) for name, role in roles.items()}
    talk = await talk_of(people["teacher"], people["ada"], people["ben"], people["cleo"])
    return Case(people, talk, await write(people["ada"], talk, "You are stupid"))


async def found(person: Person, **query: Json) -> list[Json]:
    answer = await person.rest("find", "reports", query=query)
    assert answer.code == 200, answer
    records: list[Json] = answer.body["data"]
    return records


async def actions(case: Case) -> list[str]:
    school_id = ObjectId(case["admin"].user["schoolId"])
    entries = await AuditEntry.documents().find({"schoolId": school_id}).sort("number", 1).to_list()
    return [entry["action"] for entry in entries]


async def test_only_who_can_see_a_message_reports_it(school: School, case: Case) -> None:
    outsider, dan = await newcomer(school, "admin"), await school.person("dan")
    classmate = await newcomer(
        school, at=(await school.one("schools", _id=case["ada"].user["schoolId"]))["slug"]
    )
    data = {"messageId": case.message["_id"], "reason": "spam"}
    assert (await school.nobody.rest("create", "reports", data=data)).code == 401
    for person in (outsider, dan, classmate):
        assert (await person.rest("create", "reports", data=data)).code == 404
        async with person.socket() as socket:
            assert (await socket.call("create", "reports", data=data)).code == 404
    assert await Report.documents().count_documents({"messageId": ObjectId(case.message["_id"])}) == 0


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"reason": "spam"}, "messageId"),
        ({"messageId": "nonsense", "reason": "spam"}, "messageId"),
        ({"reason": "envy"}, "reason"),
        ({"note": "a" * 1001}, "note"),
        ({"reporterId": "f" * 24}, "reporterId"),
        ({"state": "resolved"}, "state"),
    ],
)
async def test_a_wrong_report_is_refused_by_the_name_of_its_field(case: Case, data: Json, field: str) -> None:
    whole = data if field == "messageId" else {"messageId": case.message["_id"], "reason": "spam", **data}
    answer = await case["ben"].rest("create", "reports", data=whole)
    assert (answer.code, [*answer.body["errors"]]) == (400, [field])


async def test_one_does_not_report_oneself(case: Case) -> None:
    answer = await case.report("ada")
    assert (answer.code, answer.body["errors"]) == (400, {"messageId": "is your own message"})


async def test_who_removes_the_own_message_is_reported_nevertheless(case: Case) -> None:
    """What was taken back before anybody reported it, teachers do not read; admins would restore it."""
    files = [{"name": "proof.png", "url": "https://example.org/proof.png"}]
    taken_back = await write(case["ada"], case.talk, "You are ugly", attachments=files)
    assert (await case["ada"].rest("remove", "messages", id=taken_back["_id"])).code == 200
    report = await case.report(messageId=taken_back["_id"])
    assert report.code == 201
    for seen in (
        *await found(case["teacher"]),
        (await case["teacher"].rest("get", "reports", id=report.body["_id"])).body,
    ):
        assert (seen["message"]["content"], seen["message"]["attachments"]) == (None, [])
        assert seen["message"]["deletedAt"] is not None
    (seen,) = await found(case["admin"])
    assert seen["message"]["content"] == "You are ugly"
    assert [file["name"] for file in seen["message"]["attachments"]] == ["proof.png"]


async def test_what_was_reported_before_it_was_taken_back_is_read_by_who_resolves_it(case: Case) -> None:
    first = (await case.report()).body
    assert (await case["ada"].rest("remove", "messages", id=case.message["_id"])).code == 200
    second = (await case.report("cleo")).body
    seen = {one["_id"]: one["message"] for one in await found(case["teacher"])}
    assert seen[first["_id"]]["content"] == "You are stupid"
    assert seen[second["_id"]]["content"] is None
    assert seen[first["_id"]]["deletedAt"] is not None


async def test_what_a_moderator_has_removed_is_not_reported_any_more(case: Case) -> None:
    assert (await case["teacher"].rest("remove", "messages", id=case.message["_id"])).code == 200
    answer = await case.report()
    assert (answer.code, answer.body["errors"]) == (400, {"messageId": "was removed"})


async def test_a_message_is_reported_once_by_everybody(case: Case) -> None:
    first = await case.report(note="Every day")
    again = await case.report(reason="spam")
    assert (first.code, again.code) == (201, 200)
    assert again.body == first.body
    answers = await asyncio.gather(*(case.report("cleo") for _ in range(4)))
    assert {answer.body["_id"] for answer in answers} != {first.body["_id"]}
    assert len({answer.body["_id"] for answer in answers}) == 1
    assert sorted(answer.code for answer in answers) == [200, 200, 200, 201]


async def test_the_author_never_sees_what_was_reported(school: School, case: Case) -> None:
    report = (await case.report()).body
    assert await found(case["ada"]) == []
    assert (await case["ada"].rest("get", "reports", id=report["_id"])).code == 404
    assert (await case.resolve("ada", report, "dismissed")).code == 404
    written = await write(case["teacher"], case.talk, "A teacher may be reported too")
    of_teacher = await case["ben"].rest(
        "create", "reports", data={"messageId": written["_id"], "reason": "other"}
    )
    assert of_teacher.code == 201
    assert [one["_id"] for one in await found(case["teacher"])] == [report["_id"]]
    assert (await case.resolve("teacher", of_teacher.body, "dismissed")).code == 404


async def test_an_admin_does_not_decide_on_what_is_reported_of_the_admin(case: Case) -> None:
    talk = await talk_of(case["admin"], case["ben"])
    written = await write(case["admin"], talk)
    data = {"messageId": written["_id"], "reason": "other"}
    report = await case["ben"].rest("create", "reports", data=data)
    assert await found(case["admin"]) == []
    assert (await case.resolve("admin", report.body, "dismissed")).code == 404


async def test_the_queue_is_for_admins_managing_teachers_and_the_reporter(school: School, case: Case) -> None:
    report = (await case.report()).body
    slug = (await school.one("schools", _id=case["ada"].user["schoolId"]))["slug"]
    other_teacher = await newcomer(school, "teacher", at=slug)
    other_admin = await newcomer(school, "admin", at=await new_school(school))
    for person in (case["cleo"], other_teacher, other_admin, await school.person("dan")):
        assert await found(person) == []
        assert (await person.rest("get", "reports", id=report["_id"])).code == 404
        assert (await case.resolve("ben", report, "dismissed")).code == 403
    for name in ("admin", "teacher"):
        (seen,) = await found(case[name])
        assert (seen["_id"], seen["reporterId"]) == (report["_id"], case["ben"].id)
        assert seen["message"]["content"] == "You are stupid"
    (own,) = await found(case["ben"])
    assert own["_id"] == report["_id"]
    assert not HIDDEN_FROM_REPORTERS & own.keys()


async def test_a_student_who_manages_a_talk_has_no_queue(case: Case) -> None:
    talk = await talk_of(case["cleo"], case["ada"], case["ben"])
    written = await write(case["ada"], talk)
    data = {"messageId": written["_id"], "reason": "spam"}
    report = await case["ben"].rest("create", "reports", data=data)
    assert await found(case["cleo"]) == []
    assert (await case.resolve("cleo", report.body, "dismissed")).code == 404


async def test_the_oldest_open_reports_come_first(case: Case) -> None:
    reports = [(await case.report()).body]
    for content in ("two", "three"):
        written = await write(case["ada"], case.talk, content)
        reports.append((await case.report(messageId=written["_id"])).body)
    assert (await case.resolve("teacher", reports[0], "dismissed")).code == 200
    expected = [reports[1]["_id"], reports[2]["_id"], reports[0]["_id"]]
    for name in ("admin", "teacher", "ben"):
        assert [one["_id"] for one in await found(case[name])] == expected
    assert [one["_id"] for one in await found(case["admin"], state="open")] == expected[:2]


@pytest.mark.parametrize("field", ["resolvedBy", "resolutionNote", "suspendUntil"])
async def test_nobody_asks_for_what_reporters_are_not_shown(case: Case, field: str) -> None:
    value = case["teacher"].id if field == "resolvedBy" else "2030-01-01T00:00:00Z"
    for query in ({field: value}, {"$or": [{field: {"$ne": None}}]}, {"$sort": {field: 1}}):
        assert (await case["ben"].rest("find", "reports", query=query)).code == 400
    await case.report()
    (own,) = await found(case["ben"], **{"$select": [field]})
    assert field not in own


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"resolution": "forgiven"}, "resolution"),
        ({"note": "without a resolution"}, "resolution"),
        ({"resolution": "suspended"}, "suspendUntil"),
        ({"resolution": "suspended", "suspendUntil": "2020-01-01T00:00:00Z"}, "suspendUntil"),
        ({"resolution": "warned", "suspendUntil": "2090-01-01T00:00:00Z"}, "suspendUntil"),
        ({"resolution": "hidden", "state": "open"}, "state"),
    ],
)
async def test_a_wrong_resolution_is_refused_by_the_name_of_its_field(
    case: Case, data: Json, field: str
) -> None:
    report = (await case.report()).body
    answer = await case["admin"].rest("patch", "reports", id=report["_id"], data=data)
    assert (answer.code, [*answer.body["errors"]]) == (400, [field])
    assert (await found(case["admin"]))[0]["state"] == "open"


async def test_only_admins_suspend(case: Case) -> None:
    report = (await case.report()).body
    refused = await case.resolve("teacher", report, "suspended", suspendUntil="2090-01-01T00:00:00Z")
    assert refused.code == 403
    assert await actions(case) == []


async def test_a_report_is_resolved_once_and_with_it_all_of_its_message(case: Case) -> None:
    reports = [(await case.report(name)).body for name in ("ben", "cleo")]
    answer = await case.resolve("teacher", reports[0], "dismissed", note="A joke among friends")
    assert answer.code == 200
    for report in reports:
        refused = await case.resolve("admin", report, "hidden")
        assert (refused.code, refused.body["data"]) == (409, {"resolution": "dismissed"})
    for seen in await found(case["admin"]):
        assert (seen["state"], seen["resolvedBy"]) == ("resolved", case["teacher"].id)
        assert seen["resolutionNote"] == "A joke among friends"
    for name in ("ben", "cleo"):
        (own,) = await found(case[name])
        assert (own["state"], own["resolution"]) == ("resolved", "dismissed")
        assert not HIDDEN_FROM_REPORTERS & own.keys()


async def test_of_two_who_resolve_at_once_one_is_too_late(case: Case) -> None:
    reports = [(await case.report(name)).body for name in ("ben", "cleo")]
    answers = await asyncio.gather(
        case.resolve("teacher", reports[0], "warned"), case.resolve("admin", reports[1], "warned")
    )
    assert sorted(answer.code for answer in answers) == [200, 409]
    warned = await case["ada"].rest("find", "warnings")
    assert warned.body["total"] == 1


@pytest.mark.parametrize("name", ["teacher", "admin"])
async def test_a_hidden_message_is_removed_by_who_decided_it(case: Case, name: str) -> None:
    report = (await case.report()).body
    async with case["cleo"].socket() as socket:
        assert (await case.resolve(name, report, "hidden")).code == 200
        told = await socket.next("messages removed")
    assert (told["_id"], told["content"]) == (case.message["_id"], None)
    seen = await case["ben"].rest("get", "messages", id=case.message["_id"])
    assert (seen.body["content"], seen.body["deletedBy"]) == (None, case[name].id)
    assert "reports.patch" in await actions(case)


async def test_what_is_gone_already_is_not_removed_again(case: Case) -> None:
    report = (await case.report()).body
    assert (await case["ada"].rest("remove", "messages", id=case.message["_id"])).code == 200
    assert (await case.resolve("teacher", report, "hidden")).code == 200
    seen = await case["ben"].rest("get", "messages", id=case.message["_id"])
    assert seen.body["deletedBy"] == case["ada"].id


async def test_a_warning_tells_the_author_and_not_of_the_reporter(case: Case) -> None:
    report = (await case.report(note="Ben's words")).body
    async with case["ada"].socket() as author, case["ben"].socket() as reporter:
        assert (await case.resolve("teacher", report, "warned", note="Be kind.")).code == 200
        told = await author.next("warnings created")
        assert await has_not_heard(author, "reports patched")
        assert await has_not_heard(reporter, "warnings created")
    assert (told["text"], told["messageId"]) == ("Be kind.", case.message["_id"])
    assert (told["userId"], told["issuedBy"]) == (case["ada"].id, case["teacher"].id)
    assert case["ben"].id not in told.values()
    assert await actions(case) == ["warnings.create", "reports.patch"]


async def test_a_suspension_keeps_the_author_from_writing(case: Case) -> None:
    report = (await case.report()).body
    until = now() + timedelta(days=1)
    answer = await case.resolve("admin", report, "suspended", suspendUntil=until, note="Three times")
    assert answer.code == 200
    refused = await case["ada"].rest(
        "create", "messages", data={"conversationId": case.talk, "content": "Ha"}
    )
    assert (refused.code, refused.body["data"]["code"]) == (403, "SUSPENDED")
    own = (await case["ada"].rest("get", "users", id=case["ada"].id)).body
    assert own["suspendedReason"] == "Three times"
    assert await actions(case) == ["users.patch", "reports.patch"]


async def test_nothing_is_resolved_where_the_decision_cannot_be_carried_out(case: Case) -> None:
    report = (await case.report()).body
    assert (await case["admin"].rest("remove", "users", id=case["ada"].id)).code == 200
    for resolution in (
        {"resolution": "warned"},
        {"resolution": "suspended", "suspendUntil": now() + timedelta(1)},
    ):
        answer = await case["admin"].rest("patch", "reports", id=report["_id"], data=resolution)
        assert (answer.code, [*answer.body["errors"]]) == (400, ["resolution"])
    (seen,) = await found(case["admin"])
    assert seen["state"] == "open"
    assert (await case.resolve("admin", report, "hidden")).code == 200


async def test_a_decision_that_fails_half_way_leaves_nothing(school: School, case: Case) -> None:
    report = (await case.report()).body

    doomed = report["messageId"]

    def fail(context: HookContext) -> None:
        if str(context.result["messageId"]) == doomed:
            raise RuntimeError("the warning cannot be kept")

    school.app.service("warnings").hooks({"after": {"create": [fail]}})
    assert (await case.resolve("admin", report, "warned")).code == 500
    (seen,) = await found(case["admin"])
    assert seen["state"] == "open"
    assert (await case["ada"].rest("find", "warnings")).body["total"] == 0
    assert await actions(case) == []


async def test_who_may_resolve_a_report_is_told_of_it_and_who_made_it(school: School, case: Case) -> None:
    slug = (await school.one("schools", _id=case["ada"].user["schoolId"]))["slug"]
    other_teacher, other_admin = await newcomer(school, "teacher", at=slug), await newcomer(school, "admin")
    listeners = [case["ada"], other_teacher, other_admin]
    async with AsyncExitStack() as stack:
        admin, teacher, ben, *sockets = [
            await stack.enter_async_context(one.socket())
            for one in (case["admin"], case["teacher"], case["ben"], *listeners)
        ]
        first, second = [(await case.report(name)).body for name in ("ben", "cleo")]
        assert (await case.resolve("teacher", first, "dismissed", note="No")).code == 200
        for socket in (admin, teacher):
            made = [await socket.next("reports created") for _ in range(2)]
            assert [one["_id"] for one in made] == [first["_id"], second["_id"]]
            resolved = [await socket.next("reports patched") for _ in range(2)]
            assert {one["_id"] for one in resolved} == {first["_id"], second["_id"]}
            assert {one["resolutionNote"] for one in resolved} == {"No"}
        for event in ("reports created", "reports patched"):
            own = await ben.next(event)
            assert own["_id"] == first["_id"]
            assert own.keys().isdisjoint({"resolvedBy", "resolutionNote", "suspendUntil"})
            assert await has_not_heard(ben, event)
            for socket in sockets:
                assert await has_not_heard(socket, event)


async def test_sockets_report_and_resolve_alike(case: Case) -> None:
    data = {"messageId": case.message["_id"], "reason": "danger"}
    async with case["ben"].socket() as ben, case["teacher"].socket() as teacher:
        report = await ben.call("create", "reports", data=data)
        assert report.code == 200
        assert (
            await ben.call("patch", "reports", id=report.body["_id"], data={"resolution": "hidden"})
        ).code == 403
        resolved = await teacher.call(
            "patch", "reports", id=report.body["_id"], data={"resolution": "dismissed"}
        )
        assert resolved.body["resolvedBy"] == case["teacher"].id


async def test_own_code_says_for_whom_it_resolves(school: School, case: Case) -> None:
    report = (await case.report()).body
    teacher = await school.one("users", _id=case["teacher"].id)
    service = school.app.service("reports")
    resolved = await service.patch(report["_id"], {"resolution": "dismissed"}, Params(user=teacher))
    assert str(resolved["resolvedBy"]) == case["teacher"].id


async def test_neither_the_author_nor_a_managing_student_is_told(school: School, case: Case) -> None:
    slug = (await school.one("schools", _id=case["ada"].user["schoolId"]))["slug"]
    witness = await newcomer(school, "admin", at=slug)
    talk = await talk_of(case["cleo"], case["admin"], case["ben"])
    written = await write(case["admin"], talk)
    async with case["admin"].socket() as author, case["cleo"].socket() as manager, witness.socket() as other:
        assert (await case.report(messageId=written["_id"])).code == 201
        # Whole, though the reporter was answered with less.
        assert (await other.next("reports created")).keys() >= {"resolvedBy", "resolutionNote"}
        for socket in (author, manager):
            assert await has_not_heard(socket, "reports created")
