from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.errors import Conflict
from stonechat.models import (
    Block,
    Conversation,
    Delivery,
    Erasure,
    Export,
    ExportPiece,
    Member,
    Reaction,
    User,
)
from stonechat.models.audit_entry import AuditEntry
from stonechat.models.record import now
from stonechat.services.erasures.erasing import Erasing
from tests.support.people import PASSWORD, new_school, newcomer, talk_of, write
from tests.support.privacy import many_old, people_of, stored, traces
from tests.support.school import Json, Person, School, Socket
from tests.support.waiting import until

PATH = "erasures"
_numbers = itertools.count(1)


class Crash(Exception):
    pass


class Story:
    """A school with somebody to be erased, who has left something everywhere."""

    def __init__(self, school: School, admin: Person, teacher: Person, gone: Person) -> None:
        self.school = school
        self.admin = admin
        self.teacher = teacher
        self.gone = gone
        self.serial = f"{next(_numbers)}x"
        self.talk = ""
        self.direct = ""
        self.messages: dict[str, Json] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        """What nobody may find when all is over."""
        words = ("mandrake", "betony", "comfrey", "dittany", "eyebright", "feverfew", "grapnel", "hyssop")
        return (self.name, self.gone.user["email"], *(f"{word}{self.serial}" for word in words))

    @property
    def name(self) -> str:
        return f"Walburga Zwetschge {self.serial}"

    async def tell(self) -> None:
        serial, gone, teacher = self.serial, self.gone, self.teacher
        assert (await gone.rest("patch", "users", id=gone.id, data={"name": self.name})).code == 200
        self.talk = await talk_of(teacher, gone)
        self.direct = await talk_of(gone, teacher, kind="direct")
        files = [{"name": f"betony{serial}.png", "url": f"https://example.org/comfrey{serial}"}]
        said = self.messages
        said["root"] = await write(teacher, self.talk, "What grows here?")
        said["first"] = await write(gone, self.talk, f"mandrake{serial}", replyTo=said["root"]["_id"])
        said["files"] = await write(gone, self.talk, f"see betony{serial}", attachments=files)
        said["keyed"] = await write(gone, self.talk, "keyed", idempotencyKey=f"hyssop{serial}")
        said["mention"] = await write(teacher, self.talk, "Ask her", mentions=[gone.id])
        said["private"] = await write(gone, self.direct, f"dittany{serial}")
        said["answer"] = await write(teacher, self.direct, "I will")
        said["source"] = await write(gone, self.talk, "Words that somebody has made their own")
        where = {"conversationId": self.talk, "forwardOf": said["source"]["_id"]}
        said["copy"] = (await teacher.rest("create", "messages", data=where)).body
        said["last"] = await write(gone, self.talk, f"eyebright{serial}")
        tomorrow = now() + timedelta(days=1)
        calls: tuple[tuple[Person, str, str, str | None, Json], ...] = (
            (gone, "patch", "messages", said["first"]["_id"], {"content": f"feverfew{serial}"}),
            (teacher, "patch", "messages", said["files"]["_id"], {"pinned": True}),
            (gone, "create", "reactions", None, {"messageId": said["root"]["_id"], "emoji": "👍"}),
            (teacher, "create", "reactions", None, {"messageId": said["root"]["_id"], "emoji": "👍"}),
            (gone, "create", "reactions", None, {"messageId": said["root"]["_id"], "emoji": "🎉"}),
            (
                gone,
                "create",
                "reports",
                None,
                {"messageId": said["root"]["_id"], "reason": "other", "note": f"grapnel{serial}"},
            ),
            (
                gone,
                "create",
                "scheduled-messages",
                None,
                {"conversationId": self.talk, "content": f"grapnel{serial}", "sendAt": tomorrow},
            ),
            (
                self.admin,
                "create",
                "warnings",
                None,
                {"userId": gone.id, "text": f"Stop it, {self.name}"},
            ),
            (self.admin, "create", "exports", None, {"userId": gone.id}),
        )
        for person, method, path, id_, data in calls:
            answer = await person.rest(method, path, id=id_, data=data)
            assert answer.code in {200, 201}, (path, answer)

    async def begin(self) -> None:
        """Tell the story, up to where an archive of the user's data lies there too."""
        async with self.admin.socket() as socket:
            await self.tell()
            while (await socket.next("exports patched"))["state"] != "DONE":
                pass

    async def stored_user(self) -> dict[str, Any]:
        user = await User.documents().find_one({"_id": ObjectId(self.gone.id)})
        assert user is not None
        return user

    async def traces(self) -> list[str]:
        return await traces(self.school.app, *self.texts)


