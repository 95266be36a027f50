from __future__ import annotations

import asyncio

import pytest
from bson import ObjectId

from stonechat.models import AuditEntry, Conversation, Member
from tests.support.people import has_not_heard, new_school, newcomer, talk_of, write
from tests.support.school import Answer, Json, Person, School

FUTURE = "2040-01-01T00:00:00.000Z"
PRIVATE = {"mutedUntil", "silencedUntil"}
HEARD_BY_MEMBERS = ("messages created", "message:read", "messages patched", "conversations patched")


async def place_of(school: School, conversation: str, person: Person) -> str:
    return str((await school.one("members", conversationId=conversation, userId=person.id))["_id"])


async def invite(manager: Person, conversation: str, person: Person, **more: Json) -> Answer:
    data = {"conversationId": conversation, "userId": person.id, **more}
    return await manager.rest("create", "members", data=data)


async def acknowledge(person: Person, conversation: str, **cursors: Json) -> Answer:
    return await person.rest("acknowledge", "members", data={"conversationId": conversation, **cursors})


async def counts(conversation: str) -> tuple[int, int]:
    """How many members the conversation says it has, and how many there are."""
    found = await Conversation.documents().find_one({"_id": ObjectId(conversation)})
    assert found is not None
    there = await Member.documents().count_documents({"conversationId": ObjectId(conversation)})
    return found["memberCount"], there


