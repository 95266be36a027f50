from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from bson import ObjectId

from stonechat.models import Member, Message
from stonechat.models.words import words_of_message
from stonechat.services.search.asked import Asked
from stonechat.services.search.ranking import highlights, snippet
from stonechat.services.search.windows import RANGES, WINDOW, Bounds, statement
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

DAY = timedelta(days=1)
START = datetime(2026, 10, 1, 12, tzinfo=UTC)
_seqs = itertools.count(1)


def document(person: Person, talk: str, content: str | None, **more: Json) -> dict[str, Any]:
    """A message as it is stored; a day after the one before unless ``createdAt`` says else."""
    seq = next(_seqs)
    message: dict[str, Any] = {
        "schoolId": ObjectId(person.user["schoolId"]),
        "conversationId": ObjectId(talk),
        "senderId": ObjectId(person.id),
        "type": "text",
        "content": content,
        "attachments": [],
        "mentions": [],
        "reactions": [],
        "seq": seq,
        "createdAt": START + seq * DAY / 24,
        "deletedAt": None,
        **more,
    }
    return {"words": words_of_message(message), **message}


async def wrote(person: Person, talk: str, content: str | None, **more: Json) -> str:
    stored = await Message.documents().insert_one(document(person, talk, content, **more))
    return str(stored.inserted_id)


async def search(person: Person, q: str | None = None, **query: Json) -> Answer:
    return await person.rest("find", "search", query=query if q is None else {"q": q, **query})


async def found(person: Person, q: str | None = None, **query: Json) -> list[str]:
    """The contents, in the order of the results."""
    answer = await search(person, q, **query)
    assert answer.code == 200, answer
    return [one["message"]["content"] for one in answer.body["data"]]


async def pages(person: Person, **query: Json) -> list[str]:
    """The contents of all pages, one after the other."""
    contents: list[str] = []
    while True:
        answer = await search(person, **query)
        assert answer.code == 200, answer
        assert len(answer.body["data"]) <= answer.body["limit"]
        contents += [one["message"]["content"] for one in answer.body["data"]]
        if answer.body["next"] is None:
            return contents
        query["$after"] = answer.body["next"]


async def pair(school: School) -> tuple[Person, Person, str]:
    ada, ben = await newcomer(school), await newcomer(school)
    return ada, ben, await talk_of(ada, ben)


async def test_nobody_searches_without_logging_in(school: School) -> None:
    assert (await search(school.nobody, "exam")).code == 401
    async with school.nobody.socket() as socket:
        assert (await socket.call("find", "search", query={"q": "exam"})).code == 401


async def test_only_members_find_messages_over_both_transports(school: School) -> None:
    ada, ben, talk = await pair(school)
    outsider, admin = await newcomer(school), await newcomer(school, "admin")
    await wrote(ada, talk, "The exam is on Monday")
    assert await found(ben, "exam") == ["The exam is on Monday"]
    for person in (outsider, admin):
        assert await found(person, "exam") == []
        assert await found(person, "exam", **{"in": talk}) == []
    async with ben.socket() as inside, outsider.socket() as outside:
        answer = await inside.call("find", "search", query={"q": "exam"})
        assert [one["message"]["content"] for one in answer.body["data"]] == ["The exam is on Monday"]
        assert (await outside.call("find", "search", query={"q": "exam"})).body["total"] == 0


async def test_another_school_finds_nothing_even_through_a_place_there(school: School) -> None:
    ada, _, talk = await pair(school)
    stranger = await newcomer(school, at="other-school")
    await wrote(ada, talk, "The exam is on Monday")
    place = {"schoolId": ObjectId(stranger.user["schoolId"]), "conversationId": ObjectId(talk)}
    await Member.documents().insert_one({**place, "userId": ObjectId(stranger.id), "role": "member"})
    assert await found(stranger, "exam") == []
    assert (await search(stranger, f"from:{ada.id}")).code == 400
    assert await found(stranger, **{"from": ada.id}) == []
    await Member.documents().delete_one(place)


async def test_who_has_left_finds_nothing_any_more(school: School) -> None:
    ada, ben, talk = await pair(school)
    await wrote(ada, talk, "The exam is on Monday")
    assert len(await found(ben, "exam")) == 1
    await Member.documents().delete_one({"conversationId": ObjectId(talk), "userId": ObjectId(ben.id)})
    assert await found(ben, "exam") == []


async def test_what_is_removed_is_not_found(school: School) -> None:
    ada, ben, talk = await pair(school)
    gone = await wrote(ada, talk, "The exam is on Monday")
    await Message.documents().update_one({"_id": ObjectId(gone)}, {"$set": {"deletedAt": START}})
    assert await found(ben, "exam") == []
    assert await found(ben, **{"in": talk}) == []


