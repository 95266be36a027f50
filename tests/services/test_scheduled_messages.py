"""Messages that are sent later, as if their sender did it then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from bson import ObjectId

from stonechat.core.background import AT_ONCE, Background
from stonechat.models import Conversation, Member, Message, ScheduledMessage, User
from stonechat.models.record import now
from stonechat.services.scheduled_messages.sender import LOOKS_EVERY, Sender
from stonechat.services.scheduled_messages.service import LEASE, MAX_WAITING, ScheduledMessagesService
from tests.support.people import has_not_heard, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

PATH = "scheduled-messages"
HOUR = timedelta(hours=1)
Transport = Literal["rest", "socketio"]
TRANSPORTS: tuple[Transport, ...] = ("rest", "socketio")


class Pair:
    """Two people in a conversation, the second of whom manages it."""

    def __init__(self, school: School, ada: Person, ben: Person, talk: str) -> None:
        self.school = school
        self.ada = ada
        self.ben = ben
        self.talk = talk

    async def schedule(self, content: str = "Later", *, at: datetime | None = None, **more: Json) -> Answer:
        """What ada wants to say, in an hour unless she says when."""
        data = {"conversationId": self.talk, "content": content, "sendAt": at or now() + HOUR, **more}
        return await self.ada.rest("create", PATH, data=data)

    async def waiting(self, content: str = "Later", **more: Json) -> Json:
        answer = await self.schedule(content, **more)
        assert answer.code == 201, answer
        return answer.body

    async def said(self) -> list[str]:
        """The contents of the conversation's messages, in order."""
        found = await self.ben.rest("find", "messages", query={"conversationId": self.talk})
        return [message["content"] for message in found.body["data"]]

    async def state(self, scheduled: Json) -> Json:
        answer = await self.ada.rest("get", PATH, id=scheduled["_id"])
        assert answer.code == 200, answer
        return answer.body


@pytest.fixture
async def pair(school: School) -> Pair:
    ada, ben = await newcomer(school), await newcomer(school)
    return Pair(school, ada, ben, await talk_of(ben, ada))


@pytest.fixture
async def sender(school: School) -> AsyncIterator[Sender]:
    """The one that sends while the server's own is stopped."""
    own: Background = school.app.get("schedule")
    await own.stop()
    yield sender_of(school, records_of(school))
    own.start()


def records_of(school: School) -> ScheduledMessagesService:
    records: ScheduledMessagesService = school.app.service(PATH).wrapped
    return records


def sender_of(school: School, records: ScheduledMessagesService) -> Sender:
    return Sender(school.app, school.app.service(PATH), records)


async def send_due(sender: Sender) -> None:
    while await sender.send_next() == AT_ONCE:
        pass


async def let_come(*scheduled: Json, ago: timedelta = timedelta(seconds=1)) -> None:
    """Turn the clock forward for these; the first is due since ``ago``, each following one since less."""
    for position, one in enumerate(scheduled):
        due = now() - ago + timedelta(milliseconds=position)
        times = {"$set": {"sendAt": due, "dueAt": due}}
        await ScheduledMessage.documents().update_one({"_id": ObjectId(one["_id"])}, times)


async def call(
    person: Person, transport: Transport, method: str, *, id: str | None = None, data: Json = None
) -> Answer:
    if transport == "rest":
        return await person.rest(method, PATH, id=id, data=data)
    async with person.socket() as socket:
        return await socket.call(method, PATH, id=id, data=data)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_nobody_schedules_without_logging_in(pair: Pair, transport: Transport) -> None:
    data = {"conversationId": pair.talk, "content": "x", "sendAt": now() + HOUR}
    assert (await call(pair.school.nobody, transport, "create", data=data)).code == 401
    assert (await call(pair.school.nobody, transport, "find")).code == 401


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("at", ["demo-high", "other-school"])
async def test_who_is_not_a_member_schedules_nothing(pair: Pair, at: str, transport: Transport) -> None:
    outsider = await newcomer(pair.school, at=at)
    data = {"conversationId": pair.talk, "content": "x", "sendAt": now() + HOUR}
    refused = await call(outsider, transport, "create", data=data)
    assert (refused.code, refused.body["message"]) == (403, "You are not a member of this conversation")
    assert (await outsider.rest("find", PATH)).body["total"] == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("role", ["student", "teacher", "admin"])
