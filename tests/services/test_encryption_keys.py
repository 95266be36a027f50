from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from bson import ObjectId

from stonechat.app import create_app
from stonechat.core.configuration import ConfigurationError
from stonechat.core.context import Params
from stonechat.core.envelope import MasterKeys, version_of
from stonechat.core.errors import BadRequest, GeneralError
from stonechat.models import AuditEntry, EncryptionKey, Message, MessageEdit, ScheduledMessage
from stonechat.models.record import now
from stonechat.models.sealing import EDIT, MESSAGE, SCHEDULED, is_clear
from stonechat.models.vault import Vault
from tests.support.encryption import encrypt, master, rotate
from tests.support.people import newcomer, talk_of, write
from tests.support.privacy import stored
from tests.support.school import MASTER_KEY, Json, Person, School, test_settings
from tests.support.waiting import until_so

PATH = "encryption-keys"


async def texts_of(person: Person, talk: str) -> list[str]:
    answer = await person.rest("find", "messages", query={"conversationId": talk, "$limit": 200})
    assert answer.code == 200, answer
    return [message["content"] for message in answer.body["data"]]


async def versions_of(person: Person, talk: str) -> list[Json]:
    answer = await person.rest("find", PATH, query={"conversationId": talk})
    assert answer.code == 200, answer
    return list(answer.body["data"])


@pytest.mark.parametrize("method", ["create", "rotate"])
async def test_only_who_manages_a_conversation_has_it_encrypted(school: School, method: str) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    admin, dan = await newcomer(school, "admin"), await school.person("dan")
    talk = await talk_of(ada, ben)
    for person, code in ((school.nobody, 401), (ben, 403), (cleo, 403), (admin, 403), (dan, 403)):
        answer = await person.rest(method, PATH, data={"conversationId": talk})
        assert answer.code == code, answer
    assert await versions_of(ada, talk) == []


async def test_either_of_two_people_has_their_conversation_encrypted(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben, kind="direct")
    assert (await encrypt(ben, talk))["version"] == 1


