"""Every statement of the application finds its records by an index; MongoDB's profiler is the witness."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from stonechat import authentication_of, demo
from stonechat.commands.jobs import show as look_after_jobs
from stonechat.commands.recount import recount
from stonechat.commands.retention import expunge as retain
from stonechat.commands.rotate_keys import rotate_keys
from stonechat.core.application import Application
from stonechat.core.jobs import Task
from stonechat.models import MODELS, Attachment
from stonechat.models.push_notice import note_pushed, pushed_up_to, shows
from stonechat.models.record import now
from stonechat.models.vault import Vault
from stonechat.services.analytics.job import count_school
from stonechat.services.encryption_keys.sealer import Sealer
from stonechat.services.push.numbers import Numbers
from stonechat.services.push.sending import Sending
from stonechat.services.retention.nightly import Retention
from tests.support.encryption import encrypt, rotate
from tests.support.files import picture, uploaded
from tests.support.people import PASSWORD, new_school, newcomer, talk_of, write
from tests.support.privacy import aged, people_of, settle
from tests.support.pushing import offered, phone_of
from tests.support.school import PATHS, Person, School, Socket
from tests.support.teams import alert, channel_of, let_in, new_team

OR = " or "
"""Of so few records the planner may take either."""

CONSTRAINTS = {("exports", "openKey"), ("erasures", "openKey")}
"""Indexes that nothing is found by: they refuse a second job that does the same, and take no room else."""

PROFILE_BYTES = 64 * 1024 * 1024
COLLECTIONS = frozenset(model.Settings.name for model in MODELS)

Statement = dict[str, Any]
Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture(scope="module")
async def profiled(school: School, mongodb: AsyncMongoClient[dict[str, Any]]) -> AsyncIterator[Database]:
    """The schools' database, while its server keeps a record of every statement."""
    database = mongodb[school.app.get("database").name]
    await database.create_collection("system.profile", capped=True, size=PROFILE_BYTES)
    await database.command("profile", 2)
    yield database
    await database.command("profile", 0)


@pytest.fixture(scope="module")
async def statements(school: School, profiled: Database) -> list[Statement]:
    """What the application asked of its collections while everything was used."""
    await _use_everything(school)
    asked = {"planSummary": {"$exists": True}, "appName": "stonechat"}
    kept = await profiled["system.profile"].find(asked).to_list()
    return [one for one in kept if one["ns"].partition(".")[2] in COLLECTIONS]


async def _use_everything(school: School) -> None:
    await demo.seed(school.app)
    admin, rivera, ada = [await school.person(name) for name in ("admin", "rivera", "ada")]
    await _log_in_in_every_way(school, ada)
    for person in (admin, rivera, ada):
        for path in PATHS:
            await _find_and_get(person, path)
    ada = await newcomer(school)
    talk = await talk_of(ada, rivera)
    await _converse(ada, rivera, talk)
    await _relate(school, ada, rivera, admin)
    await _ask_for_parts(ada, talk)
    await _administer(school, admin)
    await _moderate(school, rivera, admin)
    await _play(school, admin)
    await _push(school)
    await _encrypt(school)
    await _oversee(admin, ada, talk)
    await _attach(school)
    await _send_later(school)
    await _keep_and_erase(school)
    await _count(school, admin, rivera, ada)
    await recount(school.app)
    await look_after_jobs(school.app, "none", retry=True)


async def _log_in_in_every_way(school: School, ada: Person) -> None:
    nobody = school.nobody
    for login in (
        {"email": "nobody@demo.school"},
        {"email": "ADA@demo.school", "school": "demo-high"},
        {"email": "C-1", "school": "demo-high"},
    ):
        data = {"strategy": "local", "password": "stonechat-demo", **login}
        await nobody.rest("create", "authentication", data=data)
    async with ada.socket() as socket:
        await socket.say("presence:get", {})
    await _keep_and_lose_sessions(school)


