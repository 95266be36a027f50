"""The inbox: one's own conversations by their newest message, with what is new in each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Literal

import pytest
from beanie import PydanticObjectId
from pymongo import AsyncMongoClient

from stonechat.core.context import Params
from stonechat.core.errors import NotAuthenticated
from stonechat.models import Conversation, Delivery, Member, Message, User
from stonechat.models.inbox import counting
from stonechat.models.record import now
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School
from tests.support.waiting import until_so

EMPTY = {"unread": 0, "mentions": 0, "conversations": 0}


Asked = Callable[[], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def asked(school: School, mongodb: AsyncMongoClient[dict[str, Any]]) -> AsyncIterator[Asked]:
    """What the application has asked the database since this was called last."""
    database = mongodb[school.app.get("database").name]
    await database.command("profile", 2)
    seen: set[Any] = set()

    async def statements() -> list[dict[str, Any]]:
        collections = ["members", "conversations", "messages", "users", "$cmd.aggregate"]
        conditions = {
            "appName": "stonechat",
            "ns": {"$in": [f"{database.name}.{name}" for name in collections]},
            "op": {"$in": ["command", "query", "getmore"]},
        }
        found = await database["system.profile"].find(conditions).to_list()
        new = [one for one in found if repr(one) not in seen]
        seen.update(map(repr, new))
        return new

    yield statements
    await database.command("profile", 0)
    await database.drop_collection("system.profile")


async def inbox(person: Person, **query: Json) -> list[Json]:
    answer = await person.rest("find", "inbox", query=query)
    assert answer.code == 200, answer
    data: list[Json] = answer.body["data"]
    return data


async def totals(person: Person, **data: Json) -> Json:
    answer = await person.rest("totals", "inbox", data=data)
    assert answer.code in {200, 201}, answer
    return answer.body


async def read(person: Person, talk: str, seq: int) -> None:
    data = {"conversationId": talk, "readSeq": seq}
    answer = await person.rest("acknowledge", "members", data=data)
    assert answer.code in {200, 201}, answer


async def test_nobody_has_no_inbox(school: School) -> None:
    assert (await school.nobody.rest("find", "inbox")).code == 401
    assert (await school.nobody.rest("totals", "inbox", data={})).code == 401
    async with school.nobody.socket() as socket:
        assert (await socket.call("find", "inbox")).code == 401
        assert (await socket.call("totals", "inbox", data={})).code == 401


async def test_own_code_says_whose_inbox_it_asks_for(school: School) -> None:
    with pytest.raises(NotAuthenticated):
        await school.app.service("inbox").find(Params())


async def test_who_is_not_a_member_or_left_sees_nothing_of_a_conversation(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    await write(ada, talk, mentions=[ben.id])
    assert await inbox(cleo) == []
    assert await totals(cleo) == {**EMPTY, "muted": EMPTY}
    place = await school.one(
        "members", conversationId=PydanticObjectId(talk), userId=PydanticObjectId(ben.id)
    )
    assert (await ada.rest("remove", "members", id=str(place["_id"]))).code == 200
    assert await inbox(ben) == []
    assert await totals(ben) == {**EMPTY, "muted": EMPTY}


async def test_an_inbox_ends_with_the_school(school: School) -> None:
    """A place in a conversation of another school, which nothing makes, would show nothing."""
    ada = await newcomer(school)
    stranger = await newcomer(school, at=await new_school(school))
    talk = await talk_of(ada)
    await write(ada, talk)
    place = Member(
        school_id=PydanticObjectId(stranger.user["schoolId"]),
        conversation_id=PydanticObjectId(talk),
        user_id=PydanticObjectId(stranger.id),
    )
    await place.insert()
    assert await inbox(stranger) == []
    assert await totals(stranger) == {**EMPTY, "muted": EMPTY}
    await place.delete()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"kind": "party"}, "kind"),
        ({"archived": "maybe"}, "archived"),
        ({"archived": {"$ne": True}}, "archived"),
        ({"unread": 1}, "unread"),
        ({"$sort": {"kind": 1}}, "$sort"),
        ({"$skip": 2}, "$skip"),
        ({"$after": "made-up"}, "$after"),
        ({"$limit": -1}, "$limit"),
    ],
)
async def test_what_the_inbox_does_not_know_is_refused(school: School, query: Json, field: str) -> None:
    ada = await newcomer(school)
    over_rest = await ada.rest("find", "inbox", query=query)
    async with ada.socket() as socket:
        over_sockets = await socket.call("find", "inbox", query=query)
    assert over_rest.code == over_sockets.code == 400
    assert over_rest.body["errors"].keys() == over_sockets.body["errors"].keys() == {field}


async def test_the_totals_take_nothing_but_a_kind(school: School) -> None:
    ada = await newcomer(school)
    answer = await ada.rest("totals", "inbox", data={"userId": ada.id, "kind": "secret"})
    assert answer.code == 400
    assert answer.body["errors"].keys() == {"userId", "kind"}


async def test_conversations_come_by_their_newest_message_and_empty_ones_last(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    first, second, silent = [await talk_of(ada, ben, name=name) for name in ("First", "Second", "Silent")]
    await write(ada, first)
    await write(ben, second, "Newer")
    assert [row["_id"] for row in await inbox(ada)] == [second, first, silent]
    await write(ada, first, "Newest")
    rows = await inbox(ada)
    assert [row["_id"] for row in rows] == [first, second, silent]
    assert rows[0]["lastMessage"]["content"] == "Newest"
    assert [row["role"] for row in rows] == ["admin"] * 3
    async with ada.socket() as socket:
        over_sockets = (await socket.call("find", "inbox")).body
    assert over_sockets["data"] == rows
    assert over_sockets["total"] == 3


async def test_pages_by_cursor_hold_each_conversation_once(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talks = [await talk_of(ada, ben, name=f"Talk {number}") for number in range(5)]
    for talk in talks[:3]:
        await write(ada, talk)
    first = (await ada.rest("find", "inbox", query={"$limit": 2})).body
    assert first["total"] == 5
    assert [row["_id"] for row in first["data"]] == [talks[2], talks[1]]
    assert (await ben.rest("find", "inbox", query={"$after": first["next"]})).code == 400
    await write(ben, talks[2], "Comes to the front, where it was seen already")
    second = (await ada.rest("find", "inbox", query={"$limit": 2, "$after": first["next"]})).body
    assert [row["_id"] for row in second["data"]] == [talks[0], talks[4]]
    third = (await ada.rest("find", "inbox", query={"$limit": 2, "$after": second["next"]})).body
    assert [row["_id"] for row in third["data"]] == [talks[3]]
    assert third["next"] is None


async def test_a_page_has_25_conversations_unless_it_is_asked_for_up_to_100(school: School) -> None:
    ada = await newcomer(school)
    async with ada.socket() as socket:
        assert (await socket.call("find", "inbox")).body["limit"] == 25
        assert (await socket.call("find", "inbox", query={"$limit": 1000})).body["limit"] == 100
        page = (await socket.call("find", "inbox", query={"$limit": 0})).body
    assert page == {"total": 0, "limit": 0, "skip": 0, "data": [], "next": None}


async def test_only_what_is_selected_is_answered(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    assert await inbox(ada, **{"$select": ["unread"]}) == [{"_id": talk, "unread": 0}]


async def test_unread_are_messages_of_others_that_are_there_and_not_read_yet(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for _ in range(3):
        await write(ada, talk)
    gone = await write(ada, talk)
    await write(ben, talk)
    assert (await ada.rest("remove", "messages", id=gone["_id"])).code == 200
    (row,) = await inbox(ben)
    assert (row["unread"], row["readSeq"], row["clock"]) == (3, 0, 5)
    await read(ben, talk, 2)
    (row,) = await inbox(ben)
    assert (row["unread"], row["readSeq"], row["deliveredSeq"]) == (1, 2, 2)
    assert (await inbox(ada))[0]["unread"] == 1
    await read(ben, talk, 5)
    assert (await inbox(ben))[0]["unread"] == 0


async def test_what_was_written_before_one_joined_is_not_new(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    gone = await write(ada, talk)
    await write(ada, talk)
    assert (await ada.rest("remove", "messages", id=gone["_id"])).code == 200
    invited = {"conversationId": talk, "userId": cleo.id}
    assert (await ada.rest("create", "members", data=invited)).code == 201
    assert (await inbox(cleo))[0]["unread"] == 0
    await write(ada, talk)
    assert (await inbox(cleo))[0]["unread"] == 1


async def test_mentions_are_of_oneself_of_ones_present_role_and_of_all(school: School) -> None:
    teacher, student = await newcomer(school, "teacher"), await newcomer(school)
    talk = await talk_of(teacher, student)
    for mentions in ([student.id], ["student"], ["all"], ["teacher"], [teacher.id], [student.id, "all"]):
        await write(teacher, talk, mentions=mentions)
    gone = await write(teacher, talk, mentions=[student.id])
    assert (await teacher.rest("remove", "messages", id=gone["_id"])).code == 200
    (row,) = await inbox(student)
    assert (row["unread"], row["mentions"]) == (6, 4)
    assert (await inbox(teacher))[0]["mentions"] == 0  # one's own mentions are no news
    await User.documents().update_one({"_id": PydanticObjectId(student.id)}, {"$set": {"role": "teacher"}})
    assert (await inbox(student))[0]["mentions"] == 4  # now by "teacher" instead of "student"
    await read(student, talk, 5)
    assert (await inbox(student))[0]["mentions"] == 1


async def test_the_other_one_of_a_direct_conversation_is_shown(school: School) -> None:
    ada, rivera = await newcomer(school), await newcomer(school, "teacher")
    direct = await talk_of(ada, rivera, kind="direct", name="Ignored")
    group = await talk_of(ada, rivera)
    rows = {row["_id"]: row for row in await inbox(ada)}
    shown = {name: rivera.user[name] for name in ("_id", "name", "role")}
    assert rows[direct]["other"] == {**shown, "avatar": None}
    assert rows[group]["other"] is None
    assert (await inbox(rivera, kind="direct"))[0]["other"]["_id"] == ada.id


async def test_kinds_can_be_asked_for_and_archived_ones_only_on_request(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    group, direct = await talk_of(ada, ben), await talk_of(ada, ben, kind="direct")
    await write(ben, group)
    await write(ben, direct)
    assert [row["_id"] for row in await inbox(ada, kind="group")] == [group]
    assert [row["_id"] for row in await inbox(ada, kind={"$in": ["group", "direct"]})] == [direct, group]
    counted = [(await totals(ada, kind=kind))["unread"] for kind in ("group", "direct", "club")]
    assert counted == [1, 1, 0]
    archived = {"$set": {"archivedAt": now()}}
    await Conversation.documents().update_one({"_id": PydanticObjectId(group)}, archived)
    assert [row["_id"] for row in await inbox(ada)] == [direct]
    assert [row["_id"] for row in await inbox(ada, archived=True)] == [direct, group]
    assert (await totals(ada))["unread"] == 1


async def test_the_totals_count_what_is_muted_apart(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    loud, muted, heard, quiet = [await talk_of(ada, ben, name=name) for name in "abcd"]
    for talk in (loud, loud, muted, heard):
        await write(ada, talk, mentions=["all"])
    await write(ben, quiet)
    for talk, until in ((muted, now() + timedelta(hours=1)), (heard, now() - timedelta(hours=1))):
        place = {"conversationId": PydanticObjectId(talk), "userId": PydanticObjectId(ben.id)}
        await Member.documents().update_one(place, {"$set": {"mutedUntil": until}})
    one = {"unread": 1, "mentions": 1, "conversations": 1}
    assert await totals(ben) == {"unread": 3, "mentions": 3, "conversations": 2, "muted": one}
    rows = {row["_id"]: row for row in await inbox(ben)}
    assert [rows[talk]["muted"] for talk in (loud, muted, heard, quiet)] == [False, True, False, False]
    assert rows[muted]["mutedUntil"] > rows[heard]["mutedUntil"]
    async with ben.socket() as socket:
        over_sockets = await socket.call("totals", "inbox", data={})
    assert over_sockets.body == await totals(ben)


async def test_a_list_of_conversations_counts_alike_and_stops_at_no_hundred(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await _write_many(ada, talk, 130)
    (row,) = await inbox(ben)
    listed = (await ben.rest("find", "conversations", query={"_id": talk})).body["data"][0]
    for shown in (row, listed, (await ben.rest("get", "conversations", id=talk)).body):
        assert (shown["unread"], shown["mentions"]) == (130, 130)


async def _all_is_told() -> bool:
    waiting = {"state": {"$in": ["PENDING", "RETRY"]}}
    return await Delivery.documents().count_documents(waiting) == 0


async def test_a_page_takes_two_statements_whatever_its_size(school: School, asked: Asked) -> None:
    """All events of what was made before are sent first: they ask too."""
    ada, ben = await newcomer(school), await newcomer(school)
    talks = await _talks(ada, ben, count=50)
    for talk in talks:
        await _write_many(ada, talk, 1)
    reader = await school.one("users", _id=PydanticObjectId(ben.id))
    await until_so(_all_is_told)
    await asked()
    for limit in (5, 50):
        params = Params(query={"$limit": limit}, user=reader)
        page = await school.app.service("inbox").find(params)
        assert [row["unread"] for row in page["data"]] == [1] * limit
        assert [next(iter(one["command"])) for one in await asked()] == ["aggregate", "aggregate"]
    sums = await school.app.service("inbox").call("totals", {}, Params(user=reader))
    assert sums["unread"] == 50
    assert len(await asked()) == 1
    await Member.documents().update_many({"userId": reader["_id"]}, {"$set": {"readSeq": 1}})
    await asked()
    page = await school.app.service("inbox").find(Params(user=reader))
    assert [row["unread"] for row in page["data"]] == [0] * 25
    assert len(await asked()) == 1, "counted where nothing is new"


async def test_what_is_counted_is_found_by_the_indexes_made_for_it(school: School) -> None:
    """By the server's own account of each ``$lookup``; where there is little to find, any index will do."""
    ada, ben = await newcomer(school), await newcomer(school)
    talk, elsewhere = await talk_of(ada, ben), await talk_of(ben, ada)
    await _write_many(ada, talk, 200, mentions=[])
    await _write_many(ben, elsewhere, 200, mentions=[])
    await Message.documents().database.command("planCacheClear", "messages")
    place = {"_id": PydanticObjectId(talk), "readSeq": 0, "clock": 200}
    user = {"_id": PydanticObjectId(ben.id), "role": "student"}
    pipeline = [{"$documents": [place]}, *counting(user)]
    command: dict[str, Any] = {"aggregate": 1, "pipeline": pipeline, "cursor": {}}
    explained = await Member.documents().database.command("explain", command, verbosity="executionStats")
    lookups = [stage for stage in explained["stages"] if "$lookup" in stage]
    assert [stage["indexesUsed"] for stage in lookups] == [
        ["conversationId_senderId_seq"],
        ["conversationId_seq_senderId"],
        ["conversationId_mentions_seq"],
    ]
    assert [stage["collectionScans"] for stage in lookups] == [0, 0, 0]
    assert [stage["totalDocsExamined"] for stage in lookups] == [0, 0, 0]