async def test_an_archived_conversation_stays_as_it_is(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    assert (await ada.rest("patch", "conversations", id=talk, data={"archived": True})).code == 200
    refused = await ada.rest("create", PATH, data={"conversationId": talk})
    assert (refused.code, refused.body["data"]["code"]) == (403, "ARCHIVED")


async def test_members_see_versions_and_nobody_keys(school: School) -> None:
    ada, ben, cleo = [await newcomer(school) for _ in range(3)]
    talk = await talk_of(ada, ben)
    first, second = await encrypt(ada, talk), await rotate(ada, talk)
    found = await versions_of(ben, talk)
    assert [(one["version"], one["rotatedAt"] is None) for one in found] == [(1, False), (2, True)]
    assert [one["_id"] for one in found] == [first["_id"], second["_id"]]
    for one in (first, second, *found):
        assert one.keys() == {
            *("_id", "schoolId", "conversationId", "version", "createdBy", "createdAt", "rotatedAt")
        }
    assert await versions_of(cleo, talk) == []
    assert (await cleo.rest("get", PATH, id=first["_id"])).code == 404


@pytest.mark.parametrize("name", ["wrapped", "masterId"])
async def test_nobody_asks_for_key_material(school: School, name: str) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    for query in ({name: "tests"}, {"$select": [name]}, {"$sort": {name: 1}}):
        answer = await ada.rest("find", PATH, query=query)
        assert answer.code == 400, answer


async def test_a_conversation_is_encrypted_once(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    assert (await ada.rest("create", PATH, data={"conversationId": talk})).code == 409
    (conversation,) = (await ada.rest("find", "conversations", query={"_id": talk})).body["data"]
    assert conversation["keyVersion"] == 1


async def test_what_is_not_encrypted_has_no_key_to_rotate(school: School) -> None:
    ada = await newcomer(school)
    refused = await ada.rest("rotate", PATH, data={"conversationId": await talk_of(ada)})
    assert (refused.code, refused.body["message"]) == (400, "The conversation is not encrypted")


async def test_both_are_entered_in_the_audit_log_without_a_key(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    await rotate(ada, talk)
    about = {"schoolId": ObjectId(ada.user["schoolId"]), "subject.id": ObjectId(talk)}
    entries = await AuditEntry.documents().find(about).sort("number").to_list()
    assert [(one["action"], one["details"]) for one in entries] == [
        ("encryption-keys.create", {"version": 1}),
        ("encryption-keys.rotate", {"version": 2}),
    ]


async def test_members_are_told_and_go_on_reading_clear_text(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    async with ben.socket() as socket:
        await encrypt(ada, talk)
        assert (await socket.next("conversations patched"))["keyVersion"] == 1
        sent = await write(ada, talk, "Hello", idempotencyKey="a")
        heard = await socket.next("messages created")
        assert {**heard, "content": "Hello"} == heard
        assert heard["_id"] == sent["_id"]
        assert (await socket.call("get", "messages", id=sent["_id"])).body["content"] == "Hello"
        edited = await ada.rest("patch", "messages", id=sent["_id"], data={"content": "Hello, Ben"})
        assert edited.body["content"] == (await socket.next("messages patched"))["content"] == "Hello, Ben"
        for path in ("conversations", "inbox"):
            (found,) = (await socket.call("find", path)).body["data"]
            assert found["lastMessage"]["content"] == "Hello, Ben"
        (before,) = (await ben.rest("find", "message-edits", query={"messageId": sent["_id"]})).body["data"]
        assert before["content"] == "Hello"
        missed = await ben.rest("find", "sync", query={"conversations": {talk: {"seq": 0, "revision": 0}}})
        told = missed.body["conversations"][talk]
        assert [one["content"] for one in told["messages"]] == ["Hello, Ben"]


async def test_a_repeat_is_known_and_its_digest_is_not(school: School) -> None:
    ada = await newcomer(school)
    talk, other = await talk_of(ada), await talk_of(ada)
    await encrypt(ada, talk)
    clear = await stored(await write(ada, other, "Yes", idempotencyKey="clear"))
    first = await write(ada, talk, "Yes", idempotencyKey="sealed")
    again = await write(ada, talk, "Yes", idempotencyKey="sealed")
    assert (again["_id"], again["duplicate"]) == (first["_id"], True)
    changed = {"conversationId": talk, "content": "No", "idempotencyKey": "sealed"}
    assert (await ada.rest("create", "messages", data=changed)).code == 422
    assert isinstance(clear["fingerprint"], str)
    assert isinstance((await stored(first))["fingerprint"], bytes)


async def test_selected_fields_are_opened_alone(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    sent = await write(ada, talk, "Hello")
    for name, shown in (("content", {"content": "Hello"}), ("type", {"type": "text"})):
        own = Params(query={"$select": [name]}, tenant=ObjectId(ada.user["schoolId"]))
        found = await school.app.service("messages").get(sent["_id"], own)
        assert found == {"_id": ObjectId(sent["_id"]), **shown}


async def test_who_selects_a_part_of_a_preview_gets_no_sealed_bytes(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    await write(ada, talk, "At noon")
    for part, shown in (("lastMessage", "At noon"), ("lastMessage.content", None)):
        own = Params(query={"$select": [part]}, tenant=ObjectId(ada.user["schoolId"]))
        found = await school.app.service("conversations").get(talk, own)
        assert found["lastMessage"]["content"] == shown


async def test_search_says_nothing_of_an_encrypted_conversation(school: School) -> None:
    ada = await newcomer(school)
    talk, other = await talk_of(ada), await talk_of(ada)
    await encrypt(ada, talk)
    secret, plain = await write(ada, talk, "Telescope"), await write(ada, other, "Telescope")
    for one in (secret, plain):
        reaction = {"messageId": one["_id"], "emoji": "👍"}
        assert (await ada.rest("create", "reactions", data=reaction)).code == 201
    queries = ({"q": "telescope"}, {"from": ada.id}, {"has": "reaction"}, {"after": "2020-01-01T00:00:00Z"})
    for query in queries:
        found = (await ada.rest("find", "search", query=query)).body
        assert [one["message"]["_id"] for one in found["data"]] == [plain["_id"]], query
        assert found["total"] == 1
    removed = await ada.rest("remove", "messages", id=secret["_id"])
    assert removed.code == 200
    admin = await school.person("admin")
    assert (await admin.rest("restore", "messages", data={"messageId": secret["_id"]})).code == 200
    assert (await stored(secret))["words"] == []
    assert await texts_of(ada, talk) == ["Telescope"]


async def test_what_was_there_before_is_sealed_in_the_background(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    for number in range(3):
        await write(ada, talk, f"Before {number}", idempotencyKey=f"{talk} {number}")
    (first, *_) = (await ada.rest("find", "messages", query={"conversationId": talk})).body["data"]
    assert (await ada.rest("patch", "messages", id=first["_id"], data={"content": "Changed"})).code == 200
    later = {"conversationId": talk, "content": "Later", "sendAt": _tomorrow()}
    assert (await ada.rest("create", "scheduled-messages", data=later)).code == 201
    await encrypt(ada, talk)

    async def nothing_is_clear() -> bool:
        here = {"conversationId": ObjectId(talk)}
        return not any(
            [
                is_clear(form, record)
                for model, form in ((Message, MESSAGE), (MessageEdit, EDIT), (ScheduledMessage, SCHEDULED))
                async for record in model.documents().find(here)
            ]
        )

    await until_so(nothing_is_clear)
    assert await texts_of(ben, talk) == ["Changed", "Before 1", "Before 2"]
    (edit,) = (await ben.rest("find", "message-edits", query={"messageId": first["_id"]})).body["data"]
    assert edit["content"] == "Before 0"
    (waiting,) = (await ada.rest("find", "scheduled-messages", query={"conversationId": talk})).body["data"]
    assert waiting["content"] == "Later"
    assert (await write(ada, talk, "Before 1", idempotencyKey=f"{talk} 1"))["duplicate"]
    (conversation,) = (await ben.rest("find", "conversations", query={"_id": talk})).body["data"]
    assert conversation["lastMessage"]["content"] == "Before 2"
    assert (await ada.rest("find", "search", query={"q": "before", "in": talk})).body["total"] == 0


async def test_keys_may_change_while_many_write(school: School) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk = await talk_of(ada, ben)
    await encrypt(ada, talk)

    async def talks(person: Person) -> None:
        for number in range(8):
            await write(person, talk, f"{person.id} {number}")

    async def rotates() -> None:
        for _ in range(3):
            await rotate(ada, talk)

    await asyncio.gather(talks(ada), talks(ben), rotates())
    last = await stored(await write(ada, talk, "The last"))
    assert version_of(last["content"]) == 4
    said = [f"{person.id} {number}" for person in (ada, ben) for number in range(8)]
    assert sorted(await texts_of(ben, talk)) == sorted([*said, "The last"])
    # Whoever has written before a key is read with that key, and after it with the next.
    here = {"conversationId": ObjectId(talk)}
    messages = await Message.documents().find(here).sort("seq").to_list()
    versions = [version_of(message["content"]) for message in messages]
    assert versions == sorted(versions)


@pytest.mark.parametrize("harm", ["changed", "of another message", "of another conversation", "cut"])
async def test_what_was_tampered_with_is_refused_and_not_shown(school: School, harm: str) -> None:
    ada, ben = await newcomer(school), await newcomer(school)
    talk, elsewhere = await talk_of(ada, ben), await talk_of(ada, ben)
    for one in (talk, elsewhere):
        await encrypt(ada, one)
    message, other = await write(ada, talk, "At noon"), await write(ada, talk, "Never")
    alike = await write(ada, elsewhere, "Elsewhere")
    sealed: bytes = (await stored(message))["content"]
    harmed = {
        "changed": sealed[:-1] + bytes([sealed[-1] ^ 1]),
        "of another message": (await stored(other))["content"],
        "of another conversation": (await stored(alike))["content"],
        "cut": sealed[:20],
    }[harm]
    where = {"_id": ObjectId(message["_id"])}
    await Message.documents().update_one(where, {"$set": {"content": harmed}})
    for answer in (
        await ben.rest("get", "messages", id=message["_id"]),
        await ben.rest("find", "messages", query={"conversationId": talk}),
    ):
        assert (answer.code, answer.body["data"]["code"]) == (500, "CANNOT_BE_OPENED")
        assert "cannot be opened" in answer.body["message"]
        assert not {"At noon", "Never", "Elsewhere"} & set(str(answer.body).split("'"))
    # What cannot be opened hides no list of conversations.
    assert (await ben.rest("find", "inbox")).body["total"] == 2


async def test_a_preview_that_cannot_be_opened_is_left_out(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    await write(ada, talk, "At noon")
    await EncryptionKey.documents().update_one(
        {"conversationId": ObjectId(talk)}, {"$set": {"wrapped": b"\0" * 60}}
    )
    lost: Vault = _vault_of(MASTER_KEY)
    (conversation,) = await school.app.service("conversations").find(
        Params(query={"_id": ObjectId(talk)}, paginate=False)
    )
    assert conversation["lastMessage"]["content"] == "At noon"
    raw = await school.app.get("database").database["conversations"].find_one({"_id": ObjectId(talk)})
    await lost.open_previews([raw])
    assert raw["lastMessage"]["content"] is None
    await EncryptionKey.documents().delete_many({"conversationId": ObjectId(talk)})


async def test_with_another_master_key_nothing_is_opened(school: School) -> None:
    ada = await newcomer(school)
    talk = await talk_of(ada)
    await encrypt(ada, talk)
    message = await stored(await write(ada, talk, "At noon"))
    for masters in ((), (master("other"),), (master("tests"),)):
        with pytest.raises(GeneralError, match="cannot be opened") as refused:
            await _vault_of(*masters).open(MESSAGE, [message])
        assert refused.value.data["code"] == "CANNOT_BE_OPENED"
        assert isinstance(message["content"], bytes)


@pytest.mark.parametrize(
    ("masters", "said"),
    [((), "'tests' is missing"), ((master("tests"),), "'tests' is another key")],
)
async def test_a_school_does_not_come_up_without_the_master_key_it_needs(
    school: School, masters: tuple[str, ...], said: str
) -> None:
    ada = await newcomer(school)
    await encrypt(ada, await talk_of(ada))
    with pytest.raises(ConfigurationError, match=said):
        await _vault_of(*masters).check()
    await _vault_of(MASTER_KEY).check()


def test_a_master_key_that_is_none_is_refused_and_not_quoted() -> None:
    twice = {"master_keys": [MASTER_KEY, MASTER_KEY]}
    settings = test_settings("mongodb://127.0.0.1:1", "never-opened", encryption=twice)
    with pytest.raises(ConfigurationError, match="two keys with the id 'tests'"):
        create_app(settings)
    assert MASTER_KEY not in repr(settings)


async def test_without_a_master_key_nothing_is_encrypted(school: School) -> None:
    ada = await newcomer(school)
    talk = ObjectId(await talk_of(ada))
    service = school.app.service(PATH).wrapped
    bare = type(service)(school.app, school.app.get("journal"), _vault_of(), paginate={})
    with pytest.raises(BadRequest, match=r"encryption\.master_keys"):
        await bare.create({"conversationId": talk, "createdBy": ObjectId(ada.id)}, Params())


async def test_few_keys_are_kept_in_memory(school: School) -> None:
    ada = await newcomer(school)
    small = _vault_of(MASTER_KEY, kept=2)
    for _ in range(4):
        talk = await talk_of(ada)
        await encrypt(ada, talk)
        message = await stored(await write(ada, talk, "At noon"))
        await small.open(MESSAGE, [message])
        assert message["content"] == "At noon"
    assert small.kept == 2


def _vault_of(*masters: str, kept: int = 100) -> Vault:
    return Vault(MasterKeys(masters), kept=kept)


def _tomorrow() -> str:
    return (now() + timedelta(days=1)).isoformat()