async def test_nobody_else_sees_or_changes_what_waits(pair: Pair, role: str, transport: Transport) -> None:
    scheduled = await pair.waiting()
    for other in (pair.ben, await newcomer(pair.school, role)):
        assert (await call(other, transport, "find")).body["total"] == 0
        for method, data in (("get", None), ("patch", {"content": "Mine"}), ("remove", None)):
            assert (await call(other, transport, method, id=scheduled["_id"], data=data)).code == 404
    assert (await pair.state(scheduled))["content"] == "Later"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"sendAt": now() - HOUR}, "sendAt"),
        ({"sendAt": now() + timedelta(days=367)}, "sendAt"),
        ({"sendAt": "soon"}, "sendAt"),
        ({"sendAt": None}, "sendAt"),
        ({"content": " "}, "content"),
        ({"content": "x" * 4001}, "content"),
        ({"type": "system"}, "type"),
        ({"attachments": [{"name": "a", "url": "http://example.org/a"}]}, "attachments.0.url"),
        ({"replyTo": "f" * 24}, "replyTo"),
        ({"mentions": ["f" * 24]}, "mentions"),
        ({"state": "SENT"}, "state"),
        ({"userId": "f" * 24}, "userId"),
        ({"idempotencyKey": "mine"}, "idempotencyKey"),
    ],
)
async def test_what_could_not_be_sent_is_not_scheduled(pair: Pair, more: Json, field: str) -> None:
    data = {"conversationId": pair.talk, "content": "x", "sendAt": now() + HOUR, **more}
    refused = await pair.ada.rest("create", PATH, data=data)
    assert (refused.code, list(refused.body["errors"])) == (400, [field])
    assert (await pair.ada.rest("find", PATH)).body["total"] == 0


async def test_who_may_not_write_now_schedules_nothing(pair: Pair) -> None:
    ada = {"_id": ObjectId(pair.ada.id)}
    await User.documents().update_one(ada, {"$set": {"suspendedUntil": now() + HOUR}})
    assert (await pair.schedule()).code == 403
    await User.documents().update_one(ada, {"$set": {"suspendedUntil": None}})
    await Conversation.documents().update_one({"_id": ObjectId(pair.talk)}, {"$set": {"archivedAt": now()}})
    refused = await pair.schedule()
    assert (refused.code, refused.body["message"]) == (403, "The conversation is archived")


async def test_scheduling_sends_nothing_and_is_the_senders_own_business(pair: Pair) -> None:
    async with pair.ada.socket() as own, pair.ben.socket() as other:
        scheduled = await pair.waiting(mentions=[pair.ben.id])
        assert (await own.next(f"{PATH} created"))["_id"] == scheduled["_id"]
        assert await has_not_heard(other, f"{PATH} created")
        assert await has_not_heard(other, "messages created")
    assert (scheduled["state"], scheduled["dueAt"]) == ("WAITING", scheduled["sendAt"])
    assert not {"place", "attempts"} & scheduled.keys()
    assert await pair.said() == []


