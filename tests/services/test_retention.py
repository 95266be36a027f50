from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from hypothesis import given, strategies as st

from stonechat.core.jobs import Task
from stonechat.models import Conversation, Delivery, Message, MessageEdit, Reaction
from stonechat.services.retention.expiry import BATCH, Expired, days_by_kind, expunge_expired
from stonechat.services.retention.nightly import Retention, last_turn
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.privacy import aged, many_old, people_of, settle, stored
from tests.support.school import Json, Person, School
from tests.support.waiting import until_so


class Stopped(Exception):
    pass


async def expunge(school: School, person: Person, *, dry_run: bool = False, stop_after: int = 0) -> Expired:
    """Do it for the person's school."""
    seen: list[int] = []

    async def progress(messages: int, conversations: int) -> None:
        seen.append(messages)
        if len(seen) == stop_after:
            raise Stopped

    own = await school.app.service("schools").get(person.user["schoolId"])
    expired: Expired = await expunge_expired(school.app, own, progress, dry_run=dry_run)
    assert seen == sorted(seen)
    return expired


@pytest.fixture
async def people(school: School) -> tuple[Person, Person, Person]:
    """An admin, a teacher and a student of a school that keeps messages for 30 days."""
    admin, teacher, student = await people_of(school, await new_school(school), "admin", "teacher", "student")
    await settle(admin, retentionDays=30)
    return admin, teacher, student


@pytest.mark.parametrize("role", ["student", "teacher"])
@pytest.mark.parametrize("settings", [{"retentionDays": 1}, {"retention": {"direct": 1}}])
async def test_others_than_admins_do_not_say_what_is_kept(school: School, role: str, settings: Json) -> None:
    person = await newcomer(school, role)
    data = {"settings": settings}
    answer = await person.rest("patch", "schools", id=person.user["schoolId"], data=data)
    assert answer.code == 403


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"retentionDays": 0}, "settings.retentionDays"),
        ({"retentionDays": "30"}, "settings.retentionDays"),
        ({"retentionDays": 1.5}, "settings.retentionDays"),
        ({"retentionDays": 36501}, "settings.retentionDays"),
        ({"retention": {"party": 3}}, "settings.retention.party.key"),
        ({"retention": {"direct": 0}}, "settings.retention.direct.value"),
        ({"retention": None}, "settings.retention"),
    ],
)
async def test_what_cannot_be_kept_to_is_refused(school: School, settings: Json, field: str) -> None:
    admin = await newcomer(school, "admin")
    data = {"settings": settings}
    answer = await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)
    assert answer.code == 400
    assert field in answer.body["errors"]


async def test_nobody_calls_it_from_outside(school: School) -> None:
    admin = await newcomer(school, "admin")
    for method in ("find", "create", "expunge_expired", "run_due"):
        assert (await admin.rest(method, "retention", data={})).code in {404, 405}


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        ({}, {}),
        ({"retentionDays": 30, "retention": {}}, dict.fromkeys(("direct", "club"), 30)),
        ({"retentionDays": 30, "retention": {"direct": 7}}, {"direct": 7, "club": 30}),
        ({"retentionDays": 30, "retention": {"direct": None}}, {"club": 30}),
        ({"retentionDays": None, "retention": {"club": 7}}, {"club": 7}),
    ],
)
def test_a_kind_s_own_days_go_before_those_of_all_kinds(settings: Json, days: dict[str, int]) -> None:
    found = days_by_kind(settings)
    assert {kind: found[kind] for kind in ("direct", "club") if kind in found} == days