async def _keep_and_lose_sessions(school: School) -> None:
    person, tokens = await newcomer(school), asyncio.Queue[str]()
    data = {"strategy": "local", "email": person.user["email"], "password": PASSWORD}
    login = await school.nobody.rest("create", "authentication", data=data)
    refresh = {"strategy": "refresh", "refreshToken": login.body["refreshToken"]}
    assert (await school.nobody.rest("create", "authentication", data=refresh)).code == 201
    assert (await person.rest("remove", "authentication", query={"everywhere": True})).code == 200
    service = authentication_of(school.app)
    assert service is not None
    assert service.sessions is not None
    await service.sessions.setup()

    async def deliver(_: Any, token: str) -> None:
        await tokens.put(token)

    school.app.on("password-reset", deliver)
    await school.nobody.rest("create", "passwords", data={"email": person.user["email"]})
    data = {"token": await asyncio.wait_for(tokens.get(), 5), "password": PASSWORD}
    assert (await school.nobody.rest("reset", "passwords", data=data)).code == 200
    school.app.off("password-reset", deliver)


async def _find_and_get(person: Person, path: str) -> None:
    found = await person.rest("find", path, query={"$limit": 1})
    assert found.code == 200
    for record in found.body["data"]:
        assert (await person.rest("get", path, id=record["_id"])).code == 200


async def _converse(ada: Person, rivera: Person, talk: str) -> None:
    first = await write(ada, talk, idempotencyKey="a", mentions=[rivera.id])
    assert (await write(ada, talk, idempotencyKey="a", mentions=[rivera.id]))["duplicate"]
    answer = await write(rivera, talk, replyTo=first["_id"])
    await talk_of(ada, rivera, kind="direct")
    async with rivera.socket() as socket:
        await _acknowledge(socket, talk, answer["seq"])
    for person, message in ((ada, first), (rivera, answer)):
        for path in ("conversations", "inbox"):
            assert (await person.rest("find", path)).code == 200
        assert (await person.rest("totals", "inbox", data={})).code in {200, 201}
        changed = await person.rest("patch", "messages", id=message["_id"], data={"content": "Changed"})
        assert changed.code == 200
        assert (await person.rest("remove", "messages", id=message["_id"])).code == 200


async def _acknowledge(socket: Socket, talk: str, seq: int) -> None:
    assert "error" not in await socket.say("message:delivered", {"conversationId": talk, "seq": seq})
    assert "error" not in await socket.say("message:read", {"conversationId": talk, "seq": seq - 1})
    assert "error" not in await socket.say("typing:start", {"conversationId": talk})


async def _relate(school: School, ada: Person, rivera: Person, admin: Person) -> None:
    """Threads, pins, reactions, edits, and what is missed of them."""
    talk = await talk_of(rivera, ada)
    root = await write(ada, talk, mentions=["all"])
    reply = await write(rivera, talk, replyTo=root["_id"])
    assert (await write(ada, talk, replyTo=root["_id"]))["threadId"] == root["_id"]
    assert (await rivera.rest("patch", "messages", id=root["_id"], data={"pinned": True})).code == 200
    assert (await ada.rest("patch", "messages", id=root["_id"], data={"content": "Changed"})).code == 200
    for query in ({"threadId": root["_id"]}, {"conversationId": talk, "pinned": True}):
        assert (await ada.rest("find", "messages", query=query)).body["data"] != []
    assert (await ada.rest("find", "message-edits", query={"messageId": root["_id"]})).code == 200
    data = {"messageId": root["_id"], "emoji": "👍"}
    reaction = await ada.rest("create", "reactions", data=data)
    assert (await ada.rest("create", "reactions", data=data)).code == 200
    assert (await ada.rest("find", "reactions", query={"messageId": root["_id"]})).code == 200
    assert (await rivera.rest("remove", "messages", id=reply["_id"])).code == 200
    assert (await admin.rest("restore", "messages", data={"messageId": reply["_id"]})).code == 200
    assert (await ada.rest("seen", "messages", data={"messageId": root["_id"]})).code == 200
    for cursor in (1, {"seq": 1, "revision": 2}):
        missed = await ada.rest("find", "sync", query={"conversations": {talk: cursor}})
        assert missed.body["conversations"][talk]["messages"] != []
    assert (await ada.rest("remove", "reactions", id=reaction.body["_id"])).code == 200
    await _find_and_get(admin, "deliveries")
    for query in ({"conversationId": talk}, {"state": "FAILED"}):
        assert (await admin.rest("find", "deliveries", query=query)).code == 200