async def test_a_message_is_sent_when_its_time_has_come(pair: Pair) -> None:
    first = await write(pair.ben, pair.talk, "Ask me at eight")
    attachment = {"name": "a", "url": "https://example.org/a"}
    async with pair.ada.socket() as own, pair.ben.socket() as other:
        scheduled = await pair.waiting(
            at=now() + timedelta(milliseconds=150),
            replyTo=first["_id"],
            mentions=[pair.ben.id],
            attachments=[attachment],
        )
        message = await other.next("messages created")
        done = await own.next(f"{PATH} patched")
    assert {name: message[name] for name in ("senderId", "content", "replyTo", "mentions")} == {
        "senderId": pair.ada.id,
        "content": "Later",
        "replyTo": first["_id"],
        "mentions": [pair.ben.id],
    }
    assert message["attachments"][0]["url"] == attachment["url"]
    assert message["createdAt"] >= scheduled["sendAt"]
    assert (done["_id"], done["state"], done["messageId"]) == (scheduled["_id"], "SENT", message["_id"])
    assert (done["content"], done["attachments"], done["dueAt"]) == (None, [], None)
    assert await pair.state(scheduled) == done


async def test_what_is_scheduled_for_earlier_is_not_held_up_by_what_waits(pair: Pair) -> None:
    await pair.waiting("Far off", at=now() + HOUR)
    async with pair.ben.socket() as socket:
        await pair.waiting("Soon", at=now() + timedelta(milliseconds=100))
        assert (await socket.next("messages created"))["content"] == "Soon"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_waiting_message_is_changed_and_taken_back(pair: Pair, transport: Transport) -> None:
    scheduled = await pair.waiting()
    later = now() + 2 * HOUR
    changed = await call(
        pair.ada, transport, "patch", id=scheduled["_id"], data={"content": "Changed", "sendAt": later}
    )
    assert changed.code == 200, changed
    assert changed.body["content"] == "Changed"
    assert datetime.fromisoformat(changed.body["sendAt"]) == later
    assert changed.body["dueAt"] == changed.body["sendAt"]
    assert (await call(pair.ada, transport, "remove", id=scheduled["_id"])).code == 200
    assert (await pair.ada.rest("find", PATH)).body["total"] == 0


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"content": ""}, "content"),
        ({"content": "x" * 4001}, "content"),
        ({"sendAt": now() - HOUR}, "sendAt"),
        ({"conversationId": "f" * 24}, "conversationId"),
    ],
)
async def test_a_change_that_could_not_be_sent_is_refused(pair: Pair, data: Json, field: str) -> None:
    scheduled = await pair.waiting()
    refused = await pair.ada.rest("patch", PATH, id=scheduled["_id"], data=data)
    assert (refused.code, list(refused.body["errors"])) == (400, [field])
    assert await pair.state(scheduled) == scheduled


async def test_who_has_left_changes_nothing_there_but_takes_it_back(pair: Pair) -> None:
    scheduled = await pair.waiting()
    await leave(pair)
    assert (await pair.ada.rest("patch", PATH, id=scheduled["_id"], data={"content": "Still"})).code == 403
    assert (await pair.ada.rest("remove", PATH, id=scheduled["_id"])).code == 200


@pytest.mark.parametrize("state", ["SENDING", "SENT", "FAILED"])
async def test_what_waits_no_more_stays_as_it_is(pair: Pair, state: str) -> None:
    scheduled = await pair.waiting()
    changes = {"$set": {"state": state, "dueAt": None}}
    await ScheduledMessage.documents().update_one({"_id": ObjectId(scheduled["_id"])}, changes)
    for method, data in (("patch", {"content": "Changed"}), ("remove", None)):
        refused = await pair.ada.rest(method, PATH, id=scheduled["_id"], data=data)
        assert (refused.code, refused.body["data"]) == (400, {"state": state})


async def test_a_user_has_a_hundred_waiting_messages_at_most(pair: Pair) -> None:
    record = await ScheduledMessage.documents().find_one({"_id": ObjectId((await pair.waiting())["_id"])})
    assert record is not None
    others = [place for place in range(MAX_WAITING) if place != record["place"]][:-2]
    copies = [{**record, "_id": ObjectId(), "place": place} for place in others]
    await ScheduledMessage.documents().insert_many(copies)
    answers = await asyncio.gather(*(pair.schedule(f"{number}") for number in range(5)))
    assert sorted(answer.code for answer in answers) == [201, 201, 400, 400, 400]
    refused = next(answer for answer in answers if answer.code == 400)
    assert refused.body["data"] == {"limit": MAX_WAITING}
    assert (await pair.ada.rest("remove", PATH, id=str(copies[0]["_id"]))).code == 200
    assert (await pair.schedule()).code == 201