async def test_what_is_sent_edited_and_removed_is_found_as_it_is_now(school: School) -> None:
    ada, ben, talk = await pair(school)
    attachment = {"name": "plan.png", "url": "https://example.org/plan", "mediaType": "image/png"}
    message = await write(ada, talk, "The exam", mentions=[ben.id], attachments=[attachment])
    for q in ("exams", "plan", "has:image", "mentions:me", f"from:{ada.id}"):
        assert await found(ben, q) == ["The exam"], q
    changed = await ada.rest("patch", "messages", id=message["_id"], data={"content": "The test"})
    assert changed.code == 200
    assert await found(ben, "exam") == []
    for q in ("tests", "plan", "has:image", "mentions:me", f"from:{ada.id}"):
        assert await found(ben, q) == ["The test"], q
    assert (await ada.rest("remove", "messages", id=message["_id"])).code == 200
    for q in ("test", "plan", "has:image", "mentions:me", f"from:{ada.id}", "in:talk"):
        assert await found(ben, q) == [], q


async def test_a_message_with_a_reaction_is_found_until_it_is_taken_back(school: School) -> None:
    ada, ben, talk = await pair(school)
    message = await write(ada, talk, "The exam")
    assert await found(ben, "has:reaction") == []
    data = {"messageId": message["_id"], "emoji": "\U0001f44d"}
    reaction = await ben.rest("create", "reactions", data=data)
    assert reaction.code == 201
    assert await found(ben, "has:reaction exam") == ["The exam"]
    assert (await ben.rest("remove", "reactions", id=reaction.body["_id"])).code == 200
    assert await found(ben, "has:reaction") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "?!"}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"q": " ".join(f"w{n}" for n in range(17))}, "q"),
        ({"q": {"$regex": ".*"}}, "q"),
        ({"q": {"$ne": "exam"}}, "q"),
        ({"q": ["exam"]}, "q"),
        ({"q": "exam", "$or": [{"q": "x"}]}, "$or"),
        ({"q": "exam", "$skip": 1}, "$skip"),
        ({"q": "exam", "$sort": {"q": 1}}, "$sort"),
        ({"q": "exam", "$select": ["q"]}, "$select"),
        ({"q": "exam", "$limit": -1}, "$limit"),
        ({"q": "exam", "$after": "nonsense"}, "$after"),
        ({"q": "exam", "words": "exam"}, "words"),
        ({"from": "ada"}, "from"),
        ({"in": "Maths"}, "in"),
        ({"kind": "secret", "q": "exam"}, "kind"),
        ({"kind": "group"}, "q"),
        ({"has": "virus"}, "has"),
        ({"before": "soon"}, "before"),
        ({"mentions": "ada"}, "mentions"),
        ({"q": "from:nobody-of-this-name"}, "q"),
        ({"q": "from:"}, "q"),
        ({"q": "from:$email"}, "q"),
        ({"q": "in:$name"}, "q"),
        ({"q": "mentions:nobody-of-this-name"}, "q"),
        ({"q": "in:Nowhere"}, "q"),
        ({"q": f"in:{ObjectId()}"}, "q"),
        ({"q": f"from:{ObjectId()}"}, "q"),
        ({"q": "has:virus"}, "q"),
        ({"q": "before:soon"}, "q"),
        ({"q": "after:2026-02-30"}, "q"),
        ({"q": "after:0001-01-01T00:00:00+23:00"}, "q"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(school: School, query: Json, field: str) -> None:
    ada = await school.person("ada")
    async with ada.socket() as socket:
        for answer in (
            await ada.rest("find", "search", query=query),
            await socket.call("find", "search", query=query),
        ):
            assert answer.code == 400, answer
            assert field in {*answer.body.get("errors", {}), answer.body["message"].split()[-1]}, answer


async def test_an_unknown_name_is_told(school: School) -> None:
    answer = await search(await school.person("ada"), "exam from:Zacharias")
    assert answer.body["errors"] == {"q": "from:Zacharias is nobody"}


async def test_words_are_found_in_every_form_and_all_of_them(school: School) -> None:
    ada, ben, talk = await pair(school)
    await wrote(ada, talk, "Two exams, one caf\u00e9")
    await wrote(ada, talk, "One exam")
    await wrote(ada, talk, "Examination")
    assert await found(ben, "EXAM") == ["One exam", "Two exams, one caf\u00e9"]
    assert await found(ben, "exam cafe") == ["Two exams, one caf\u00e9"]
    assert await found(ben, "exam tea") == []


async def test_phrases_match_in_order_and_as_written(school: School) -> None:
    ada, ben, talk = await pair(school)
    await wrote(ada, talk, "Results of the exam")
    await wrote(ada, talk, "The exam has no results")
    await wrote(ada, talk, "The result of exams")
    assert await found(ben, '"the EXAM"') == ["The exam has no results", "Results of the exam"]
    assert await found(ben, '"of the exam"') == ["Results of the exam"]
    assert await found(ben, '"exam the"') == []
    assert await found(ben, '"the exam" "results"') == ["The exam has no results", "Results of the exam"]


async def test_better_matches_come_first(school: School) -> None:
    ada, ben, talk = await pair(school)
    at = {"createdAt": START}
    rank = [
        "maths exam, a maths exam",
        "maths exam",
        "exam in maths",
        "exams in maths",
    ]
    for content in random.Random(1).sample(rank, 4):
        await wrote(ada, talk, content, **at)
    assert await found(ben, "maths exam") == rank


async def test_newer_matches_come_first_where_all_else_is_equal(school: School) -> None:
    ada, ben, talk = await pair(school)
    for days in (3, 40, 1, 400):
        await wrote(ada, talk, f"exam {days}", createdAt=START - days * DAY)
    assert await found(ben, "exam") == ["exam 1", "exam 3", "exam 40", "exam 400"]


async def test_each_condition_alone_and_in_the_text(school: School) -> None:
    slug = await new_school(school)
    ada, ben = await newcomer(school, at=slug), await newcomer(school, "teacher", at=slug)
    maths, other = await talk_of(ada, ben, name="Maths 9b"), await talk_of(ada, ben, name="Chess")
    link = await wrote(ada, maths, "see https://example.org", createdAt=START)
    image = await wrote(
        ben,
        maths,
        "photo",
        createdAt=START + DAY,
        attachments=[{"name": "a.png", "mediaType": "image/png", "url": "https://e.org/a"}],
    )
    video = await wrote(ben, other, "film", createdAt=START + 2 * DAY, type="video")
    file = await wrote(
        ada,
        other,
        "sheet",
        createdAt=START + 3 * DAY,
        attachments=[{"name": "exam.pdf", "url": "https://e.org/b"}],
    )
    liked = await wrote(
        ada, other, "liked", createdAt=START + 4 * DAY, reactions=[{"emoji": "x", "count": 1}]
    )
    named = await wrote(ben, maths, "you", createdAt=START + 5 * DAY, mentions=[ObjectId(ada.id)])
    role = await wrote(ben, other, "students", createdAt=START + 6 * DAY, mentions=["student"])
    everybody = await wrote(ben, other, "everybody", createdAt=START + 7 * DAY, mentions=["all"])
    day = (START + 4 * DAY).date().isoformat()
    moment = (START + 4 * DAY).isoformat()
    expected: list[tuple[list[Json], list[str]]] = [
        (
            [{"from": ben.id}, f"from:{ben.id}", f"from:{ben.user['email']}"],
            [everybody, role, named, video, image],
        ),
        ([f"from:@{ben.user['email'].partition('@')[0].upper()}"], [everybody, role, named, video, image]),
        ([{"in": maths}, "in:maths", 'in:"MATHS 9B"', "in:#9b", f"in:{maths}"], [named, image, link]),
        ([{"has": "link"}, "has:link"], [link]),
        ([{"has": "image"}, "has:image"], [image]),
        ([{"has": "video"}, "has:VIDEO"], [video]),
        ([{"has": "file"}, "has:file", "exam"], [file]),
        ([{"has": "attachment"}, "has:attachment"], [file, image]),
        ([{"has": "reaction"}, "has:reaction"], [liked]),
        ([{"mentions": "me"}, "mentions:me", f"mentions:{ada.id}"], [everybody, role, named]),
        ([{"mentions": ada.id}], [named]),
        ([{"before": moment}, f"before:{day}", f"before:{moment}"], [file, video, image, link]),
        ([{"after": moment}, f"after:{day}", f"after:{moment}"], [everybody, role, named, liked]),
        ([{"in": maths, "from": ben.id}, f"in:maths from:{ben.id}"], [named, image]),
        ([f"in:maths from:{ben.id} has:image before:{day} photo"], [image]),
        ([f"from:me from:{ben.id} in:chess in:maths has:attachment"], [file, image]),
        ([f"after:{day} before:{day}", "has:image has:link"], []),
    ]
    for ways, ids in expected:
        for way in ways:
            answer = await (search(ada, way) if isinstance(way, str) else search(ada, **way))
            assert answer.code == 200, (way, answer)
            assert [one["message"]["_id"] for one in answer.body["data"]] == ids, way


async def test_a_search_may_be_in_conversations_of_one_kind(school: School) -> None:
    ada, ben, group = await pair(school)
    direct = await talk_of(ada, ben, kind="direct")
    for talk in (group, direct):
        await write(ben, talk, f"a walrus in {talk}")
    assert await found(ada, "walrus", kind="direct") == [f"a walrus in {direct}"]
    assert await found(ada, "walrus", kind="group") == [f"a walrus in {group}"]
    assert await found(ada, "walrus", kind="club") == []


async def test_a_day_begins_at_midnight_of_the_school(school: School) -> None:
    slug = await new_school(school)
    admin = await newcomer(school, "admin", at=slug)
    data = {"timezone": "Pacific/Auckland"}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=data)).code == 200
    talk = await talk_of(admin)
    await wrote(admin, talk, "before", createdAt=datetime(2026, 6, 9, 11, 59, tzinfo=UTC))
    await wrote(admin, talk, "after", createdAt=datetime(2026, 6, 9, 12, tzinfo=UTC))
    assert await found(admin, "after:2026-06-10") == ["after"]
    assert await found(admin, "before:2026-06-10") == ["before"]


