"""``stonechat recount``: what is stored of counts, broken in every way, found and mended."""

from __future__ import annotations

from typing import Any

import pytest
from beanie import PydanticObjectId

from stonechat.commands.recount import recount
from stonechat.commands.running import CommandError
from stonechat.models import Conversation, Delivery, Member, Message, Reaction
from stonechat.models.record import now
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School

Document = dict[str, Any]
Output = pytest.CaptureFixture[str]


class Talk:
    """A conversation of a school of its own: two people, a thread of two replies, a reaction."""

    def __init__(self, slug: str, people: list[Person], id: str, messages: list[Json]) -> None:
        self.slug = slug
        self.people = people
        self.id = PydanticObjectId(id)
        self.messages = [PydanticObjectId(message["_id"]) for message in messages]

    async def stored(self) -> Document:
        found = await Conversation.documents().find_one({"_id": self.id})
        assert found is not None
        return found


@pytest.fixture
async def talk(school: School) -> Talk:
    slug = await new_school(school)
    ada, ben = await newcomer(school, at=slug), await newcomer(school, at=slug)
    talk_id = await talk_of(ada, ben)
    root = await write(ada, talk_id, "A question")
    first = await write(ben, talk_id, "An answer", replyTo=root["_id"])
    second = await write(ada, talk_id, "Another", replyTo=root["_id"])
    reaction = {"messageId": root["_id"], "emoji": "👍"}
    assert (await ben.rest("create", "reactions", data=reaction)).code == 201
    changed = await ben.rest("patch", "messages", id=first["_id"], data={"content": "The answer"})
    assert changed.code == 200
    assert (await ada.rest("remove", "messages", id=second["_id"])).code == 200
    return Talk(slug, [ada, ben], talk_id, [root, first, second])


async def test_a_school_that_is_well_has_nothing_to_mend(school: School, talk: Talk, capsys: Output) -> None:
    assert await recount(school.app, talk.slug)
    printed = capsys.readouterr()
    assert printed.out == "nothing to mend\n"
    assert "1 conversations counted" in printed.err


async def test_a_school_that_is_not_there_cannot_be_counted(school: School) -> None:
    with pytest.raises(CommandError, match="no school 'nowhere'"):
        await recount(school.app, "nowhere")


async def test_members_that_have_no_revision_are_counted_too(school: School, talk: Talk) -> None:
    await Member.documents().update_many({"conversationId": talk.id}, {"$unset": {"revision": ""}})
    assert await recount(school.app, talk.slug)


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("memberCount", 7, "stored 7, counted 2"),
        ("clock", 9, "stored 9, counted 3"),
        ("lastMessageAt", None, "stored None, counted 20"),
        ("lastMessage.seq", 2, "stored message 2 without content, counted message 3 without content"),
        ("lastMessage.content", "Another", "stored message 3 of 7 characters, counted message 3 without"),
        ("revision", 2, "stored 2, counted "),
    ],
)
async def test_what_a_conversation_tells_wrong_is_found_and_mended(
    school: School, talk: Talk, capsys: Output, field: str, value: Any, line: str
) -> None:
    before = await talk.stored()
    await Conversation.documents().update_one({"_id": talk.id}, {"$set": {field: value}})
    assert not await recount(school.app, talk.slug)
    printed = capsys.readouterr().out
    assert f"conversations.{field.partition('.')[0]} {talk.id}: {line}" in printed
    assert printed.endswith("--mend stores what was counted\n")
    await _mend_all(school, talk, capsys)
    after = await talk.stored()
    assert {**after, "revision": 0} == {**before, "revision": 0}
    assert after["revision"] >= before["revision"]


@pytest.mark.parametrize(
    ("at", "field", "value", "line"),
    [
        (0, "replyCount", 2, "stored 2, counted 1"),
        (0, "replyCount", 0, "stored 0, counted 1"),
        (1, "replyCount", 3, "stored 3, counted 0"),
        (0, "lastReplyAt", None, "stored None, counted 20"),
        (1, "lastReplyAt", now(), "counted None"),
        (0, "reactions", [{"emoji": "👍", "count": 2}], "counted [{'emoji': '👍', 'count': 1}]"),
        (0, "reactions", [], "stored [], counted [{'emoji': '👍', 'count': 1}]"),
        (1, "reactions", [{"emoji": "🎉", "count": 1}], "counted []"),
        (1, "editCount", 0, "stored 0, counted 1"),
        (0, "editCount", 4, "stored 4, counted 0"),
    ],
)
async def test_what_a_message_tells_wrong_is_found_and_mended(
    school: School, talk: Talk, capsys: Output, at: int, field: str, value: Any, line: str
) -> None:
    message = {"_id": talk.messages[at]}
    before = await Message.documents().find_one(message)
    await Message.documents().update_one(message, {"$set": {field: value}})
    assert not await recount(school.app, talk.slug)
    printed = capsys.readouterr().out
    assert f"messages.{field} {talk.messages[at]}: " in printed
    assert line in printed
    await _mend_all(school, talk, capsys)
    after = await Message.documents().find_one(message)
    assert before is not None
    assert after == {**before, "revision": (await talk.stored())["revision"]}, "clients are told"