async def leave(pair: Pair) -> None:
    place = await pair.school.one("members", conversationId=pair.talk, userId=pair.ada.id)
    assert (await pair.ada.rest("remove", "members", id=str(place["_id"]))).code == 200


async def suspend(pair: Pair) -> None:
    await User.documents().update_one(
        {"_id": ObjectId(pair.ada.id)}, {"$set": {"suspendedUntil": now() + HOUR}}
    )


async def silence(pair: Pair) -> None:
    await Member.documents().update_one(
        {"conversationId": ObjectId(pair.talk), "userId": ObjectId(pair.ada.id)},
        {"$set": {"silencedUntil": now() + HOUR}},
    )


async def archive(pair: Pair) -> None:
    await Conversation.documents().update_one({"_id": ObjectId(pair.talk)}, {"$set": {"archivedAt": now()}})


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (leave, "You are not a member of this conversation"),
        (suspend, "You are suspended"),
        (silence, "A moderator has muted you"),
        (archive, "The conversation is archived"),
    ],
)
async def test_the_rules_hold_at_the_time_of_sending(
    pair: Pair, sender: Sender, happens: Any, reason: str
) -> None:
    scheduled = await pair.waiting()
    async with pair.ada.socket() as socket:
        await happens(pair)
        await let_come(scheduled)
        await send_due(sender)
        told = await socket.next(f"{PATH} patched")
    assert (told["_id"], told["state"], told["messageId"]) == (scheduled["_id"], "FAILED", None)
    assert told["reason"].startswith(reason)
    assert told["content"] == "Later"
    assert await pair.said() == []


async def test_a_field_at_fault_is_named_in_the_reason(pair: Pair, sender: Sender) -> None:
    third = await newcomer(pair.school)
    invited = {"conversationId": pair.talk, "userId": third.id}
    place = (await pair.ben.rest("create", "members", data=invited)).body
    scheduled = await pair.waiting(mentions=[third.id])
    assert (await third.rest("remove", "members", id=place["_id"])).code == 200
    await let_come(scheduled)
    await send_due(sender)
    assert (await pair.state(scheduled))["reason"].startswith("mentions: ")


async def test_who_is_removed_from_the_school_sends_nothing_more(pair: Pair, sender: Sender) -> None:
    scheduled = await pair.waiting()
    admin = await newcomer(pair.school, "admin")
    assert (await admin.rest("remove", "users", id=pair.ada.id)).code == 200
    await let_come(scheduled)
    await send_due(sender)
    assert await pair.said() == []
    assert await ScheduledMessage.documents().count_documents({"userId": ObjectId(pair.ada.id)}) == 0


async def test_several_senders_send_each_message_once(pair: Pair, sender: Sender) -> None:
    scheduled = [await pair.waiting(f"{number}") for number in range(8)]
    await let_come(*scheduled)
    nodes = [sender, *(sender_of(pair.school, records_of(pair.school)) for _ in range(3))]
    await asyncio.gather(*(send_due(node) for node in nodes))
    assert sorted(await pair.said()) == [f"{number}" for number in range(8)]
    assert {(await pair.state(one))["state"] for one in scheduled} == {"SENT"}


async def test_what_was_due_while_nobody_was_there_is_sent_at_the_start_in_its_order(
    pair: Pair, sender: Sender
) -> None:
    first, second, third = [await pair.waiting(content) for content in ("first", "second", "third")]
    await let_come(third, ago=timedelta(minutes=1))
    await let_come(first, ago=timedelta(minutes=3))
    await let_come(second, ago=timedelta(minutes=2))
    # As if it had been taken out just before the end.
    lapsed = {"$set": {"state": "SENDING", "dueAt": now() - timedelta(seconds=1)}}
    await ScheduledMessage.documents().update_one({"_id": ObjectId(first["_id"])}, lapsed)
    async with pair.ben.socket() as socket:
        schedule = Background(pair.school.app, "schedule", sender.send_next, every=LOOKS_EVERY)
        schedule.start()
        said = [(await socket.next("messages created"))["content"] for _ in range(3)]
        await schedule.stop()
    assert said == ["first", "second", "third"]