@pytest.fixture
async def story(school: School) -> Story:
    slug = await new_school(school)
    story = Story(school, *await people_of(school, slug, "admin", "teacher", "student"))
    await story.begin()
    return story


async def ended(socket: Socket) -> Json:
    while True:
        heard = await socket.next("erasures patched")
        if heard["state"] in {"DONE", "FAILED"}:
            return heard


async def erase(admin: Person, person: Person) -> Json:
    async with admin.socket() as socket:
        answer = await admin.rest("create", PATH, data={"userId": person.id})
        assert answer.code == 201, answer
        return await ended(socket)


@pytest.mark.parametrize("role", ["student", "teacher"])
async def test_others_than_admins_erase_nobody_and_see_nothing(school: School, role: str) -> None:
    person, admin = await newcomer(school, role), await newcomer(school, "admin")
    done = await erase(admin, await newcomer(school))
    calls: tuple[tuple[str, dict[str, Json]], ...] = (
        ("find", {}),
        ("get", {"id": done["_id"]}),
        ("create", {"data": {"userId": person.id}}),
    )
    async with person.socket() as socket:
        for method, call in calls:
            assert (await person.rest(method, PATH, **call)).code == 403
            assert (await socket.call(method, PATH, **call)).code == 403
    assert (await school.nobody.rest("find", PATH)).code == 401
    assert (await school.nobody.rest("create", PATH, data={"userId": person.id})).code == 401


async def test_an_admin_of_another_school_erases_nobody_of_this_one(school: School) -> None:
    ada, admin = await newcomer(school), await newcomer(school, "admin")
    other = await newcomer(school, "admin", at=await new_school(school))
    answer = await other.rest("create", PATH, data={"userId": ada.id})
    assert answer.code == 400
    assert "userId" in answer.body["errors"]
    done = await erase(admin, ada)
    assert (await other.rest("get", PATH, id=done["_id"])).code == 404
    assert (await other.rest("find", PATH)).body["total"] == 0


@pytest.mark.parametrize("data", [{}, {"userId": "ada"}, {"userId": None}, {"userId": "0" * 24}])
async def test_whom_it_is_about_is_said_and_exists(school: School, data: Json) -> None:
    admin = await newcomer(school, "admin")
    answer = await admin.rest("create", PATH, data=data)
    assert answer.code == 400
    assert "userId" in answer.body["errors"]


async def test_nobody_erases_oneself(school: School) -> None:
    admin = await newcomer(school, "admin")
    assert (await admin.rest("create", PATH, data={"userId": admin.id})).code == 400


async def test_the_last_admin_of_a_school_stays(school: School) -> None:
    slug = await new_school(school)
    admin, other = await people_of(school, slug, "admin", "admin")
    assert (await erase(admin, other))["state"] == "DONE"
    own = await school.app.service("users").get(admin.id)
    with pytest.raises(Conflict, match="last admin"):
        await school.app.service(PATH).plan(own)


