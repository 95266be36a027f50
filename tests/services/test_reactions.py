from __future__ import annotations

import asyncio

import pytest

from tests.support.people import newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School


async def react(person: Person, message: Json, emoji: str = "👍") -> Answer:
    return await person.rest("create", "reactions", data={"messageId": message["_id"], "emoji": emoji})


async def tallies(person: Person, message: Json) -> dict[str, int]:
    answer = await person.rest("get", "messages", id=message["_id"])
    return {one["emoji"]: one["count"] for one in answer.body["reactions"]}


async def test_members_react(school: School) -> None:
    ada, stranger = await newcomer(school), await newcomer(school)
    dan = await school.person("dan")
    message = await write(ada, await talk_of(ada))
    assert (await react(school.nobody, message)).code == 401
    assert (await react(stranger, message)).code == 403
    assert (await react(dan, message)).code == 403
    async with stranger.socket() as socket:
        data = {"messageId": message["_id"], "emoji": "👍"}
        assert (await socket.call("create", "reactions", data=data)).code == 403
    assert (await stranger.rest("find", "reactions", query={"messageId": message["_id"]})).body["data"] == []


@pytest.mark.parametrize(
    "emoji", ["", "ok", "👍 ", "a👍", "👍" * 17, "\N{ZERO WIDTH JOINER}", "5", "<b>", None]
)
async def test_a_reaction_is_an_emoji(school: School, emoji: str | None) -> None:
    ada = await newcomer(school)
    message = await write(ada, await talk_of(ada))
    data = {"messageId": message["_id"], "emoji": emoji}
    answer = await ada.rest("create", "reactions", data=data)
    assert (answer.code, set(answer.body["errors"])) == (400, {"emoji"})


@pytest.mark.parametrize("emoji", ["👍", "❤️", "👍🏽", "👩‍🏫", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "5️⃣", "🇩🇪"])
async def test_every_kind_of_emoji_is_one(school: School, emoji: str) -> None:
    ada = await newcomer(school)
    message = await write(ada, await talk_of(ada))
    assert (await react(ada, message, emoji)).code == 201
    assert await tallies(ada, message) == {emoji: 1}


async def test_each_user_sets_an_emoji_once(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    message = await write(ada, await talk_of(ada, ben))
    first = await react(ada, message)
    again = await react(ada, message)
    assert (first.code, again.code, again.body["_id"]) == (201, 200, first.body["_id"])
    answers = await asyncio.gather(*(react(ben, message) for _ in range(5)))
    assert sorted(answer.code for answer in answers) == [200] * 4 + [201]
    await react(ben, message, "🎉")
    assert await tallies(ada, message) == {"👍": 2, "🎉": 1}


async def test_members_are_told(school: School) -> None:
    ada, ben, stranger = [await newcomer(school) for _ in range(3)]
    message = await write(ada, await talk_of(ada, ben))
    async with ada.socket() as socket, stranger.socket() as outside:
        reaction = (await react(ben, message)).body
        told = await socket.next("reactions created")
        assert (told["messageId"], told["emoji"], told["userId"], told["count"]) == (
            message["_id"],
            "👍",
            ben.id,
            1,
        )
        assert told["revision"] > message["revision"]
        taken = await ben.rest("remove", "reactions", id=reaction["_id"])
        gone = await socket.next("reactions removed")
        assert (taken.code, gone["_id"], gone["count"]) == (200, reaction["_id"], 0)
        assert not outside.seen("reactions created")
    assert await tallies(ada, message) == {}


async def test_only_ones_own_is_taken_back(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    message = await write(ada, await talk_of(ada, ben))
    reaction = (await react(ada, message)).body
    assert (await ben.rest("remove", "reactions", id=reaction["_id"])).code == 403
    assert (await ben.rest("get", "reactions", id=reaction["_id"])).body["userId"] == ada.id
    stranger = await newcomer(school)
    assert (await stranger.rest("remove", "reactions", id=reaction["_id"])).code == 404


async def test_a_message_has_so_many_different_ones(school: School) -> None:
    ada = await newcomer(school)
    message = await write(ada, await talk_of(ada))
    answers = [await react(ada, message, chr(0x1F400 + number)) for number in range(21)]
    assert [answer.code for answer in answers] == [201] * 20 + [400]
    assert answers[-1].body["data"] == {"limit": 20}
    assert len(await tallies(ada, message)) == 20


async def test_nobody_reacts_to_what_is_gone(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    message = await write(ada, await talk_of(ada, ben))
    await react(ben, message)
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    answer = await react(ben, message, "🎉")
    assert (answer.code, set(answer.body["errors"])) == (400, {"messageId"})
    assert await tallies(ada, message) == {}


async def test_who_is_no_member_does_not_learn_which_messages_there_are(school: School) -> None:
    ada, stranger, dan = await newcomer(school), await newcomer(school), await school.person("dan")
    talk = await talk_of(ada)
    there, gone = [await write(ada, talk) for _ in range(2)]
    assert (await ada.rest("remove", "messages", id=gone["_id"])).code == 200
    asked = [there, gone, {"_id": "0" * 24}]
    for person in (stranger, dan):
        reacted = [await react(person, message) for message in asked]
        read = [
            await person.rest("find", "message-edits", query={"messageId": message["_id"]})
            for message in asked
        ]
        for answers in (reacted, read):
            assert answers[0].code == 403
            assert answers[0].body == answers[1].body == answers[2].body


async def test_the_reactions_to_what_is_removed_are_not_shown_until_it_is_restored(school: School) -> None:
    ada, admin = await newcomer(school), await newcomer(school, "admin")
    talk = await talk_of(ada)
    gone, there = [await write(ada, talk) for _ in range(2)]
    hidden, shown = [(await react(ada, message)).body for message in (gone, there)]

    async def found(**query: Json) -> tuple[int, list[str]]:
        page = (await ada.rest("find", "reactions", query=query)).body
        return page["total"], [one["emoji"] for one in page["data"]]

    assert (await ada.rest("remove", "messages", id=gone["_id"])).code == 200
    assert await found(messageId=gone["_id"]) == (0, [])
    assert await found(messageId=gone["_id"], **{"$limit": 0}) == (0, [])
    assert await found(messageId={"$in": [gone["_id"], there["_id"]]}) == (1, ["👍"])
    assert await found(conversationId=talk) == (1, ["👍"])
    assert await found(conversationId=talk, **{"$select": ["emoji"]}) == (1, ["👍"])
    assert (await ada.rest("get", "reactions", id=hidden["_id"])).code == 404
    assert (await ada.rest("get", "reactions", id=shown["_id"])).code == 200
    assert (await admin.rest("restore", "messages", data={"messageId": gone["_id"]})).code == 200
    assert await found(messageId=gone["_id"]) == (1, ["👍"])
    assert await found(conversationId=talk) == (2, ["👍", "👍"])


async def test_counts_hold_when_all_react_at_once(school: School) -> None:
    people = [await newcomer(school) for _ in range(6)]
    message = await write(people[0], await talk_of(*people))
    reactions = await asyncio.gather(*(react(one, message) for one in people))
    await asyncio.gather(
        *(
            one.rest("remove", "reactions", id=done.body["_id"])
            for one, done in zip(people[:2], reactions, strict=False)
        )
    )
    assert await tallies(people[0], message) == {"👍": 4}