class Crashing(ScheduledMessagesService):
    """Is never there to note what was sent."""

    async def settle(self, claimed: Any, **changes: Any) -> Any:
        raise ConnectionError


@pytest.mark.parametrize("happens", [None, leave])
async def test_a_crash_between_sending_and_noting_it_sends_once(
    pair: Pair, sender: Sender, happens: Any
) -> None:
    scheduled = await pair.waiting()
    await let_come(scheduled)
    crashing = Crashing(pair.school.app.get("vault"), pair.school.app.get("pagination"))
    with pytest.raises(ConnectionError):
        await send_due(sender_of(pair.school, crashing))
    assert (await pair.state(scheduled))["state"] == "SENDING"

    await send_due(sender)  # while the lease of the other lasts
    assert (await pair.state(scheduled))["state"] == "SENDING"

    await let_come(scheduled, ago=LEASE)
    if happens is not None:
        await happens(pair)
    await send_due(sender)
    sent = await pair.state(scheduled)
    (message,) = await Message.documents().find({"conversationId": ObjectId(pair.talk)}).to_list()
    assert (sent["state"], sent["messageId"]) == ("SENT", str(message["_id"]))
    assert await pair.said() == ["Later"]


async def test_who_has_lost_the_claim_does_not_note_anything(pair: Pair, sender: Sender) -> None:
    await let_come(await pair.waiting())
    records = records_of(pair.school)
    slow = await records.claim(now())
    assert slow is not None
    quick = await records.claim(now() + LEASE)
    assert quick is not None
    assert quick["_id"] == slow["_id"]
    assert await records.settle(slow, state="FAILED", dueAt=None) is None
    assert await records.settle(quick, state="SENT", dueAt=None) is not None


async def test_what_comes_too_often_waits_and_keeps_its_order(pair: Pair, sender: Sender) -> None:
    slow = {"_id": ObjectId(pair.talk)}
    await Conversation.documents().update_one(slow, {"$set": {"slowModeSeconds": 600}})
    await write(pair.ada, pair.talk, "now")
    scheduled = [await pair.waiting(content) for content in ("first", "second")]
    await let_come(*scheduled)
    await send_due(sender)
    states = [await pair.state(one) for one in scheduled]
    assert {(one["state"], one["reason"]) for one in states} == {("WAITING", None)}
    assert all(datetime.fromisoformat(one["dueAt"]) > now() + timedelta(minutes=9) for one in states)
    assert await pair.said() == ["now"]

    await Conversation.documents().update_one(slow, {"$set": {"slowModeSeconds": 0}})
    overdue = {"_id": {"$in": [ObjectId(one["_id"]) for one in scheduled]}}
    await ScheduledMessage.documents().update_many(overdue, {"$set": {"dueAt": now()}})
    await send_due(sender)
    assert await pair.said() == ["now", "first", "second"]


async def test_a_failure_of_the_server_is_tried_again(pair: Pair, sender: Sender) -> None:
    scheduled = await pair.waiting()
    await let_come(scheduled)
    # A conversation without its kind is nothing that the rules can judge.
    broken = {"_id": ObjectId(pair.talk)}
    await Conversation.documents().update_one(broken, {"$unset": {"kind": ""}})
    await send_due(sender)
    state = await pair.state(scheduled)
    assert (state["state"], state["dueAt"] > state["sendAt"]) == ("WAITING", True)

    await Conversation.documents().update_one(broken, {"$set": {"kind": "group"}})
    await let_come(scheduled)
    await send_due(sender)
    assert await pair.said() == ["Later"]