async def test_what_a_legal_hold_keeps_is_not_erased(story: Story) -> None:
    for held in ({"userId": story.gone.id}, {"conversationId": story.talk}, {"conversationId": story.direct}):
        hold = await story.admin.rest("create", "legal-holds", data={"reason": "A lawsuit", **held})
        refused = await story.admin.rest("create", PATH, data={"userId": story.gone.id})
        assert refused.code == 409
        assert refused.body["data"]["holds"] == [hold.body["_id"]]
        assert hold.body["_id"] in refused.body["message"]
        assert (await story.admin.rest("remove", "legal-holds", id=hold.body["_id"])).code == 200
    assert (await stored(story.messages["last"]))["content"]

    meanwhile: list[Json] = []

    async def hold_meanwhile(done: int, step: str) -> None:
        if step == "reactions" and not meanwhile:
            data = {"userId": story.gone.id, "reason": "A lawsuit"}
            meanwhile.append((await story.admin.rest("create", "legal-holds", data=data)).body["_id"])

    with pytest.raises(Conflict, match="legal hold"):
        await Erasing(story.school.app, await story.stored_user(), None, hold_meanwhile).run()
    assert (await story.stored_user())["erasedAt"] is None
    assert (await story.admin.rest("remove", "legal-holds", id=meanwhile[0])).code == 200
    assert (await erase(story.admin, story.gone))["state"] == "DONE"
    assert await story.traces() == []


class Erased:
    """What was heard of an erasure, and what there was to be found before it."""

    def __init__(self, story: Story, before: list[str], pieces: list[Any]) -> None:
        self.story = story
        self.before = before
        self.pieces = pieces
        self.clock = 0
        self.heard: list[Json] = []
        self.teacher: list[tuple[str, Json]] = []


@pytest.fixture(scope="module")
async def erased(school: School) -> Erased:
    slug = await new_school(school)
    story = Story(school, *await people_of(school, slug, "admin", "teacher", "student"))
    await story.begin()
    await many_old(story.gone, story.talk, 250, days=1)
    archives = await Export.documents().distinct("_id", {"userId": ObjectId(story.gone.id)})
    pieces = await ExportPiece.documents().distinct("_id", {"exportId": {"$in": archives}})
    erased = Erased(story, await story.traces(), pieces)
    clock = (await story.teacher.rest("get", "conversations", id=story.talk)).body["clock"]
    erased.clock = clock
    async with (
        story.admin.socket() as asking,
        story.teacher.socket() as other,
        story.gone.socket() as own,
    ):
        answer = await story.admin.rest("create", PATH, data={"userId": story.gone.id})
        assert answer.body["state"] == "WAITING"
        while not erased.heard or erased.heard[-1]["state"] == "RUNNING":
            erased.heard.append(await asking.next("erasures patched"))
        async with asyncio.timeout(10):
            await own.client.wait()
        while (user := await other.next("users patched")).get("erasedAt") is None:
            pass
        await other.next("members removed")
        await until(lambda: len(other.seen("messages removed")) > 250)
        erased.teacher = [*other.events, ("users patched", user)]
    return erased


async def test_nothing_of_an_erased_user_is_left_anywhere(erased: Erased) -> None:
    story = erased.story
    assert {one.partition(" ")[0] for one in erased.before} >= {
        "users",
        "messages",
        "message-edits",
        "conversations",
        "reports",
        "scheduled-messages",
        "warnings",
    }
    # Sealed, so that no text is found in them.
    assert erased.pieces
    assert await ExportPiece.documents().count_documents({"_id": {"$in": erased.pieces}}) == 0
    assert erased.heard[-1]["state"] == "DONE", erased.heard[-1]
    assert await story.traces() == []
    user = await story.stored_user()
    assert user["name"] == "Erased user"
    assert user["email"] == f"erased-{story.gone.id}@invalid"
    assert user["role"] == "student"
    assert user["erasedAt"] is not None
    assert user["password"] == ""
    for field in ("avatar", "collegeId", "lastSeenAt"):
        assert user[field] is None
    assert await Member.documents().count_documents({"userId": user["_id"]}) == 1
    assert not await Reaction.documents().count_documents({"userId": user["_id"]})