async def _ask_for_parts(ada: Person, talk: str) -> None:
    for path, query in (
        ("messages", {"conversationId": talk}),
        ("messages", {"conversationId": talk, "seq": {"$gt": 1}, "$sort": {"seq": -1}}),
        ("messages", {"senderId": ada.id, "$sort": {"createdAt": -1}}),
        ("messages", {"mentions": ada.id}),
        ("conversations", {"kind": "group"}),
        ("conversations", {"archived": True}),
        ("members", {"conversationId": talk, "userId": ada.id}),
        ("users", {"role": "teacher"}),
        ("users", {"email": "ada@demo.school"}),
        ("users", {"name": "Ada"}),
        ("users", {"avatar": "https://example.org/a.png"}),
        ("class-teachers", {"userId": ada.id}),
        ("search", {"q": "hello from:ada in:talk has:link mentions:me after:2020-01-01"}),
        ("search", {"has": "reaction"}),
    ):
        assert (await ada.rest("find", path, query=query)).code == 200


async def _administer(school: School, admin: Person) -> None:
    teacher, student = [await newcomer(school, role) for role in ("teacher", "student")]
    lesson = (await admin.rest("create", "classes", data={"name": "Profiled"})).body["_id"]
    for path, person in (("class-teachers", teacher), ("class-enrollments", student)):
        place = await admin.rest("create", path, data={"classId": lesson, "userId": person.id})
        assert place.code == 201
    talk = await talk_of(teacher, kind="class", classId=lesson)
    placed = await teacher.rest("find", "members", query={"conversationId": talk, "userId": student.id})
    role = {"role": "moderator"}
    assert (await teacher.rest("patch", "members", id=placed.body["data"][0]["_id"], data=role)).code == 200
    assert (await teacher.rest("remove", "members", id=placed.body["data"][0]["_id"])).code == 200
    invited = {"conversationId": talk, "userId": student.id}
    assert (await teacher.rest("create", "members", data=invited)).code == 201
    assert (await teacher.rest("patch", "conversations", id=talk, data={"name": "Latin I"})).code == 200
    assert (await admin.rest("patch", "classes", id=lesson, data={"subject": "Latin"})).code == 200
    assert (await admin.rest("remove", "classes", id=lesson)).code == 200
    await talk_of(student, teacher)  # which has to be somebody else's, once the account is gone
    change = {"role": "teacher", "password": PASSWORD}
    assert (await admin.rest("patch", "users", id=student.id, data=change)).code == 200
    assert (await admin.rest("remove", "users", id=student.id)).code == 200
    settings = {"settings": {"editWindowMinutes": None}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200


async def _count(school: School, *people: Person) -> None:
    assert await count_school(await school.one("schools", slug="demo-high")) > 0
    for person in people:
        await _find_and_get(person, "analytics")


async def _moderate(school: School, rivera: Person, admin: Person) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(rivera, ada, ben)
    for resolution in ("hidden", "warned", "suspended"):
        message = await write(ada, talk)
        report = await ben.rest("create", "reports", data={"messageId": message["_id"], "reason": "spam"})
        for person in (admin, rivera, ben):
            await _find_and_get(person, "reports")
            open_ones = {"state": "open", "$limit": 1}
            assert (await person.rest("find", "reports", query=open_ones)).code == 200
        data = {"resolution": resolution}
        if resolution == "suspended":
            data["suspendUntil"] = "2090-01-01T00:00:00Z"
        assert (await admin.rest("patch", "reports", id=report.body["_id"], data=data)).code == 200
    # Of many reports none is for who asks: only by the conversation that is found at once.
    teacher = await newcomer(school, "teacher")
    quiet = {"conversationId": await talk_of(teacher)}
    assert (await teacher.rest("find", "reports", query=quiet)).body["total"] == 0
    for person in (admin, ada):
        await _find_and_get(person, "warnings")
    assert (await ben.rest("create", "blocks", data={"blockedId": ada.id})).code == 201
    assert (await ben.rest("create", "blocks", data={"blockedId": ada.id})).code == 200
    await _find_and_get(ben, "blocks")
    refused = {"kind": "direct", "memberIds": [ada.id]}
    assert (await ben.rest("create", "conversations", data=refused)).code == 403
    assert (await admin.rest("remove", "users", id=ada.id)).code == 200


async def _play(school: School, admin: Person) -> None:
    coach, ada = await newcomer(school, "teacher"), await newcomer(school)
    team = await new_team(coach, positionGroups=["Keepers"])
    place = await let_in(coach, team, ada, "player", "Keepers")
    announcements = await channel_of(coach, team, "Announcements")
    await write(coach, announcements, "Training is at six")
    await alert(coach, teamId=team)
    for person in (admin, coach, ada):
        for path in ("teams", "team-members", "alerts"):
            await _find_and_get(person, path)
    for query in ({"teamId": team}, {"userId": ada.id}):
        assert (await ada.rest("find", "team-members", query=query)).body["total"] > 0
    assert (await ada.rest("find", "conversations", query={"teamId": team})).body["total"] > 0
    assert (await ada.rest("find", "alerts", query={"conversationId": announcements})).body["total"] == 1
    page = (await ada.rest("find", "feed", query={"$limit": 1})).body
    assert (await ada.rest("find", "feed", query={"$limit": 1, "$after": page["next"]})).body["data"] != []
    assert (await coach.rest("audit", "teams", data={"teamId": team})).body["entries"] != []
    assert (await coach.rest("patch", "team-members", id=place, data={"role": "captain"})).code == 200
    groups = {"positionGroups": ["Keepers", "Wings"]}
    assert (await coach.rest("patch", "teams", id=team, data=groups)).code == 200
    assert (await coach.rest("remove", "team-members", id=place)).code == 200
    assert (await coach.rest("remove", "teams", id=team)).code == 200


async def _push(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    with offered(school):
        token = await phone_of(ada)
        for person, code in ((ada, 200), (ben, 201)):
            data = {"provider": "expo", "token": token}
            assert (await person.rest("create", "devices", data=data)).code == code
    await _find_and_get(ben, "devices")
    talk, own = ObjectId(), ObjectId(ben.id)
    await note_pushed([own], talk, ObjectId(), 3)
    assert await pushed_up_to([own], talk) == {own: 3}
    assert await shows(own, talk, 3)
    sending = Sending(school.app, Numbers(Application()), contents=False)
    await sending.clear(Task("push-clear", {"userId": own, "conversationId": talk, "seq": 3}))
    assert (await ben.rest("remove", "authentication")).code == 200


async def _encrypt(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk)
    data = {"conversationId": talk, "content": "Later", "sendAt": now() + timedelta(hours=1)}
    assert (await ada.rest("create", "scheduled-messages", data=data)).code == 201
    await encrypt(ada, talk)
    await rotate(ada, talk)
    await _find_and_get(ada, "encryption-keys")
    by_version = {"conversationId": talk, "version": 1}
    assert (await ada.rest("find", "encryption-keys", query=by_version)).body["total"] == 1
    vault: Vault = school.app.get("vault")
    await vault.check()
    await Sealer(vault).seal(Task("encryption.seal", {"conversationId": ObjectId(talk)}))
    assert (await ada.rest("get", "messages", id=message["_id"])).body["content"] == "Hello"
    await rotate_keys(school.app)


async def _attach(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk, hour = await talk_of(ada, ben), timedelta(hours=1)
    files = [{"attachmentId": (await uploaded(ada, talk, picture()))["_id"]}]
    message = await write(ada, talk, attachments=files)
    kept = [{"attachmentId": (await uploaded(ada, talk, picture()))["_id"]}]
    later = {"conversationId": talk, "attachments": kept, "sendAt": now() + hour}
    assert (await ada.rest("create", "scheduled-messages", data=later)).code == 201
    custodian = school.app.service("attachments").custodian
    await Attachment.documents().update_one(
        {"_id": ObjectId(kept[0]["attachmentId"])}, {"$set": {"dueAt": now()}}
    )
    custodian.background.wake()
    assert (await ben.rest("find", "attachments", query={"conversationId": talk})).body["total"] == 1
    of_kind = {"conversationId": talk, "mediaType": "image/png", "$limit": 1}
    assert (await ben.rest("find", "attachments", query=of_kind)).body["next"] is None
    forwarded = {"conversationId": await talk_of(ben, ada), "forwardOf": message["_id"]}
    assert (await ben.rest("create", "messages", data=forwarded)).code == 201
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    assert (await ada.rest("remove", "attachments", id=kept[0]["attachmentId"])).code == 200


async def _send_later(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk, hour = await talk_of(ada, ben), timedelta(hours=1)
    path, data = "scheduled-messages", {"conversationId": talk, "content": "Later"}
    waiting = await ada.rest("create", path, data={**data, "sendAt": now() + hour})
    assert (await ada.rest("patch", path, id=waiting.body["_id"], data={"content": "Changed"})).code == 200
    await _find_and_get(ada, path)
    assert (await ada.rest("find", path, query={"state": "WAITING"})).body["total"] == 1
    for level in ("all", "mentions"):
        preference = await ben.rest("patch", "notification-preferences", id="me", data={"level": level})
        assert preference.code == 200
    async with ada.socket() as own, ben.socket() as other:
        soon = {**data, "sendAt": now() + timedelta(milliseconds=50), "mentions": ["all"]}
        assert (await ada.rest("create", path, data=soon)).code == 201
        await other.next("message:notify")
        assert (await own.next(f"{path} patched"))["state"] == "SENT"
        # Too often: what follows is put off.
        settings = {"slowModeSeconds": 600}
        assert (await ada.rest("patch", "conversations", id=talk, data=settings)).code == 200
    assert (await ada.rest("remove", path, id=waiting.body["_id"])).code == 200


async def _oversee(admin: Person, ada: Person, talk: str) -> None:
    reasoned = {"conversationId": talk, "reason": "A report by a parent"}
    assert (await admin.rest("find", "oversight", query=reasoned)).body["data"] != []
    renamed = await admin.rest("patch", "users", id=ada.id, data={"name": "Ada"})
    assert renamed.code == 200
    await _find_and_get(admin, "audit-log")
    for query in (
        {"actorId": admin.id},
        {"action": "conversations.read"},
        {"subject.id": ada.id},
        {"at": {"$lt": "2090-01-01T00:00:00Z"}},
        {"number": 1},
    ):
        assert (await admin.rest("find", "audit-log", query=query)).body["data"] != []


async def _keep_and_erase(school: School) -> None:
    slug = await new_school(school)
    admin, rivera, ada = await people_of(school, slug, "admin", "teacher", "student")
    await settle(admin, retentionDays=30)
    talk = await talk_of(rivera, ada)
    await talk_of(ada, rivera, kind="direct")
    root = await write(rivera, talk)
    old, kept = [await write(ada, talk, idempotencyKey=key, replyTo=root["_id"]) for key in "ab"]
    forwarded = {"conversationId": talk, "forwardOf": kept["_id"]}
    assert (await rivera.rest("create", "messages", data=forwarded)).code == 201
    reaction = {"messageId": root["_id"], "emoji": "👍"}
    assert (await ada.rest("create", "reactions", data=reaction)).code == 201
    hold = await admin.rest("create", "legal-holds", data={"userId": rivera.id, "reason": "A lawsuit"})
    await aged(old, days=31)
    await Retention(school.app, 3).owe_due(now() + timedelta(days=1))
    await retain(school.app, slug)
    await _find_and_get(admin, "legal-holds")
    assert (await admin.rest("remove", "legal-holds", id=hold.body["_id"])).code == 200
    async with admin.socket() as socket:
        for path in ("exports", "erasures"):
            assert (await admin.rest("create", path, data={"userId": ada.id})).code == 201
            while (job := await socket.next(f"{path} patched"))["state"] != "DONE":
                assert job["state"] == "RUNNING"
            await _find_and_get(admin, path)
            if path == "exports":
                link = await admin.rest("link", path, data={"exportId": job["_id"]})
                assert (await school.http.get(school.url + link.body["url"])).status == 200


def test_the_profile_holds_statements_of_every_kind_and_collection(statements: list[Statement]) -> None:
    assert {one["ns"].partition(".")[2] for one in statements} == COLLECTIONS
    assert {next(iter(one["command"])) for one in statements} >= {"find", "aggregate", "findAndModify"}
    assert {one["op"] for one in statements} >= {"query", "command", "update"}


def test_no_statement_walks_through_a_whole_collection(statements: list[Statement]) -> None:
    walks = [one["command"] for one in statements if "COLLSCAN" in one["planSummary"]]
    assert walks == []


@pytest.mark.parametrize(
    ("collection", "fields", "plan"),
    [
        ("messages", {"senderId", "idempotencyKey"}, "IXSCAN { senderId: 1, idempotencyKey: 1 }"),
        ("messages", {"threadId"}, "IXSCAN { threadId: 1, seq: 1 }"),
        ("deliveries", {"dueAt"}, "IXSCAN { dueAt: 1 }"),
        ("scheduled-messages", {"schoolId", "dueAt"}, "IXSCAN { dueAt: 1 }"),
        ("scheduled-messages", {"sendAt", "dueAt", "schoolId"}, "IXSCAN { sendAt: 1, dueAt: 1 }"),
        ("scheduled-messages", {"userId", "place"}, "IXSCAN { userId: 1, place: 1 }"),
        ("audit-log", {"schoolId", "at"}, "IXSCAN { schoolId: 1, at: 1, number: 1 }"),
        ("audit-log", {"schoolId", "action"}, "IXSCAN { schoolId: 1, action: 1, number: 1 }"),
        (
            "audit-log",
            {"schoolId", "subject.id"},
            f"IXSCAN {{ schoolId: 1, subject.id: 1, number: 1 }}{OR}IXSCAN {{ schoolId: 1, number: 1 }}",
        ),
        ("members", {"userId"}, "IXSCAN { userId: 1, conversationId: 1 }"),
        ("conversations", {"directKey", "schoolId"}, "IXSCAN { schoolId: 1, directKey: 1 }"),
        ("users", {"email"}, "IXSCAN { email: 1 }"),
        ("users", {"collegeId"}, "IXSCAN { collegeId: 1 }"),
        ("users", {"collegeId", "schoolId"}, "IXSCAN { schoolId: 1, collegeId: 1 }"),
        ("users", {"email", "schoolId"}, "IXSCAN { schoolId: 1, email: 1 }"),
        ("schools", {"slug"}, "IXSCAN { slug: 1 }"),
        ("messages", {"forwardedFrom.senderId"}, "IXSCAN { forwardedFrom.senderId: 1 }"),
        ("exports", {"linkHash", "linkUntil"}, "IXSCAN { linkHash: 1 }"),
        ("tasks", {"dueAt", "kind"}, "IXSCAN { dueAt: 1 }"),
        ("devices", {"digest"}, "IXSCAN { digest: 1 }"),
        ("push-notices", {"userId", "conversationId"}, "IXSCAN { userId: 1, conversationId: 1 }"),
        ("tasks", {"openKey"}, "IXSCAN { openKey: 1 }"),
        ("tasks", {"state", "kind"}, "IXSCAN { state: 1, kind: 1 }"),
        ("legal-holds", {"schoolId", "liftedAt"}, "IXSCAN { schoolId: 1, liftedAt: 1 }"),
        ("sessions", {"sid"}, "IXSCAN { sid: 1 }"),
        ("sessions", {"revokedAt"}, "IXSCAN { revokedAt: 1 }"),
        ("sessions", {"userId", "revokedAt"}, "IXSCAN { userId: 1 }"),
        ("password-resets", {"tokenHash"}, "IXSCAN { tokenHash: 1 }"),
        ("team-members", {"teamId", "userId", "schoolId"}, "IXSCAN { teamId: 1, userId: 1 }"),
        ("alerts", {"senderId", "teamId", "createdAt"}, "IXSCAN { senderId: 1, teamId: 1, createdAt: 1 }"),
        (
            "messages",
            {"conversationId", "feedAt"},
            "IXSCAN { conversationId: 1, feedAt: 1, _id: 1 }",
        ),
        ("password-resets", {"userId"}, "IXSCAN { userId: 1 }"),
    ],
)
def test_what_is_asked_often_is_found_at_once(
    statements: list[Statement], collection: str, fields: set[str], plan: str
) -> None:
    """By the index made for it, not by another that happens to begin alike."""
    # Several ranges of one index that are merged are each told.
    plans = {
        plan.replace("COUNT_SCAN", "IXSCAN")
        for one in statements
        if one["ns"].endswith(f".{collection}") and _conditions(one).keys() - {"deletedAt"} == fields
        for plan in re.findall(r"[A-Z_]+(?: \{[^}]*\})?", one["planSummary"])
    }
    either = set(plan.split(OR))
    assert plans <= {*either, "EOF"}
    assert plans & either


def test_what_is_too_old_is_found_without_walking_through_what_is_gone(statements: list[Statement]) -> None:
    asked = {"conversationId", "expungedAt", "createdAt", "senderId"}
    plans = [one["planSummary"] for one in statements if _conditions(one).keys() == asked]
    assert {part for plan in plans for part in plan.split(", IXSCAN ")} == {
        "IXSCAN { conversationId: 1, expungedAt: 1, createdAt: 1 }",
        "{ conversationId: 1, expungedAt: 1, createdAt: 1 }",
    }


def test_a_place_is_found_by_either_of_its_indexes(statements: list[Statement]) -> None:
    plans = {
        one["planSummary"]
        for one in statements
        if one["ns"].endswith(".members") and _conditions(one).keys() >= {"conversationId", "userId"}
    }
    assert plans <= {"IXSCAN { conversationId: 1, userId: 1 }", "IXSCAN { userId: 1, conversationId: 1 }"}


async def test_every_index_is_used(statements: list[Statement], profiled: Database) -> None:
    """What is not costs with every write, for nothing. MongoDB itself uses those that end what expires."""
    unused: list[tuple[str, str]] = []
    for model in MODELS:
        name = model.Settings.name
        stats = await profiled[name].aggregate([{"$indexStats": {}}])
        unused += [
            (name, index["name"])
            async for index in stats
            if index["accesses"]["ops"] == 0
            and index["name"] != "_id_"
            and "expireAfterSeconds" not in index["spec"]
        ]
    assert set(unused) <= CONSTRAINTS


def _read_back(filters: dict[str, Any] | None) -> dict[str, Any] | None:
    """As it was declared: what the server tells of an index has times without a zone."""
    return filters and {
        name: {
            operator: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
            for operator, value in conditions.items()
        }
        for name, conditions in filters.items()
    }


def _conditions(statement: Statement) -> dict[str, Any]:
    command = statement["command"]
    pipeline: list[dict[str, Any]] = command.get("pipeline") or [{}]
    conditions: dict[str, Any] = (
        command.get("filter") or command.get("query") or command.get("q") or pipeline[0].get("$match") or {}
    )
    return conditions


async def test_the_indexes_of_the_models_are_there(statements: list[Statement], profiled: Database) -> None:
    for model in MODELS:
        declared = [index.document for index in model.Settings.indexes]
        there = await profiled[model.Settings.name].index_information()
        assert there.keys() == {"_id_", *(index["name"] for index in declared)}
        for index in declared:
            found = there[index["name"]]
            assert found.get("unique", False) == index.get("unique", False)
            assert _read_back(found.get("partialFilterExpression")) == index.get("partialFilterExpression")


@pytest.mark.parametrize(
    ("collection", "fields"),
    [
        ("schools", ["slug"]),
        ("users", ["schoolId", "email"]),
        ("users", ["schoolId", "collegeId"]),
        ("classes", ["schoolId", "name"]),
        ("class-teachers", ["classId", "userId"]),
        ("class-enrollments", ["classId", "userId"]),
        ("conversations", ["schoolId", "directKey"]),
        ("members", ["conversationId", "userId"]),
        ("messages", ["conversationId", "seq"]),
        ("messages", ["senderId", "idempotencyKey"]),
        ("sessions", ["sid"]),
        ("password-resets", ["tokenHash"]),
        ("reports", ["messageId", "reporterId"]),
        ("exports", ["openKey"]),
        ("erasures", ["openKey"]),
        ("leases", ["key"]),
        ("tasks", ["openKey"]),
        ("devices", ["digest"]),
        ("push-notices", ["userId", "conversationId"]),
        ("blocks", ["userId", "blockedId"]),
        ("teams", ["schoolId", "name"]),
        ("team-members", ["teamId", "userId"]),
        ("alerts", ["confirmationId"]),
        ("audit-log", ["schoolId", "number"]),
        ("audit-heads", ["schoolId"]),
    ],
)
async def test_what_exists_once_is_unique(
    statements: list[Statement], profiled: Database, collection: str, fields: Iterable[str]
) -> None:
    indexes = await profiled[collection].index_information()
    (index,) = [one for one in indexes.values() if [name for name, _ in one["key"]] == fields]
    assert index["unique"]