async def test_whole_names_are_meant_before_parts_of_names(school: School) -> None:
    slug = await new_school(school)
    admin, ren, other = [await newcomer(school, role, at=slug) for role in ("admin", "student", "student")]
    for person, name in ((ren, "Ren\u00e9e"), (other, "Ren\u00e9e Marie Dubois")):
        assert (await admin.rest("patch", "users", id=person.id, data={"name": name})).code == 200
    talk = await talk_of(admin, ren, other)
    await wrote(ren, talk, "short")
    await wrote(other, talk, "long")
    assert await found(admin, "from:renee") == ["short"]
    assert await found(admin, "from:dubois") == ["long"]
    assert await found(admin, 'from:"Dubois Ren\u00e9e"') == ["long"]
    assert await found(admin, "from:renee from:dubois") == ["long", "short"]


@pytest.mark.parametrize(
    ("q", "content", "marked"),
    [
        ("exam", "\U0001f389 Exams! \U0001f44d\U0001f3fd exam", ["Exams", "exam"]),
        ("cafe", "Le cafe\u0301, le caf\u00e9", ["cafe\u0301", "caf\u00e9"]),
        ("fine", "\U0001f600\ufb01ne", ["\ufb01ne"]),
        ('"the exam" exam', "exam, the exam", ["exam", "the exam"]),
        ("has:link", "https://example.org", []),
        ("homework", "Here it is", []),
    ],
)
async def test_highlights_are_offsets_in_code_points(
    school: School, q: str, content: str, marked: list[str]
) -> None:
    ada, ben, talk = await pair(school)
    await wrote(ada, talk, content, attachments=[{"name": "homework.pdf", "url": "https://example.org/h"}])
    (result,) = (await search(ben, q)).body["data"]
    assert result["message"]["content"] == content
    assert [content[start:end] for start, end in result["highlights"]] == marked
    assert result["snippet"] == [0, len(content)]