async def test_nobody_logs_in_as_an_erased_user(school: School, erased: Erased) -> None:
    gone, admin = erased.story.gone, erased.story.admin
    assert (await gone.rest("find", "messages")).code == 401
    for email in (gone.user["email"], f"erased-{gone.id}@invalid"):
        for password in (PASSWORD, ""):
            data = {"strategy": "local", "email": email, "password": password}
            assert (await school.nobody.rest("create", "authentication", data=data)).code == 401
    revived = {"password": PASSWORD, "email": "back@new.example"}
    assert (await admin.rest("patch", "users", id=gone.id, data=revived)).code == 404
    again = await admin.rest("create", PATH, data={"userId": gone.id})
    assert again.code == 409


async def test_conversations_stay_readable_for_the_others(erased: Erased) -> None:
    story = erased.story
    teacher, said = story.teacher, story.messages
    query = {"conversationId": story.talk, "$sort": {"seq": 1}, "$limit": 200}
    first = (await teacher.rest("find", "messages", query=query)).body
    rest = (await teacher.rest("find", "messages", query={**query, "$skip": 200})).body
    seen = [*first["data"], *rest["data"]]
    there = {one["_id"]: one for one in seen}
    assert [one["seq"] for one in seen] == list(range(1, erased.clock + 1))
    for name in ("root", "mention"):
        assert there[said[name]["_id"]]["content"] == said[name]["content"]
    for name in ("first", "files", "keyed", "source", "last"):
        assert there[said[name]["_id"]]["content"] is None
        assert there[said[name]["_id"]]["deletedAt"]
        assert there[said[name]["_id"]]["pinnedAt"] is None
    root, copy = there[said["root"]["_id"]], there[said["copy"]["_id"]]
    assert root["replyCount"] == 0
    assert root["reactions"] == [{"emoji": "👍", "count": 1}]
    assert copy["content"] == said["source"]["content"]
    assert copy["forwardedFrom"] is None
    assert there[said["mention"]["_id"]]["mentions"] == [story.gone.id]
    talk = (await teacher.rest("get", "conversations", id=story.talk)).body
    assert talk["memberCount"] == 1
    assert talk["lastMessage"]["content"] is None

    direct = (await teacher.rest("find", "messages", query={"conversationId": story.direct})).body["data"]
    assert [one["content"] for one in direct] == [None, "I will"]
    who = (await teacher.rest("get", "users", id=story.gone.id)).body
    assert who["name"] == "Erased user"
    assert "erasingAt" not in who


async def test_the_members_hear_of_it_and_the_log_has_no_gap(erased: Erased) -> None:
    heard = {name for name, _ in erased.teacher}
    assert heard >= {"messages removed", "reactions removed", "messages patched", "users patched"}
    texts = str([payload for name, payload in erased.teacher if not name.startswith("users")])
    assert not [text for text in erased.story.texts if text in texts]
    for talk in (erased.story.talk, erased.story.direct):
        where = {"_id": ObjectId(talk)}
        conversation = await Conversation.documents().find_one(where)
        assert conversation is not None
        log = await Delivery.documents().find({"conversationId": where["_id"]}).sort("revision").to_list()
        revisions = [delivery["revision"] for delivery in log]
        assert revisions == list(range(revisions[0], conversation["revision"] + 1))


async def test_how_far_it_is_is_told_who_may_see_it(erased: Erased) -> None:
    for heard in erased.heard:
        assert not heard.keys() & {"runner", "leaseUntil", "openKey"}
    steps = [heard["step"] for heard in erased.heard]
    told = [step for step, _ in itertools.groupby(steps) if step]
    assert told == ["login", "messages", "reactions", "forwarded copies", "belongings", "places", "account"]
    assert steps.count("messages") > 3
    counts = [heard["done"] for heard in erased.heard]
    assert counts == sorted(counts)
    assert counts[-1] == erased.heard[-1]["total"] > 250
    assert not [name for name, _ in erased.teacher if name.startswith(PATH)]