async def test_managers_let_people_in(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    async with cleo.socket() as socket:
        answer = await invite(ada, talk, cleo)
        heard = await socket.next("members created")
    assert answer.code == 201
    assert (heard["userId"], heard["role"]) == (cleo.id, "member")
    assert [heard[name] for name in ("joinedSeq", "deliveredSeq", "readSeq")] == [1, 1, 1]
    assert (await cleo.rest("get", "conversations", id=talk)).body["unread"] == 0
    assert (await cleo.rest("find", "messages", query={"conversationId": talk})).body["total"] == 1
    assert await counts(talk) == (3, 3)


async def test_members_do_not_let_people_in(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    assert (await invite(ben, talk, cleo)).code == 403
    assert (await invite(cleo, talk, cleo)).code == 403
    assert await counts(talk) == (2, 2)


async def test_nobody_is_in_a_conversation_twice(school: School) -> None:
    ada, *others = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(ada)
    answers = await asyncio.gather(*(invite(ada, talk, person) for person in others * 3))
    assert sorted(answer.code for answer in answers) == [201] * 3 + [409] * 6
    assert await counts(talk) == (4, 4)


async def test_people_of_other_schools_are_not_let_in(school: School) -> None:
    ada, dan = await newcomer(school), await school.person("dan")
    answer = await invite(ada, await talk_of(ada), dan)
    assert answer.code == 400
    assert answer.body["errors"] == {"userId": f"no such user: {dan.id}"}


async def test_a_direct_conversation_stays_between_two(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, kind="direct")
    assert (await invite(ada, talk, cleo)).code == 400
    assert (await ben.rest("remove", "members", id=await place_of(school, talk, ben))).code == 400
    assert await counts(talk) == (2, 2)


async def test_a_conversation_that_is_full_takes_nobody(school: School) -> None:
    slug = await new_school(school)
    admin, ada, ben = [await newcomer(school, role, at=slug) for role in ("admin", "student", "student")]
    settings = {"settings": {"maxGroupMembers": 2}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200
    talk = await talk_of(admin, ada)
    refused = await invite(admin, talk, ben)
    assert refused.code == 400
    assert refused.body["data"] == {"limit": 2}


async def test_only_admins_of_the_conversation_give_roles(school: School) -> None:
    ada, ben, cleo, finn = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(ada, ben, cleo)
    place, other = await place_of(school, talk, ben), await place_of(school, talk, cleo)
    moderator = {"role": "moderator"}
    assert (await ben.rest("patch", "members", id=place, data=moderator)).code == 403
    assert (await ada.rest("patch", "members", id=place, data=moderator)).body["role"] == "moderator"
    assert (await ben.rest("patch", "members", id=other, data=moderator)).code == 403
    assert (await invite(ben, talk, finn, role="moderator")).code == 403
    assert (await invite(ben, talk, finn)).code == 201


async def test_a_school_s_admin_has_no_say_where_not_a_member(school: School) -> None:
    ada, ben, admin = [await newcomer(school, role) for role in ("student", "student", "admin")]
    talk = await talk_of(ada, ben)
    place = await place_of(school, talk, ben)
    assert (await admin.rest("get", "members", id=place)).code == 404
    assert (await admin.rest("patch", "members", id=place, data={"role": "admin"})).code == 404
    assert (await admin.rest("remove", "members", id=place)).code == 404
    assert (await invite(admin, talk, admin)).code == 403


async def test_a_member_leaves_and_everybody_concerned_hears_it(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    async with ada.socket() as member, ben.socket() as leaving, cleo.socket() as outsider:
        answer = await ben.rest("remove", "members", id=await place_of(school, talk, ben))
        assert answer.code == 200
        for socket in (member, leaving):
            assert (await socket.next("members removed"))["userId"] == ben.id
        assert await has_not_heard(outsider, "members removed")
    assert (await ben.rest("get", "conversations", id=talk)).code == 404
    assert await counts(talk) == (1, 1)


async def test_managers_remove_members_and_members_do_not(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, cleo)
    place = await place_of(school, talk, cleo)
    assert (await ben.rest("remove", "members", id=place)).code == 403
    assert (await ada.rest("remove", "members", id=place)).code == 200
    assert (await ada.rest("remove", "members", id=place)).code == 404
    assert await counts(talk) == (2, 2)


async def test_members_are_not_removed_all_at_once(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ada.socket() as socket:
        answer = await socket.call("remove", "members", query={"conversationId": talk})
    assert answer.code in {400, 405}
    assert await counts(talk) == (2, 2)


@pytest.mark.parametrize("field", ["readSeq", "deliveredSeq", "userId", "conversationId", "joinedAt"])
async def test_a_place_is_not_patched_into_another(school: School, field: str) -> None:
    ada = await newcomer(school)
    place = await place_of(school, await talk_of(ada), ada)
    answer = await ada.rest("patch", "members", id=place, data={field: 1})
    assert answer.body["errors"] == {field: "Unknown field."}


async def test_everybody_mutes_for_oneself_only(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    place = await place_of(school, talk, ben)
    assert (await ada.rest("patch", "members", id=place, data={"mutedUntil": FUTURE})).code == 403
    both = {"mutedUntil": FUTURE, "role": "moderator"}
    assert (await ada.rest("patch", "members", id=place, data=both)).code == 403
    assert (await ben.rest("patch", "members", id=place, data=both)).code == 403
    muted = await ben.rest("patch", "members", id=place, data={"mutedUntil": FUTURE})
    assert (muted.body["mutedUntil"], muted.body["role"]) == (FUTURE, "member")
    shown = await ada.rest("get", "members", id=place)
    assert "mutedUntil" not in shown.body
    assert (await ben.rest("get", "members", id=place)).body["mutedUntil"] == FUTURE
    heard_again = await ben.rest("patch", "members", id=place, data={"mutedUntil": None})
    assert heard_again.body["mutedUntil"] is None


async def test_another_s_place_is_not_touched_at_all(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    answer = await ben.rest("patch", "members", id=await place_of(school, talk, ada), data={})
    assert answer.code == 403


async def test_cursors_only_go_forward(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for _ in range(5):
        await write(ada, talk)
    steps: list[tuple[Json, tuple[int, int], list[str]]] = [
        ({"deliveredSeq": 3}, (3, 0), ["delivered"]),
        ({"readSeq": 2}, (3, 2), ["read"]),
        ({"readSeq": 4}, (4, 4), ["delivered", "read"]),
        ({"readSeq": 1, "deliveredSeq": 1}, (4, 4), []),
        ({"deliveredSeq": 5, "readSeq": 4}, (5, 4), ["delivered"]),
        ({}, (5, 4), []),
    ]
    for cursors, reached, moved in steps:
        answer = await acknowledge(ben, talk, **cursors)
        assert answer.code in {200, 201}
        assert (answer.body["deliveredSeq"], answer.body["readSeq"]) == reached
        assert answer.body["moved"] == moved


async def test_cursors_that_move_at_once_end_at_the_farthest(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for _ in range(10):
        await write(ada, talk)
    await asyncio.gather(*(acknowledge(ben, talk, readSeq=seq) for seq in (4, 10, 1, 7, 9, 2)))
    place = await school.one("members", conversationId=talk, userId=ben.id)
    assert (place["deliveredSeq"], place["readSeq"]) == (10, 10)


@pytest.mark.parametrize("cursor", ["deliveredSeq", "readSeq"])
async def test_nobody_has_read_what_is_not_written(school: School, cursor: str) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    answer = await acknowledge(ben, talk, **{cursor: 2})
    assert answer.code == 400
    assert list(answer.body["errors"]) == [cursor]
    async with ben.socket() as socket:
        event = "message:read" if cursor == "readSeq" else "message:delivered"
        refused = await socket.say(event, {"conversationId": talk, "seq": 2})
    assert refused["error"]["errors"] == {"seq": answer.body["errors"][cursor]}


async def test_receipts_reach_members_only_and_once(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    async with ada.socket() as sender, ben.socket() as reader, cleo.socket() as outsider:
        moved = {"conversationId": talk, "seq": 1}
        assert await reader.say("message:delivered", moved) == {
            "conversationId": talk,
            "deliveredSeq": 1,
            "readSeq": 0,
        }
        assert (await reader.say("message:read", moved))["readSeq"] == 1
        await reader.say("message:read", moved)
        for socket in (sender, reader):
            for event in ("message:delivered", "message:read"):
                heard = await socket.next(event)
                assert heard.keys() == {"conversationId", "userId", "seq", "at"}
                assert (heard["conversationId"], heard["userId"], heard["seq"]) == (talk, ben.id, 1)
        for socket, event in ((sender, "message:read"), (outsider, "message:read")):
            assert await has_not_heard(socket, event)
        assert await has_not_heard(outsider, "message:delivered")


async def test_who_has_left_acknowledges_nothing(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    assert (await ben.rest("remove", "members", id=await place_of(school, talk, ben))).code == 200
    assert (await acknowledge(ben, talk, readSeq=1)).code == 403
    async with ben.socket() as socket:
        answer = await socket.say("message:read", {"conversationId": talk, "seq": 1})
    assert answer["error"]["code"] == 403


async def set_role(manager: Person, school: School, talk: str, person: Person, role: str) -> Answer:
    place = await place_of(school, talk, person)
    return await manager.rest("patch", "members", id=place, data={"role": role})


async def silence(
    manager: Person, school: School, talk: str, person: Person, until: str | None = FUTURE
) -> Answer:
    place = await place_of(school, talk, person)
    return await manager.rest("patch", "members", id=place, data={"silencedUntil": until})


async def leave(school: School, talk: str, person: Person) -> Answer:
    return await person.rest("remove", "members", id=await place_of(school, talk, person))


async def roles_of(conversation: str) -> dict[str, str]:
    places = await Member.documents().find({"conversationId": ObjectId(conversation)}).to_list()
    return {str(place["userId"]): place["role"] for place in places}


async def test_who_joins_at_once_does_not_exceed_the_limit(school: School) -> None:
    slug = await new_school(school)
    admin, *people = [await newcomer(school, role, at=slug) for role in ("admin", *["student"] * 6)]
    settings = {"settings": {"maxGroupMembers": 3}}
    assert (await admin.rest("patch", "schools", id=admin.user["schoolId"], data=settings)).code == 200
    talk = await talk_of(admin)
    answers = await asyncio.gather(*(invite(admin, talk, person) for person in people))
    assert sorted(answer.code for answer in answers) == [201] * 2 + [400] * 4
    assert await counts(talk) == (3, 3)


async def test_who_moderates_removes_members_and_no_managers(school: School) -> None:
    ada, ben, cleo, finn = [await newcomer(school) for _ in range(4)]
    talk = await talk_of(ada, ben, cleo, finn)
    for person in (ben, cleo):
        assert (await set_role(ada, school, talk, person, "moderator")).code == 200
    for person, code in ((ada, 403), (cleo, 403), (finn, 200)):
        place = await place_of(school, talk, person)
        assert (await ben.rest("remove", "members", id=place)).code == code
    assert (await ada.rest("remove", "members", id=await place_of(school, talk, cleo))).code == 200


async def test_the_last_admin_goes_only_after_a_successor_is_chosen(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for answer in (await leave(school, talk, ada), await set_role(ada, school, talk, ada, "member")):
        assert (answer.code, answer.body["data"]["code"]) == (400, "SUCCESSOR_NEEDED")
    assert await counts(talk) == (2, 2)
    assert await roles_of(talk) == {ada.id: "admin", ben.id: "member"}
    assert (await set_role(ada, school, talk, ben, "admin")).code == 200
    assert (await leave(school, talk, ada)).code == 200
    assert await roles_of(talk) == {ben.id: "admin"}


async def test_of_two_admins_who_go_at_once_one_stays(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, cleo)
    assert (await set_role(ada, school, talk, ben, "admin")).code == 200
    answers = await asyncio.gather(leave(school, talk, ada), leave(school, talk, ben))
    assert sorted(answer.code for answer in answers) == [200, 400]
    assert sorted((await roles_of(talk)).values()) == ["admin", "member"]
    assert await counts(talk) == (2, 2)


async def test_who_is_alone_may_leave(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    assert (await leave(school, talk, ada)).code == 200
    assert await counts(talk) == (0, 0)


@pytest.mark.parametrize("heir", ["moderator", "staff", "member"])
async def test_whose_account_is_removed_is_succeeded(school: School, heir: str) -> None:
    admin, ada, ben, cleo, finn = [
        await newcomer(school, role)
        for role in ("admin", "student", "student", "teacher" if heir != "member" else "student", "student")
    ]
    talk = await talk_of(ada, ben, cleo, finn)
    expected = {"moderator": finn, "staff": cleo, "member": ben}[heir]
    if heir == "moderator":
        assert (await set_role(ada, school, talk, finn, "moderator")).code == 200
    async with ben.socket() as socket:
        assert (await admin.rest("remove", "users", id=ada.id)).code == 200
        assert (await socket.next("members removed"))["userId"] == ada.id
        heard = await socket.next("members patched")
        while heard["role"] != "admin":
            heard = await socket.next("members patched")
    assert heard["userId"] == expected.id
    roles = await roles_of(talk)
    assert [person for person, role in roles.items() if role == "admin"] == [expected.id]
    assert roles.keys() == {ben.id, cleo.id, finn.id}
    assert await counts(talk) == (3, 3)


async def test_managers_silence_members_and_lift_it(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    assert (await silence(ada, school, talk, ben)).body["silencedUntil"] == FUTURE
    hello = {"conversationId": talk, "content": "Hello"}
    async with ben.socket() as socket:
        for refused in (
            await ben.rest("create", "messages", data=hello),
            await socket.call("create", "messages", data=hello),
        ):
            assert (refused.code, refused.body["data"]) == (403, {"code": "SILENCED", "until": FUTURE})
    assert (await ben.rest("find", "messages", query={"conversationId": talk})).code == 200
    assert (await silence(ada, school, talk, ben, None)).code == 200
    await write(ben, talk)


async def test_nobody_silences_managers_staff_or_without_being_a_manager(school: School) -> None:
    ada, ben, cleo, teacher = [
        await newcomer(school, role) for role in ("student", "student", "student", "teacher")
    ]
    talk = await talk_of(ada, ben, cleo, teacher)
    assert (await set_role(ada, school, talk, ben, "moderator")).code == 200
    for manager, person in ((cleo, ada), (cleo, cleo), (ben, ada), (ada, ben), (ada, teacher), (ada, ada)):
        assert (await silence(manager, school, talk, person)).code == 403
    assert (await silence(ben, school, talk, cleo)).code == 200
    assert (await silence(cleo, school, talk, cleo, None)).code == 403


async def test_who_becomes_a_manager_is_silent_no_more(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    assert (await silence(ada, school, talk, ben)).code == 200
    assert (await set_role(ada, school, talk, ben, "moderator")).body["silencedUntil"] is None
    await write(ben, talk)


async def test_silence_is_seen_by_managers_and_the_silent(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben, cleo)
    place = await place_of(school, talk, ben)
    async with ada.socket() as manager, ben.socket() as silent, cleo.socket() as other:
        assert (await silence(ada, school, talk, ben)).code == 200
        for socket in (manager, silent):
            heard = await socket.next("members patched")
            assert heard["silencedUntil"] == FUTURE
            assert ("mutedUntil" in heard) == (socket is silent)
        assert (await other.next("members patched")).keys().isdisjoint(PRIVATE)
    for person, seen in ((ada, True), (ben, True), (cleo, False)):
        there = await person.rest("find", "members", query={"conversationId": talk, "userId": ben.id})
        for shown in (there.body["data"][0], (await person.rest("get", "members", id=place)).body):
            assert ("silencedUntil" in shown) == seen
            assert shown.keys().isdisjoint({"lastSentAt", "touchedAt"})
    selected = {"conversationId": talk, "$select": ["silencedUntil", "mutedUntil"]}
    for shown in (await cleo.rest("find", "members", query=selected)).body["data"]:
        assert shown.keys() == {"_id"}


async def test_own_mute_reaches_own_devices_only(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    place = await place_of(school, talk, ben)
    async with ada.socket() as other, ben.socket() as own:
        assert (await ben.rest("patch", "members", id=place, data={"mutedUntil": FUTURE})).code == 200
        assert (await own.next("members patched"))["mutedUntil"] == FUTURE
        assert "mutedUntil" not in await other.next("members patched")


@pytest.mark.parametrize("way", ["leaves", "removed", "account"])
async def test_who_is_gone_hears_nothing_more_and_does_nothing(school: School, way: str) -> None:
    admin, ada, ben, cleo = [
        await newcomer(school, role) for role in ("admin", "student", "student", "student")
    ]
    talk = await talk_of(ada, ben, cleo)
    first = await write(ada, talk)
    place = await place_of(school, talk, ben)
    async with ada.socket() as writer, ben.socket() as gone, cleo.socket() as member:
        if way == "account":
            assert (await admin.rest("remove", "users", id=ben.id)).code == 200
        else:
            remover = ben if way == "leaves" else ada
            assert (await remover.rest("remove", "members", id=place)).code == 200
            assert (await gone.next("members removed"))["userId"] == ben.id
        assert (await member.next("members removed"))["userId"] == ben.id
        await writer.say("typing:start", {"conversationId": talk})
        assert (await member.next("typing:start"))["userId"] == ada.id
        second = await write(ada, talk)
        await writer.say("message:read", {"conversationId": talk, "seq": second["seq"]})
        edit = {"content": "Changed"}
        assert (await ada.rest("patch", "messages", id=first["_id"], data=edit)).code == 200
        assert (await ada.rest("patch", "conversations", id=talk, data={"description": "New"})).code == 200
        for event in HEARD_BY_MEMBERS:
            await member.next(event)
        if way == "account":  # nobody is there to ask anything
            assert not {name for name, _ in gone.events} & set(HEARD_BY_MEMBERS)
            return
        for event in ("typing:start", *HEARD_BY_MEMBERS):
            assert await has_not_heard(gone, event)
        refused = await gone.say("message:send", {"conversationId": talk, "content": "Hello"})
        assert refused["error"]["code"] == 403
        for event, more in (("typing:start", {}), ("message:read", {"seq": 1})):
            answer = await gone.say(event, {"conversationId": talk, **more})
            assert answer["error"]["code"] == 403
        answer = await gone.call("patch", "messages", id=first["_id"], data=edit)
        assert answer.code in {403, 404}


async def test_what_managers_do_to_others_is_in_the_audit_log(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    place = await place_of(school, talk, ben)
    muted = await ben.rest("patch", "members", id=place, data={"mutedUntil": FUTURE})
    assert muted.code == 200
    assert (await silence(ada, school, talk, ben)).code == 200
    assert (await set_role(ada, school, talk, ben, "moderator")).code == 200
    assert (await leave(school, talk, ben)).code == 200
    again = (await invite(ada, talk, ben)).body["_id"]
    assert (await ada.rest("remove", "members", id=again)).code == 200
    subjects = {"subject.id": {"$in": [ObjectId(place), ObjectId(again)]}}
    entries = AuditEntry.documents().find(subjects).sort("number")
    found = [(one["action"], str(one["subject"]["id"])) for one in await entries.to_list()]
    assert found == [("members.patch", place), ("members.patch", place), ("members.remove", again)]


async def test_cursors_that_move_say_when(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await write(ada, talk)
    touched: list[Json] = []
    for seq in (0, 1, 1):
        assert (await acknowledge(ben, talk, readSeq=seq)).code in {200, 201}
        place = await school.one("members", conversationId=talk, userId=ben.id)
        touched.append(place["touchedAt"])
    before, moved, again = touched
    assert before < moved == again
