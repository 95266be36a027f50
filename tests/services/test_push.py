"""To whom new messages are pushed, and what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from starlette.responses import Response

from stonechat.core.application import Application
from stonechat.core.jobs import Task, jobs
from stonechat.core.jobs.memory import MemoryLedger
from stonechat.models.push_notice import shows
from stonechat.models.record import now
from stonechat.services.push.looking import LOOK, Looking
from stonechat.services.push.numbers import Numbers
from stonechat.services.push.sending import Sending
from stonechat.services.push.wording import wording
from tests.support.people import newcomer, talk_of, write
from tests.support.pushing import Pushing, expo_token, phone_of, pushing
from tests.support.school import Json, Person, School
from tests.support.waiting import until, until_so

HOUR = timedelta(hours=1)
PREFERENCES = "notification-preferences"


@pytest.fixture(scope="module")
async def place(mongodb_url: str) -> AsyncIterator[Pushing]:
    async with pushing(mongodb_url, "test_push") as place:
        yield place


class Room:
    """Who writes, who is away with a phone, and a witness with one, who wants everything."""

    def __init__(self, place: Pushing, people: tuple[Person, Person, Person], talk: str) -> None:
        self.place = place
        self.writer, self.reader, self.witness = people
        self.talk = talk
        self.phone = self.other_phone = ""

    async def pushes(self, **more: Json) -> list[Json]:
        """What the reader's phone was sent of a message that is written now, once it is decided."""
        before = len(self.place.to(self.phone)), len(self.place.to(self.other_phone))
        await write(self.writer, self.talk, **more)
        await self.place.pushed(self.other_phone, count=before[1] + 1)
        await until_so(self.place.is_idle)
        return self.place.to(self.phone)[before[0] :]


@pytest.fixture
async def room(place: Pushing) -> Room:
    writer, reader, witness = [await newcomer(place.school) for _ in range(3)]
    everything = {"level": "all", "duringQuietHours": True}
    assert (await witness.rest("patch", PREFERENCES, id="me", data=everything)).code == 200
    room = Room(place, (writer, reader, witness), await talk_of(writer, reader, witness, name="Lab"))
    room.phone, room.other_phone = await phone_of(reader), await phone_of(witness)
    return room


def sending_of(room: Room, *, contents: bool = True) -> Sending:
    """Another process's, which does the same task."""
    return Sending(room.place.school.app, Numbers(Application()), contents=contents)


async def test_who_is_away_is_pushed_what_was_written(room: Room) -> None:
    (push,) = await room.pushes(content="Has anybody seen my goggles?")
    name = room.writer.user["name"]
    assert push["title"] == "Lab"
    assert push["body"] == f"{name}: Has anybody seen my goggles?"
    assert (push["badge"], push["sound"], push["collapseId"]) == (1, "default", room.talk)
    assert push["data"]["conversationId"] == room.talk
    assert push["data"]["seq"] == "1"


async def test_nobody_but_the_others_in_the_conversation_is_told(room: Room) -> None:
    school = room.place.school
    own, stranger = await phone_of(room.writer), await newcomer(school)
    strange = await phone_of(stranger)
    left = await newcomer(school)
    gone = await phone_of(left)
    seat = {"conversationId": room.talk, "userId": left.id}
    placed = await room.writer.rest("create", "members", data=seat)
    assert (await left.rest("remove", "members", id=placed.body["_id"])).code == 200
    assert len(await room.pushes()) == 1
    assert [room.place.to(token) for token in (own, strange, gone)] == [[], [], []]


async def test_who_has_a_socket_is_not_pushed_anything(room: Room) -> None:
    async with room.reader.socket() as socket:
        assert await room.pushes() == []
        await socket.next("message:notify")


async def test_who_loses_the_network_before_reading_is_told_by_the_next_look(room: Room) -> None:
    async with room.reader.socket() as socket:
        await write(room.writer, room.talk, "Are you there?")
        await socket.next("messages created")
        await room.place.pushed(room.other_phone)
        assert room.place.to(room.phone) == []
    (push,) = await room.place.pushed(room.phone)
    assert push["body"].endswith("Are you there?")