def test_a_snippet_is_the_part_with_the_first_highlight() -> None:
    asked = Asked(school_id=None, conversations=(), words=(("exam", "exam"),))
    content = f"{'word ' * 100}exam{' word' * 100}"
    start, end = snippet(content, highlights(asked, content))
    assert content[start:end].startswith("word ")
    assert "exam" in content[start:end]
    assert end - start == 200


async def test_a_message_is_shown_as_messages_shows_it(school: School) -> None:
    ada, _, talk = await pair(school)
    message = await wrote(ada, talk, "exam")
    (result,) = (await search(ada, "exam")).body["data"]
    assert result["message"] == (await ada.rest("get", "messages", id=message)).body
    assert "words" not in result["message"]


async def test_pages_lose_and_repeat_nothing_while_more_is_written(school: School) -> None:
    ada, ben, talk = await pair(school)
    contents = [f"exam{' exam' * (n % 3)} {n}" for n in range(60)]
    for n, content in enumerate(contents):
        await wrote(ada, talk, content, createdAt=START + (n // 7) * DAY)
    in_one_go = await pages(ben, q="exam", **{"$limit": 50})
    first = await search(ben, "exam", **{"$limit": 7})
    assert (first.body["total"], first.body["limit"], first.body["skip"]) == (60, 7, 0)
    await wrote(ada, talk, "a later exam", createdAt=START + 99 * DAY)
    shown = [one["message"]["content"] for one in first.body["data"]]
    rest = await pages(ben, q="exam", **{"$limit": 7, "$after": first.body["next"]})
    whole = [*shown, *rest]
    assert sorted(whole) == sorted(contents)
    assert whole == in_one_go


async def test_a_cursor_goes_on_when_what_it_points_at_is_gone(school: School) -> None:
    ada, ben, talk = await pair(school)
    for n in range(10):
        await wrote(ada, talk, f"exam {n}")
    first = await search(ben, "exam", **{"$limit": 4})
    last = first.body["data"][-1]["message"]["_id"]
    await Message.documents().delete_one({"_id": ObjectId(last)})
    rest = await pages(ben, q="exam", **{"$limit": 4, "$after": first.body["next"]})
    assert rest == [f"exam {n}" for n in range(5, -1, -1)]


async def test_a_cursor_belongs_to_its_search_and_its_user(school: School) -> None:
    ada, ben, talk = await pair(school)
    for n in range(3):
        await wrote(ada, talk, f"exam test {n}")
    cursor = (await search(ben, "exam", **{"$limit": 1})).body["next"]
    assert (await search(ben, "exam", **{"$limit": 2, "$after": cursor})).code == 200
    for person, q in ((ada, "exam"), (ben, "test"), (ben, "exam test")):
        refused = await search(person, q, **{"$after": cursor})
        assert refused.code == 400
        assert list(refused.body["errors"]) == ["$after"]


@pytest.fixture(scope="module")
async def crowded(school: School) -> tuple[Person, list[str]]:
    """Somebody with 230 conversations and 1,500 messages, each with "lesson", one in ten with "exam"."""
    ada = await newcomer(school)
    school_id, user_id = ObjectId(ada.user["schoolId"]), ObjectId(ada.id)
    talks = [ObjectId() for _ in range(230)]
    own = {"schoolId": school_id, "userId": user_id, "role": "member", "deliveredSeq": 0, "readSeq": 0}
    await Member.documents().insert_many([{**own, "conversationId": talk} for talk in talks])
    chance = random.Random(7)
    await Message.documents().insert_many(
        [
            document(
                ada,
                str(chance.choice(talks)),
                f"lesson {n}" + (" exam" if n % 10 == 0 else "") + (" rare" if n % 500 == 5 else ""),
                createdAt=START + timedelta(seconds=n // 5),
            )
            for n in range(1500)
        ]
    )
    return ada, [str(talk) for talk in talks]


async def test_all_pages_of_a_large_search_are_all_there_is(crowded: tuple[Person, list[str]]) -> None:
    ada, _ = crowded
    exams = await pages(ada, q="exam", **{"$limit": 50})
    assert sorted(exams) == sorted(f"lesson {n} exam" for n in range(0, 1500, 10))
    newest = await pages(ada, **{"from": ada.id, "$limit": 50})
    assert len(set(newest)) == len(newest) == 1500


async def test_the_rarest_word_leads_the_search(crowded: tuple[Person, list[str]]) -> None:
    ada, _ = crowded
    answer = await search(ada, "lesson rare")
    assert (answer.body["total"], answer.body["next"]) == (3, None)


async def test_a_search_that_meets_little_goes_on_page_by_page(crowded: tuple[Person, list[str]]) -> None:
    ada, _ = crowded
    first = await search(ada, '"exam lesson"')
    assert (first.body["data"], first.body["next"]) == ([], None)
    first = await search(ada, "has:reaction lesson")
    assert first.body["data"] == []
    assert first.body["next"] is not None
    assert await pages(ada, q="has:reaction lesson") == []


@pytest.mark.parametrize("group", [("exam",), ("lesson",), ("mentions:all", "lesson"), None])
async def test_a_window_costs_seeks_and_its_own_length(
    crowded: tuple[Person, list[str]], group: tuple[str, ...] | None
) -> None:
    ada, talks = crowded
    width = RANGES // len(group or "x")
    chunk = [ObjectId(talk) for talk in talks[:width]]
    asked = Asked(school_id=ObjectId(ada.user["schoolId"]), conversations=chunk)
    for bounds in (Bounds(), Bounds(below=(START + timedelta(seconds=200), ObjectId()))):
        plan = cast(
            "Any", await Message.documents().find(**statement(asked, group, chunk, bounds, 50)).explain()
        )
        stats = plan["executionStats"]
        assert stats["nReturned"] == 50
        assert stats["totalDocsExamined"] <= 60
        assert stats["totalKeysExamined"] <= 2 * RANGES + WINDOW
        stages = str(plan["queryPlanner"]["winningPlan"])
        assert "SORT_MERGE" in stages
        assert "'SORT'" not in stages
        assert "COLLSCAN" not in stages
