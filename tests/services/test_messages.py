from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from stonechat.core.context import Params
from stonechat.core.errors import Conflict
from stonechat.models import Conversation, Message
from stonechat.models.record import now
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

MAX_AHEAD = 1000  # spec/systems.md: Order
FILE = {"name": "notes.pdf", "url": "https://files.example.org/notes.pdf"}
LARGEST_PAGE = 200


async def history(person: Person, conversation: str, **query: Json) -> list[Json]:
    asked = {"conversationId": conversation, "$limit": LARGEST_PAGE, **query}
    answer = await person.rest("find", "messages", query=asked)
    assert answer.code == 200, answer
    return list(answer.body["data"])


async def read_one(person: Person, message: Json) -> Json:
    answer = await person.rest("get", "messages", id=message["_id"])
    assert answer.code == 200, answer
    return answer.body


async def stored(conversation: str) -> list[dict[str, Any]]:
    found = Message.documents().find({"conversationId": ObjectId(conversation)})
    return await found.sort("seq").to_list()


async def clock_of(conversation: str) -> int:
    found = await Conversation.documents().find_one({"_id": ObjectId(conversation)})
    assert found is not None
    return int(found["clock"])


async def preview_in(person: Person, conversation: str) -> Json:
    answer = await person.rest("get", "conversations", id=conversation)
    return answer.body["lastMessage"]


async def edit(person: Person, message: Json, content: str) -> Answer:
    return await person.rest("patch", "messages", id=message["_id"], data={"content": content})


async def remove(person: Person, message: Json) -> Answer:
    return await person.rest("remove", "messages", id=message["_id"])


async def give_role(admin: Person, conversation: str, person: Person, role: str) -> None:
    query = {"conversationId": conversation, "userId": person.id}
    place = (await admin.rest("find", "members", query=query)).body["data"][0]
    assert (await admin.rest("patch", "members", id=place["_id"], data={"role": role})).code == 200


async def test_many_who_write_at_once_get_each_number_once(school: School) -> None:
    people = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(*people)

    async def over_rest(person: Person) -> None:
        await asyncio.gather(*(write(person, talk, f"{person.id} {number}") for number in range(15)))

    async def over_a_socket(person: Person) -> None:
        async with person.socket() as socket:
            for number in range(15):
                data = {"conversationId": talk, "content": f"{person.id} {number}"}
                assert "message" in await socket.say("message:send", data)

    await asyncio.gather(*map(over_rest, people[:2]), *map(over_a_socket, people[2:]))
    assert [message["seq"] for message in await history(people[0], talk)] == list(range(1, 61))
    assert await clock_of(talk) == 60