async def test_what_was_read_meanwhile_is_not_pushed(room: Room) -> None:
    async with room.reader.socket() as socket:
        message = await write(room.writer, room.talk)
        await socket.next("messages created")
        await socket.say("message:read", {"conversationId": room.talk, "seq": message["seq"]})
    await room.place.pushed(room.other_phone)
    await until_so(room.place.is_idle)
    assert room.place.to(room.phone) == []


async def test_preferences_say_what_is_pushed(room: Room) -> None:
    reader = room.reader.id
    for level, mentions, pushed in (
        ("all", [], 1),
        ("mentions", [], 0),
        ("mentions", [reader], 1),
        ("mentions", ["student"], 1),
        ("none", [reader], 0),
    ):
        data = {"level": level, "sound": False}
        assert (await room.reader.rest("patch", PREFERENCES, id="me", data=data)).code == 200
        got = await room.pushes(mentions=mentions)
        assert len(got) == pushed, (level, mentions)
        assert all("sound" not in push for push in got)


async def test_who_has_muted_the_conversation_is_not_pushed_anything(room: Room) -> None:
    seat = await room.place.school.one(
        "members", conversationId=ObjectId(room.talk), userId=ObjectId(room.reader.id)
    )
    for until_when, pushed in ((now() + HOUR, 0), (now() - HOUR, 1)):
        data = {"mutedUntil": until_when}
        assert (await room.reader.rest("patch", "members", id=str(seat["_id"]), data=data)).code == 200
        assert len(await room.pushes(mentions=[room.reader.id])) == pushed


async def test_messages_that_come_together_are_one_push(room: Room) -> None:
    for number in range(5):
        await write(room.writer, room.talk, f"Number {number}")
    await until(lambda: any(one["body"].endswith("4") for one in room.place.to(room.phone)))
    pushes = room.place.to(room.phone)
    assert len(pushes) < 5
    assert pushes[-1]["badge"] == 5
    assert {push["collapseId"] for push in pushes} == {room.talk}


async def test_all_devices_of_a_user_are_told(room: Room) -> None:
    tablet = await phone_of(room.reader)
    assert len(await room.pushes()) == 1
    assert len(room.place.to(tablet)) == 1


@pytest.mark.parametrize("change", [{"revokedAt": now()}, {"expiresAt": now() - HOUR}, None])
async def test_a_device_of_a_login_that_has_ended_is_told_nothing(room: Room, change: Json | None) -> None:
    """However it ended: nobody may have heard of it."""
    school = room.place.school
    sessions = school.app.get("database").database["sessions"]
    (device,) = await room.place.devices_of(room.reader)
    tablet = await phone_of(await school.log_in(room.reader.user["email"], "long-enough"))
    if change is None:
        await sessions.delete_one({"sid": device["sessionId"]})
    else:
        await sessions.update_one({"sid": device["sessionId"]}, {"$set": change})
    assert await room.pushes() == []
    assert len(room.place.to(tablet)) == 1
    payload = {"userId": ObjectId(room.reader.id), "conversationId": ObjectId(room.talk), "seq": 1}
    await sending_of(room).clear(Task("push-clear", payload))
    assert (len(room.place.to(room.phone)), len(room.place.to(tablet))) == (0, 2)


async def test_a_device_that_no_login_is_known_of_is_told(room: Room) -> None:
    devices = room.place.school.app.get("database").database["devices"]
    await devices.update_one({"token": room.phone}, {"$unset": {"sessionId": ""}})
    assert len(await room.pushes()) == 1


async def test_a_direct_message_is_titled_by_who_writes(place: Pushing) -> None:
    writer, reader = await newcomer(place.school), await newcomer(place.school)
    talk, phone = await talk_of(writer, reader, kind="direct"), await phone_of(reader)
    await write(writer, talk, "Psst")
    (push,) = await place.pushed(phone)
    assert (push["title"], push["body"]) == (writer.user["name"], "Psst")