@pytest.mark.parametrize("field", ["joinedSeq", "deliveredSeq", "readSeq"])
async def test_nobody_has_read_what_is_not_written(
    school: School, talk: Talk, capsys: Output, field: str
) -> None:
    place = {"conversationId": talk.id, "userId": PydanticObjectId(talk.people[1].id)}
    await Member.documents().update_one(place, {"$set": {field: 12}})
    assert not await recount(school.app, talk.slug)
    assert f"members.{field}" in capsys.readouterr().out
    await _mend_all(school, talk, capsys)
    stored = await Member.documents().find_one(place)
    assert stored is not None
    assert stored[field] == 3


@pytest.mark.parametrize("model", [Message, Member, Reaction, Delivery])
async def test_no_record_is_newer_than_its_conversation(
    school: School,
    talk: Talk,
    capsys: Output,
    model: type[Message | Member | Reaction | Delivery],
) -> None:
    newer = {"$inc": {"revision": 100}}
    newest = await model.documents().find_one({"conversationId": talk.id}, sort=[("revision", -1)])
    assert newest is not None
    await model.documents().update_one({"_id": newest["_id"]}, newer)
    assert not await recount(school.app, talk.slug)
    assert f"counted {newest['revision'] + 100}\n" in capsys.readouterr().out
    await _mend_all(school, talk, capsys)
    assert (await talk.stored())["revision"] >= newest["revision"] + 100


@pytest.mark.parametrize("back", [0, 2], ids=["newest", "middle"])
async def test_deliveries_with_a_gap_are_kept_from_behind_it_only(
    school: School, talk: Talk, capsys: Output, back: int
) -> None:
    """Who lacks more fetches the conversation anew, instead of missing what was in the gap."""
    newest = (await talk.stored())["revision"]
    await Delivery.documents().delete_one({"conversationId": talk.id, "revision": newest - back})
    assert not await recount(school.app, talk.slug)
    assert (
        f"conversations.deliveries {talk.id}: stored 1, counted {newest - back + 1}\n"
        in capsys.readouterr().out
    )
    await _mend_all(school, talk, capsys)
    kept = Delivery.documents().find({"conversationId": talk.id}, {"revision": 1}).sort("revision")
    assert [one["revision"] async for one in kept] == list(range(newest - back + 1, newest + 1))


async def test_deliveries_that_have_expired_are_not_missed(
    school: School, talk: Talk, capsys: Output
) -> None:
    expired = {"conversationId": talk.id, "revision": {"$lt": 4}}
    await Delivery.documents().delete_many(expired)
    assert await recount(school.app, talk.slug)
    await Delivery.documents().delete_many({"conversationId": talk.id})
    assert await recount(school.app, talk.slug)


async def test_a_message_that_is_lost_is_told_and_cannot_be_mended(
    school: School, talk: Talk, capsys: Output
) -> None:
    lost = await write(talk.people[0], str(talk.id))
    await write(talk.people[0], str(talk.id))
    await Message.documents().delete_one({"_id": PydanticObjectId(lost["_id"])})
    assert not await recount(school.app, talk.slug, mending=True)
    printed = capsys.readouterr().out
    assert f"messages.seq {talk.id}: stored 4, counted 5\n" in printed
    assert printed.endswith("1 wrong, 0 mended\n")


async def test_clients_that_come_back_are_told_of_what_was_mended(
    school: School, talk: Talk, capsys: Output
) -> None:
    held = await talk.stored()
    await Message.documents().update_one({"_id": talk.messages[0]}, {"$set": {"replyCount": 5}})
    await Conversation.documents().update_one({"_id": talk.id}, {"$set": {"memberCount": 5}})
    await _mend_all(school, talk, capsys)
    noted = Delivery.documents().find({"conversationId": talk.id, "revision": {"$gt": held["revision"]}})
    told = {(one["path"], one["event"], one["recordId"]) async for one in noted}
    assert told == {
        ("messages", "patched", talk.messages[0]),
        ("conversations", "patched", talk.id),
    }


async def test_only_the_school_that_is_named_is_counted(school: School, talk: Talk, capsys: Output) -> None:
    other = await new_school(school)
    await Conversation.documents().update_one({"_id": talk.id}, {"$set": {"memberCount": 5}})
    assert await recount(school.app, other)
    assert not await recount(school.app, talk.slug, mending=False)
    assert await recount(school.app, talk.slug, mending=True)


async def _mend_all(school: School, talk: Talk, capsys: Output) -> None:
    assert await recount(school.app, talk.slug, mending=True)
    assert " mended\n" in capsys.readouterr().out
    assert await recount(school.app, talk.slug)
    assert capsys.readouterr().out == "nothing to mend\n"