async def test_what_is_old_is_really_gone_and_the_rest_stays(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    files = [{"name": "a.png", "url": "https://example.org/a.png"}]
    old = await write(student, talk, "Long ago", mentions=[teacher.id], attachments=files)
    young = await write(student, talk, "Just now")
    edited = await student.rest("patch", "messages", id=old["_id"], data={"content": "Once upon"})
    assert edited.code == 200
    pin = {"pinned": True}
    assert (await teacher.rest("patch", "messages", id=old["_id"], data=pin)).code == 200
    reacted = await teacher.rest("create", "reactions", data={"messageId": old["_id"], "emoji": "👍"})
    assert reacted.code == 201
    before = await stored(old)
    await aged(old, days=31)
    await aged(young, days=29)

    async with teacher.socket() as socket:
        assert await expunge(school, admin) == Expired(messages=1, conversations=1)
        heard = await socket.next("messages removed")
    assert heard["_id"] == old["_id"]
    assert heard["content"] is None
    after = await stored(old)
    for field in ("content", "forwardedFrom", "fingerprint", "pinnedAt", "pinnedBy"):
        assert after[field] is None, field
    for field in ("attachments", "words", "mentions", "reactions"):
        assert after[field] == [], field
    assert after["expungedAt"] == after["deletedAt"]
    assert after["deletedBy"] is None
    assert after["seq"] == before["seq"]
    assert after["revision"] == heard["revision"] > before["revision"]
    of_message = {"messageId": before["_id"]}
    assert await MessageEdit.documents().count_documents(of_message) == 0
    assert await Reaction.documents().count_documents(of_message) == 0
    assert (await stored(young))["content"] == "Just now"


async def test_every_removal_has_its_revision_and_no_content_in_the_log(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    await aged(*[await write(student, talk, f"Secret {n}") for n in range(3)], days=31)
    await expunge(school, admin)
    conversation = await Conversation.documents().find_one({"_id": ObjectId(talk)})
    assert conversation is not None
    log = await Delivery.documents().find({"conversationId": ObjectId(talk)}).sort("revision").to_list()
    revisions = [delivery["revision"] for delivery in log]
    assert revisions == list(range(revisions[0], conversation["revision"] + 1))
    assert [one["event"] for one in log[-3:]] == ["removed"] * 3
    assert "Secret" not in str(log)


async def test_order_and_unread_counts_hold(school: School, people: tuple[Person, Person, Person]) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    messages = [await write(student, talk, f"{n}") for n in range(4)]
    await aged(*messages[:3], days=31)
    await expunge(school, admin)
    seen = (await teacher.rest("get", "conversations", id=talk)).body
    assert seen["clock"] == messages[-1]["seq"]
    assert seen["unread"] == 1
    assert (await write(student, talk, "next"))["seq"] == messages[-1]["seq"] + 1
    found = await teacher.rest("find", "messages", query={"conversationId": talk})
    assert [one["content"] for one in found.body["data"] if one["type"] == "text"] == [
        None,
        None,
        None,
        "3",
        "next",
    ]


async def test_the_preview_of_the_newest_message_goes_too(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    newest = await write(student, talk, "The last word")
    await aged(newest, days=31)
    await expunge(school, admin)
    shown = (await teacher.rest("get", "conversations", id=talk)).body["lastMessage"]
    assert shown["seq"] == newest["seq"]
    assert shown["content"] is None


async def test_a_thread_counts_the_replies_that_are_left(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    root = await write(teacher, talk, "A question")
    replies = [await write(student, talk, f"Answer {n}", replyTo=root["_id"]) for n in range(3)]
    await aged(*replies[:2], days=31)
    async with teacher.socket() as socket:
        await expunge(school, admin)
        heard = await socket.next("messages patched")
    assert heard["_id"] == root["_id"]
    assert heard["replyCount"] == 1
    left = await stored(root)
    assert left["replyCount"] == 1
    assert left["lastReplyAt"] == (await stored(replies[2]))["createdAt"]
    await aged(root, replies[2], days=31)
    await expunge(school, admin)
    assert (await stored(root))["replyCount"] == 0
    assert (await stored(root))["lastReplyAt"] is None


async def test_what_was_removed_before_is_lost_without_a_word(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    gone, old = await write(student, talk, "Regretted"), await write(student, talk, "Old")
    assert (await student.rest("remove", "messages", id=gone["_id"])).code == 200
    await aged(gone, old, days=31)
    before = await stored(gone)
    async with teacher.socket() as socket:
        assert (await expunge(school, admin)).messages == 2
        assert (await socket.next("messages removed"))["_id"] == old["_id"]
        assert await has_not_heard(socket, "messages removed")
    after = await stored(gone)
    assert after["content"] is None
    assert after["expungedAt"] is not None
    for field in ("deletedAt", "deletedBy", "revision"):
        assert after[field] == before[field]
    restored = await admin.rest("restore", "messages", data={"messageId": gone["_id"]})
    assert restored.code == 410


async def test_kinds_are_kept_for_as_long_as_they_say(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    await settle(admin, retention={"direct": None, "club": 5})
    kept = await write(teacher, await talk_of(teacher, student, kind="direct"), "For ever")
    gone = await write(teacher, await talk_of(teacher, student, kind="club"), "For a week")
    still = await write(teacher, await talk_of(teacher, student), "For a month")
    await aged(kept, days=4000)
    await aged(gone, still, days=6)
    assert (await expunge(school, admin)).messages == 1
    assert [(await stored(one))["content"] for one in (kept, gone, still)] == [
        "For ever",
        None,
        "For a month",
    ]


async def test_another_school_keeps_its_own(school: School, people: tuple[Person, Person, Person]) -> None:
    admin, _, _ = people
    elsewhere = await newcomer(school, "teacher", at=await new_school(school))
    message = await write(elsewhere, await talk_of(elsewhere), "Ours")
    await aged(message, days=4000)
    await expunge(school, admin)
    assert (await expunge(school, elsewhere)) == Expired()
    assert (await stored(message))["content"] == "Ours"


async def test_a_hold_keeps_a_user_s_messages_and_a_conversation_until_it_is_lifted(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    shared, held_talk = await talk_of(teacher, student), await talk_of(teacher, student)
    of_student, of_teacher = await write(student, shared, "Kept"), await write(teacher, shared, "Not kept")
    in_held = await write(teacher, held_talk, "Kept too")
    await aged(of_student, of_teacher, in_held, days=31)
    holds = [
        (await admin.rest("create", "legal-holds", data={"reason": "A lawsuit", **what})).body["_id"]
        for what in ({"userId": student.id}, {"conversationId": held_talk})
    ]
    assert (await expunge(school, admin, dry_run=True)).messages == 1
    assert (await expunge(school, admin)).messages == 1
    assert [(await stored(one))["content"] for one in (of_student, of_teacher, in_held)] == [
        "Kept",
        None,
        "Kept too",
    ]
    for hold in holds:
        assert (await admin.rest("remove", "legal-holds", id=hold)).code == 200
    assert (await expunge(school, admin)).messages == 2


async def test_thousands_go_batch_by_batch_and_a_new_run_goes_on(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    talk = await talk_of(teacher, student)
    await many_old(student, talk, 2 * BATCH + 5, days=31)
    assert (await expunge(school, admin, dry_run=True)).messages == 2 * BATCH + 5
    with pytest.raises(Stopped):
        await expunge(school, admin, stop_after=1)
    there = {"conversationId": ObjectId(talk), "content": {"$ne": None}, "type": "text"}
    assert await Message.documents().count_documents(there) == BATCH + 5
    assert (await expunge(school, admin)).messages == BATCH + 5
    assert await Message.documents().count_documents(there) == 0
    assert await expunge(school, admin) == Expired()


@pytest.mark.parametrize(
    ("at", "timezone", "turn"),
    [
        ("2026-03-10T03:00:00Z", "UTC", "2026-03-10T03:00:00Z"),
        ("2026-03-10T02:59:59Z", "UTC", "2026-03-09T03:00:00Z"),
        ("2026-03-10T02:30:00Z", "Europe/Berlin", "2026-03-10T02:00:00Z"),
        ("2026-07-10T02:30:00Z", "Europe/Berlin", "2026-07-10T01:00:00Z"),
        ("2026-03-10T02:30:00Z", "Asia/Tokyo", "2026-03-09T18:00:00Z"),
    ],
)
def test_a_night_is_that_of_the_school(at: str, timezone: str, turn: str) -> None:
    assert last_turn(datetime.fromisoformat(at), 3, timezone) == datetime.fromisoformat(turn)


@given(
    at=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1)),  # noqa: DTZ001
    hour=st.integers(0, 23),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_the_last_turn_is_never_ahead_and_a_day_old_at_most(at: datetime, hour: int, timezone: str) -> None:
    moment = at.replace(tzinfo=UTC)
    assert timedelta(0) <= moment - last_turn(moment, hour, timezone) <= timedelta(hours=25)


async def test_of_several_nodes_one_does_it_once_a_night(
    school: School, people: tuple[Person, Person, Person]
) -> None:
    admin, teacher, student = people
    own = await school.app.service("schools").get(admin.user["schoolId"])
    slug, talk = own["slug"], await talk_of(teacher, student)
    message = await write(student, talk, "Old")
    await aged(message, days=31)
    nodes = [Retention(school.app, 3) for _ in range(2)]
    tonight = datetime.now(UTC)
    for node in nodes:
        assert slug not in await node.owe_due(tonight)  # nobody has heard of this school before
    tomorrow = tonight + timedelta(days=1)
    assert slug in await nodes[0].owe_due(tomorrow)
    await nodes[1].owe_due(tomorrow)

    async def is_done() -> bool:
        return slug not in await nodes[0].owe_due(tomorrow)

    await until_so(is_done)
    assert (await stored(message))["content"] is None
    late = await write(student, talk, "Older than it seems")
    await aged(late, days=31)
    turn = last_turn(tomorrow, 3, own["timezone"])
    await nodes[1].do(Task("retention", {"schoolId": own["_id"], "turn": turn}))
    assert (await stored(late))["content"] == "Older than it seems"


async def test_of_a_school_that_is_gone_nothing_is_taken_out(school: School) -> None:
    await Retention(school.app, 3).do(Task("retention", {"schoolId": ObjectId(), "turn": datetime.now(UTC)}))