async def test_what_is_read_elsewhere_clears_the_badge(room: Room) -> None:
    await room.pushes()
    async with room.reader.socket() as socket:
        await socket.say("message:read", {"conversationId": room.talk, "seq": 1})
        _, silent = await room.place.pushed(room.phone, count=2)
    assert (silent["badge"], silent["_contentAvailable"], silent["priority"]) == (0, True, "normal")
    assert silent["data"] == {"conversationId": room.talk, "readSeq": "1"}
    assert "title" not in silent
    await until_so(room.place.is_idle)
    assert not await shows(ObjectId(room.reader.id), ObjectId(room.talk), 1)


async def test_what_a_phone_does_not_show_is_not_cleared(room: Room) -> None:
    await room.pushes()
    await room.reader.rest("acknowledge", "members", data={"conversationId": room.talk, "readSeq": 1})
    await room.place.pushed(room.phone, count=2)
    await until_so(room.place.is_idle)
    await room.witness.rest("create", "messages", data={"conversationId": room.talk, "content": "Hi"})
    async with room.reader.socket() as socket:
        await socket.say("message:read", {"conversationId": room.talk, "seq": 2})
    await until_so(room.place.is_idle)
    silent = [push for push in room.place.to(room.phone) if "title" not in push]
    assert len(silent) == 1


async def test_of_somebody_who_is_removed_meanwhile_nothing_is_cleared(room: Room) -> None:
    reader, talk = ObjectId(room.reader.id), ObjectId(room.talk)
    await room.place.school.app.get("database").database["users"].delete_one({"_id": reader})
    task = Task("push-clear", {"userId": reader, "conversationId": talk, "seq": 1})
    await sending_of(room).clear(task)
    assert room.place.to(room.phone) == []


async def test_a_look_that_could_not_be_owed_is_owed_with_the_next_message(room: Room) -> None:
    app, ledger = Application(), MemoryLedger()
    app.configure(jobs(ledger))
    looking, messages = Looking(app, delay=3600, again=3600), room.place.school.app.service("messages")
    message = {"type": "text", "conversationId": ObjectId(), "schoolId": ObjectId()}
    for owed in (0, 1, 1):
        looking.published(messages, "created", message, None)
        await app.tasks.close()
        assert len(ledger) == owed
        if not owed:  # until now nobody does it, which is an error
            app.jobs.define(LOOK, looking.look)


async def test_a_token_that_is_gone_is_removed(room: Room) -> None:
    gone = {"status": "error", "message": "", "details": {"error": "DeviceNotRegistered"}}
    room.place.expo.tickets[room.phone] = gone
    assert await room.pushes() == []
    assert await room.place.devices_of(room.reader) == []


async def test_a_receipt_that_says_so_removes_the_token_too(room: Room) -> None:
    await room.pushes()
    (device,) = await room.place.devices_of(room.reader)
    tasks = room.place.school.app.get("database").database["tasks"]
    receipt = f"receipt of {room.phone}"
    named = {"$elemMatch": {"$elemMatch": {"$eq": receipt}}}
    owed = await tasks.find_one({"kind": "push-receipts", "payload.receipts": named})
    assert owed["dueAt"] > now() + timedelta(minutes=10)
    gone = {"status": "error", "message": "", "details": {"error": "DeviceNotRegistered"}}
    room.place.expo.receipts[receipt] = gone
    sending = sending_of(room)
    await sending.read_receipts(Task("push-receipts", {"receipts": [[receipt, device["_id"]]]}))
    assert await room.place.devices_of(room.reader) == []


async def test_what_a_provider_wants_later_is_sent_later(room: Room) -> None:
    busy = Response(status_code=429, headers={"Retry-After": "1"})
    room.place.expo.fails = busy
    await write(room.writer, room.talk, "Patience")
    tasks = room.place.school.app.get("database").database["tasks"]
    again = {"kind": "push-send", "payload.tries": 1, "payload.conversationId": ObjectId(room.talk)}

    async def is_owed_again() -> bool:
        return bool(await tasks.count_documents(again) > 0)

    await until_so(is_owed_again)
    room.place.expo.fails = None
    (push,) = await room.place.pushed(room.phone)
    assert push["body"].endswith("Patience")