async def _talks(*people: Person, count: int) -> list[str]:
    """Straight into the database, so that no event of theirs is on its way when statements are counted."""
    talks: list[str] = []
    for number in range(count):
        school_id = PydanticObjectId(people[0].user["schoolId"])
        talk = Conversation(
            school_id=school_id, kind="group", name=f"{number}", created_by=PydanticObjectId(people[0].id)
        )
        await talk.insert()
        assert talk.id is not None
        await Member.insert_many(
            [
                Member(school_id=school_id, conversation_id=talk.id, user_id=PydanticObjectId(person.id))
                for person in people
            ]
        )
        talks.append(str(talk.id))
    return talks


async def _write_many(
    person: Person, talk: str, count: int, mentions: Sequence[Literal["all"]] = ("all",)
) -> None:
    """Into an empty conversation, past the service."""
    messages = [
        Message(
            school_id=PydanticObjectId(person.user["schoolId"]),
            conversation_id=PydanticObjectId(talk),
            sender_id=PydanticObjectId(person.id),
            seq=seq,
            mentions=list(mentions),
        )
        for seq in range(1, count + 1)
    ]
    await Message.insert_many(messages)
    clock = {"clock": count, "lastMessageAt": now()}
    await Conversation.documents().update_one({"_id": PydanticObjectId(talk)}, {"$set": clock})