async def test_members_hear_messages_in_the_order_of_their_numbers(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ben.socket() as socket:
        await asyncio.gather(*(write(ada, talk, f"{number}") for number in range(10)))
        heard = [await socket.next("messages created") for _ in range(10)]
    assert [message["seq"] for message in heard] == list(range(1, 11))


@pytest.mark.parametrize(
    ("given", "clock"),
    [(0, 2), (1, 2), (7, 8), (1 + MAX_AHEAD, 2 + MAX_AHEAD), (2 + MAX_AHEAD, 2), (2**53, 2), (2**63, 2)],
)
async def test_a_clients_clock_counts_within_bounds(school: School, given: int, clock: int) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await write(ada, talk)
    message = await write(ada, talk, "Later", lamport=given)
    assert (message["seq"], message["lamport"]) == (2, clock)
    after = await write(ada, talk)
    assert (after["seq"], after["lamport"]) == (3, clock + 1)


async def test_a_repeat_may_come_with_a_later_clock(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    first = await write(ada, talk, "Once", lamport=4, idempotencyKey="same")
    again = await write(ada, talk, "Once", lamport=9, idempotencyKey="same")
    assert (again["_id"], again["lamport"], again["duplicate"]) == (first["_id"], 5, True)


async def test_a_clock_comes_over_sockets_too(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    async with ada.socket() as socket:
        said = await socket.say("message:send", {"conversationId": talk, "content": "Hi", "lamport": 20})
    assert said["message"]["lamport"] == 21


async def test_a_message_that_fails_leaves_the_conversation_as_it_was(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await write(ada, talk, "The first", idempotencyKey="taken")
    service = school.app.service("messages").wrapped
    again = {"conversationId": ObjectId(talk), "senderId": ObjectId(ada.id), "content": "The second"}
    with pytest.raises(Conflict):
        await service.create(
            {**again, "idempotencyKey": "taken"}, Params(tenant=ObjectId(ada.user["schoolId"]))
        )
    assert await clock_of(talk) == 1
    assert (await preview_in(ada, talk))["content"] == "The first"
    assert (await write(ada, talk))["seq"] == 2


async def test_a_message_is_in_the_sender_s_name_whatever_the_client_says(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk)
    assert message["senderId"] == ada.id
    data = {"conversationId": talk, "content": "Not me"}
    for forged in (
        {"senderId": ben.id},
        {"seq": 9},
        {"createdAt": "2020-01-01T00:00:00Z"},
        {"fingerprint": "x"},
    ):
        assert (await ada.rest("create", "messages", data={**data, **forged})).code == 400
    assert (await ada.rest("create", "messages", data={**data, "type": "system"})).code == 400


async def test_several_messages_in_one_call_are_refused(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    answer = await ada.rest("create", "messages", data=[{"conversationId": talk, "content": "Hello"}])
    assert answer.code == 405
    assert await stored(talk) == []


async def test_pages_follow_the_numbers(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    for number in range(5):
        await write(ada, talk, f"{number}")
    assert [m["seq"] for m in await history(ada, talk)] == [1, 2, 3, 4, 5]
    newest = {"$sort": {"seq": -1}, "$limit": 2, "seq": {"$lt": 5}}
    assert [m["seq"] for m in await history(ada, talk, **newest)] == [4, 3]
    page = await ada.rest("find", "messages", query={"conversationId": talk, "$limit": 2, "$skip": 2})
    assert {key: page.body[key] for key in ("total", "limit", "skip")} == {"total": 5, "limit": 2, "skip": 2}
    assert [m["seq"] for m in page.body["data"]] == [3, 4]


async def test_a_page_is_never_larger_than_the_largest(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    page = await ada.rest("find", "messages", query={"conversationId": talk, "$limit": 100_000})
    assert page.body["limit"] == LARGEST_PAGE


async def test_messages_of_all_own_conversations_come_conversation_by_conversation(school: School) -> None:
    ada = await newcomer(school)
    talks = [await talk_of(ada) for _ in range(2)]
    ids = [(await write(ada, talk))["_id"] for talk in (*talks, *reversed(talks))]
    expected = [(talk, seq) for talk in sorted(talks) for seq in (1, 2)]
    for query in ({}, {"_id": {"$in": ids}}):
        found = (await ada.rest("find", "messages", query=query)).body["data"]
        assert [(message["conversationId"], message["seq"]) for message in found] == expected


async def test_the_newest_message_stands_in_the_conversation(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk, "The first")
    message = await write(ada, talk, "x" * 300, type="file", attachments=[FILE])
    preview = await preview_in(ben, talk)
    assert preview == {
        "seq": 2,
        "senderId": ada.id,
        "type": "file",
        "content": "x" * 200,
        "createdAt": message["createdAt"],
    }
    conversation = (await ben.rest("get", "conversations", id=talk)).body
    assert conversation["lastMessageAt"] == message["createdAt"]
    assert conversation["clock"] == 2


async def test_text_that_looks_like_a_database_expression_stays_text(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    assert (await write(ada, talk, "$clock"))["content"] == "$clock"
    assert (await preview_in(ada, talk))["content"] == "$clock"


async def test_an_edit_changes_the_message_for_everybody(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk, "Helo")
    async with ben.socket() as socket:
        answer = await edit(ada, message, "Hello")
        heard = await socket.next("messages patched")
    assert answer.code == 200
    assert answer.body["content"] == heard["content"] == "Hello"
    assert answer.body["editedAt"] == heard["editedAt"] > message["createdAt"]
    assert (await preview_in(ben, talk))["content"] == "Hello"
    assert (await read_one(ben, message))["content"] == "Hello"


async def test_the_edit_of_an_older_message_is_not_shown_as_the_newest(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    older, _ = await write(ada, talk, "Older"), await write(ada, talk, "Newer")
    assert (await edit(ada, older, "Changed")).code == 200
    assert (await preview_in(ada, talk))["content"] == "Newer"


async def test_edits_at_once_leave_message_and_preview_alike(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk)
    answers = await asyncio.gather(*(edit(ada, message, f"Version {number}") for number in range(10)))
    assert {answer.code for answer in answers} == {200}
    assert (await preview_in(ada, talk))["content"] == (await read_one(ada, message))["content"]


async def test_nobody_edits_another_s_message(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ben, talk)
    refused = await edit(ada, message, "Changed")  # Ada is the conversation's admin
    assert refused.code == 403
    assert (await read_one(ada, message))["content"] == "Hello"


@pytest.mark.parametrize("field", ["senderId", "seq", "editedAt", "deletedAt", "conversationId", "pinnedAt"])
async def test_an_edit_changes_nothing_but_the_content(school: School, field: str) -> None:
    ada = await newcomer(school)
    message = await write(ada, await talk_of(ada))
    changes = {"content": "Changed", field: message[field] or message["createdAt"]}
    answer = await ada.rest("patch", "messages", id=message["_id"], data=changes)
    assert answer.code == 400
    assert answer.body["errors"] == {field: "Unknown field."}


async def test_an_edit_says_something(school: School) -> None:
    ada = await newcomer(school)
    message = await write(ada, await talk_of(ada))
    answer = await ada.rest("patch", "messages", id=message["_id"], data={})
    assert answer.code == 400
    assert (await read_one(ada, message))["editedAt"] is None


@pytest.mark.parametrize(("age", "code"), [(9, 200), (11, 403)])
async def test_the_school_decides_how_long_a_message_can_be_edited(
    school: School, age: int, code: int
) -> None:
    slug = await new_school(school)
    ada, admin = await newcomer(school, at=slug), await newcomer(school, "admin", at=slug)
    window = {"settings": {"editWindowMinutes": 10}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=window)).code == 200
    message = await write(ada, await talk_of(ada))
    written = {"createdAt": now() - timedelta(minutes=age)}
    await Message.documents().update_one({"_id": ObjectId(message["_id"])}, {"$set": written})
    assert (await edit(ada, message, "Changed")).code == code


async def test_a_removed_message_leaves_a_tombstone(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    picture = {"name": "a.png", "url": "https://example.org/a.png"}
    message = await write(ada, talk, "A secret", attachments=[picture], mentions=[ben.id])
    async with ben.socket() as socket:
        answer = await remove(ada, message)
        heard = await socket.next("messages removed")
    seen = [answer.body, heard, await read_one(ben, message), *await history(ben, talk)]
    for one in seen:
        assert (one["content"], one["attachments"], one["mentions"]) == (None, [], [])
        assert one["deletedBy"] == ada.id
        assert one["deletedAt"] >= message["createdAt"]
        assert one["seq"] == 1
    assert (await preview_in(ben, talk))["content"] is None
    (kept,) = await stored(talk)
    assert kept["content"] == "A secret"


@pytest.mark.parametrize("selected", [["mentions"], ["mentions", "seq"]])
async def test_a_tombstone_shows_nothing_to_who_selects_its_fields(
    school: School, selected: list[str]
) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk, mentions=[ada.id])
    await remove(ada, message)
    (found,) = await history(ada, talk, **{"$select": selected})
    assert found["mentions"] == []
    one = await ada.rest("get", "messages", id=message["_id"], query={"$select": selected})
    assert one.body["mentions"] == []


async def test_removing_twice_tells_once(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    message = await write(ada, talk)
    async with ben.socket() as socket:
        first = await remove(ada, message)
        await socket.next("messages removed")
        second = await remove(ada, message)
        await write(ada, talk)
        await socket.next("messages created")
        assert socket.seen("messages removed") == []
    assert second.code == 200
    assert second.body == first.body


async def test_a_removed_message_is_not_edited(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk, "A secret")
    await remove(ada, message)
    assert (await edit(ada, message, "Changed")).code == 400
    (kept,) = await stored(talk)
    assert kept["content"] == "A secret"


async def test_an_edit_never_brings_a_removed_message_back(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    message = await write(ada, talk)
    edits = [edit(ada, message, f"Version {number}") for number in range(5)]
    *edited, removed = await asyncio.gather(*edits, remove(ada, message))
    assert removed.code == 200
    assert {answer.code for answer in edited} <= {200, 400, 404}
    assert (await read_one(ada, message))["content"] is None
    assert (await preview_in(ada, talk))["content"] is None


async def test_senders_and_managers_remove_and_others_do_not(school: School) -> None:
    admin, moderator, ada, ben = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(admin, moderator, ada, ben)
    await give_role(admin, talk, moderator, "moderator")
    own, first, second = [await write(ada, talk) for _ in range(3)]
    assert (await remove(ben, own)).code == 403
    assert (await remove(ada, own)).code == 200
    for manager, message in ((moderator, first), (admin, second)):
        answer = await remove(manager, message)
        assert answer.code == 200
        assert answer.body["deletedBy"] == manager.id


async def test_a_reply_is_to_a_message_of_the_conversation(school: School) -> None:
    ada = await newcomer(school)
    here, elsewhere = await talk_of(ada), await talk_of(ada)
    question, other = await write(ada, here), await write(ada, elsewhere)
    assert (await write(ada, here, replyTo=question["_id"]))["replyTo"] == question["_id"]
    for wrong in (other["_id"], str(ObjectId())):
        data = {"conversationId": here, "content": "No", "replyTo": wrong}
        answer = await ada.rest("create", "messages", data=data)
        assert answer.code == 400
        assert list(answer.body["errors"]) == ["replyTo"]


async def test_only_members_are_mentioned(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    assert (await write(ada, talk, mentions=[ben.id]))["mentions"] == [ben.id]
    data = {"conversationId": talk, "content": "No", "mentions": [ben.id, cleo.id]}
    answer = await ada.rest("create", "messages", data=data)
    assert answer.code == 400
    assert answer.body["errors"] == {"mentions": f"not members: {cleo.id}"}


async def test_announcements_are_written_by_staff_and_managers(school: School) -> None:
    teacher, moderator, ada = [await newcomer(school, role) for role in ("teacher", "student", "student")]
    talk = await talk_of(teacher, moderator, ada, kind="announcement", name="News")
    data = {"conversationId": talk, "content": "Read this"}
    assert (await ada.rest("create", "messages", data=data)).code == 403
    assert (await moderator.rest("create", "messages", data=data)).code == 403
    await give_role(teacher, talk, moderator, "moderator")
    await write(moderator, talk)
    await write(teacher, talk)
    assert len(await history(ada, talk)) == 2


async def test_the_sender_learns_when_everybody_has_got_and_read_it(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, cleo)
    message = await write(ada, talk)

    async def status_after(person: Person, **cursor: int) -> str:
        moved = await person.rest("acknowledge", "members", data={"conversationId": talk, **cursor})
        assert moved.code == 200, moved
        (found,) = await history(ada, talk)
        assert found["status"] == (await read_one(ada, message))["status"]
        return str(found["status"])

    assert (await history(ada, talk))[0]["status"] == "sent"
    assert await status_after(ben, deliveredSeq=1) == "sent"
    assert await status_after(ben, readSeq=1) == "sent"
    assert await status_after(cleo, deliveredSeq=1) == "delivered"
    assert await status_after(cleo, readSeq=1) == "read"
    await write(ada, talk)
    assert [one["status"] for one in await history(ada, talk)] == ["read", "sent"]


async def test_only_the_sender_is_told_the_status(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ada.socket() as own, ben.socket() as other:
        message = await write(ada, talk)
        await edit(ada, message, "Changed")
        heard = [
            await socket.next(f"messages {event}")
            for socket in (own, other)
            for event in ("created", "patched")
        ]
    assert [one for one in [message, *heard] if "status" in one] == []
    assert "status" not in (await history(ben, talk))[0]


async def test_alone_in_a_conversation_nobody_has_read(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await write(ada, talk)
    assert (await history(ada, talk))[0]["status"] == "sent"


async def test_what_tells_repeats_apart_stays_on_the_server(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    async with ada.socket() as socket:
        message = await write(ada, talk, idempotencyKey="one")
        heard = await socket.next("messages created")
    for one in (message, heard, *await history(ada, talk), await read_one(ada, message)):
        assert "fingerprint" not in one
    assert (await ada.rest("find", "messages", query={"fingerprint": "x"})).code == 400


async def test_who_was_removed_neither_reads_nor_writes_nor_hears(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, cleo)
    message = await write(ben, talk)
    async with ben.socket() as gone, cleo.socket() as witness:
        query = {"conversationId": talk, "userId": ben.id}
        place = (await ada.rest("find", "members", query=query)).body["data"][0]
        assert (await ada.rest("remove", "members", id=place["_id"])).code == 200
        data = {"conversationId": talk, "content": "Still here?"}
        assert (await ben.rest("create", "messages", data=data)).code == 403
        assert (await gone.say("message:send", data))["error"]["code"] == 403
        assert (await edit(ben, message, "Changed")).code == 404
        assert (await remove(ben, message)).code == 404
        assert (await ben.rest("get", "messages", id=message["_id"])).code == 404
        assert await history(ben, talk) == []
        await write(ada, talk)
        await witness.next("messages created")
        assert await has_not_heard(gone, "messages created")


async def test_nobody_is_left_out_of_an_event_by_what_the_sender_selects(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    data = {"conversationId": talk, "content": "Hello"}
    selected = {"$select": ["type"]}
    async with ben.socket() as socket:
        message = (await ada.rest("create", "messages", data=data, query=selected)).body
        assert (await socket.next("messages created"))["content"] == "Hello"
        changed = {"content": "Changed"}
        assert (
            await ada.rest("patch", "messages", id=message["_id"], data=changed, query=selected)
        ).code == 200
        assert (await socket.next("messages patched"))["content"] == "Changed"
        assert (await ada.rest("remove", "messages", id=message["_id"], query=selected)).code == 200
        assert (await socket.next("messages removed"))["content"] is None
    assert (await preview_in(ben, talk))["content"] is None