async def test_a_push_that_is_sent_again_after_a_crash_goes_to_nobody_who_was_told(room: Room) -> None:
    await room.pushes()
    tasks = room.place.school.app.get("database").database["tasks"]
    (done,) = await tasks.find({"kind": "push-send", "payload.conversationId": ObjectId(room.talk)}).to_list()
    sending = sending_of(room)
    await sending.send(Task("push-send", done["payload"], school_id=done["schoolId"]))
    assert len(room.place.to(room.phone)) == 1


async def test_what_was_taken_back_meanwhile_is_not_pushed(room: Room) -> None:
    message = await write(room.writer, room.talk)
    await room.place.pushed(room.phone)
    assert (await room.writer.rest("remove", "messages", id=message["_id"])).code == 200
    third = await newcomer(room.place.school)
    phone = await phone_of(third)
    payload = {
        "conversationId": ObjectId(room.talk),
        "messageId": ObjectId(message["_id"]),
        "userIds": [ObjectId(third.id)],
    }
    await sending_of(room).send(Task("push-send", payload))
    assert room.place.to(phone) == []


async def test_without_contents_a_push_says_where_and_no_more(room: Room) -> None:
    message = await write(room.writer, room.talk, "A secret")
    await room.place.pushed(room.phone)
    third = await newcomer(room.place.school)
    phone = await phone_of(third)
    seat = {"conversationId": room.talk, "userId": third.id}
    assert (await room.writer.rest("create", "members", data=seat)).code == 201
    members = room.place.school.app.get("database").database["members"]
    await members.update_one({"userId": ObjectId(third.id)}, {"$set": {"readSeq": 0}})
    payload: dict[str, Any] = {
        "conversationId": ObjectId(room.talk),
        "messageId": ObjectId(message["_id"]),
        "userIds": [ObjectId(third.id)],
    }
    await sending_of(room, contents=False).send(Task("push-send", payload))
    (push,) = room.place.to(phone)
    assert (push["title"], push["body"]) == ("Lab", "")


async def test_where_no_provider_is_configured_nothing_is_owed(school: School) -> None:
    writer, reader = await newcomer(school), await newcomer(school)
    talk = await talk_of(writer, reader)
    refused = await reader.rest("create", "devices", data={"provider": "expo", "token": expo_token()})
    assert refused.body["errors"] == {"provider": "is not in use here"}
    await write(writer, talk)
    tasks = school.app.get("database").database["tasks"]
    assert await tasks.count_documents({"payload.conversationId": ObjectId(talk)}) == 0


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"content": "Hi"}, "Ada: Hi"),
        ({"content": None, "attachments": [{"name": "cat.png"}]}, "Ada: cat.png"),
        ({"content": None, "attachments": []}, "Ada: "),
        ({"content": "x" * 300}, f"Ada: {'x' * 199}…"),
    ],
)
def test_a_push_says_who_and_the_beginning(message: dict[str, Any], said: str) -> None:
    group = {"kind": "group", "name": "Lab"}
    assert wording(group, {"name": "Ada"}, message, contents=True) == ("Lab", said)


def test_a_group_without_a_name_goes_by_who_writes() -> None:
    nameless = {"kind": "group", "name": None}
    assert wording(nameless, {"name": "Ada"}, {"content": "Hi"}, contents=True) == ("Ada", "Hi")
    assert wording(nameless, None, {"content": "Hi"}, contents=False) == ("Stonechat", "")


async def test_the_metrics_count_pushes(room: Room) -> None:
    await room.pushes()
    async with room.place.school.http.get(f"{room.place.school.url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    (line,) = [line for line in lines if line.startswith("stonechat_pushes_delivered_total ")]
    assert float(line.split()[1]) >= 2