async def test_the_audit_log_has_it_without_a_name(erased: Erased) -> None:
    story = erased.story
    entries = await AuditEntry.documents().find({"schoolId": ObjectId(story.gone.user["schoolId"])}).to_list()
    done = [entry for entry in entries if entry["action"] in {"erasures.create", "users.erase"}]
    assert [entry["action"] for entry in done] == ["erasures.create", "users.erase"]
    assert {str(entry["actorId"]) for entry in done} == {story.admin.id}
    assert done[1]["subject"] == {"path": "users", "id": ObjectId(story.gone.id)}


def failing_after(calls: int) -> Callable[[int, str], Awaitable[None]]:
    count = itertools.count(1)

    async def tell(done: int, step: str) -> None:
        if next(count) == calls:
            raise Crash

    return tell


async def test_after_a_crash_anywhere_it_goes_on_and_leaves_nothing(story: Story) -> None:
    """Each run gets one batch or step further than the one before."""
    calls = 0
    while True:
        calls += 1
        user = await story.stored_user()
        assert user["erasedAt"] is None
        erasing = Erasing(story.school.app, user, ObjectId(story.admin.id), failing_after(calls))
        try:
            await erasing.run()
        except Crash:
            continue
        break
    assert calls > 7
    assert (await story.stored_user())["erasedAt"] is not None
    assert await story.traces() == []
    await Erasing(story.school.app, await story.stored_user(), None, failing_after(1)).run()
    where = {"action": "users.erase", "subject.id": ObjectId(story.gone.id)}
    where["schoolId"] = ObjectId(story.gone.user["schoolId"])
    assert await AuditEntry.documents().count_documents(where) == 1


async def test_what_comes_while_it_runs_goes_at_its_end(story: Story) -> None:
    """A call may have looked at the user before the first step, and write after all but the last one."""
    talk = await talk_of(story.teacher)

    async def come_late(done: int, step: str) -> None:
        if step == "account" and not late:
            late.append(step)
            place = {"conversationId": ObjectId(talk), "userId": ObjectId(story.gone.id)}
            await story.school.app.service("members").create(place)
            block = {"blockedId": ObjectId(story.teacher.id), "userId": user["_id"]}
            await Block.documents().insert_one({**block, "schoolId": user["schoolId"], "createdAt": now()})

    late: list[str] = []
    user = await story.stored_user()
    await Erasing(story.school.app, user, None, come_late).run()
    assert late
    assert await Member.documents().count_documents({"conversationId": ObjectId(talk)}) == 1
    places = await Member.documents().find({"userId": user["_id"]}).to_list()
    assert [str(place["conversationId"]) for place in places] == [story.direct]
    assert not await Block.documents().count_documents({"userId": user["_id"]})
    conversation = await Conversation.documents().find_one({"_id": ObjectId(talk)})
    assert conversation is not None
    assert conversation["memberCount"] == 1


async def test_a_job_whose_process_is_gone_is_taken_up(story: Story) -> None:
    user = await story.stored_user()
    with pytest.raises(Crash):
        await Erasing(story.school.app, user, None, failing_after(3)).run()
    job = {
        **Erasure(school_id=user["schoolId"], user_id=user["_id"]).model_dump(
            by_alias=True, exclude={"id", "revision_id"}
        ),
        "requestedBy": ObjectId(story.admin.id),
        "state": "RUNNING",
        "runner": "gone",
        "openKey": f"erasure {user['_id']}",
    }
    await Erasure.documents().insert_one(job)
    refused = await story.admin.rest("create", PATH, data={"userId": story.gone.id})
    assert refused.code == 409
    async with story.admin.socket() as socket:
        await story.school.app.service(PATH).jobs.setup()
        assert (await ended(socket))["state"] == "DONE"
    assert await story.traces() == []
