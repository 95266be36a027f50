"""The school's own socket events: sending and receipts."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.support.crowd import Crowd
from tests.support.school import School
from tests.support.waiting import until
from tests.support.wire import Wire

NOWHERE: Final = "f" * 24
RECEIPTS: Final = ("message:delivered", "message:read")


@pytest.fixture
async def crowd(school: School) -> AsyncIterator[Crowd]:
    async with Crowd.of(school) as crowd:
        await crowd.join("ada", "ben", "rivera", "cleo", "dan")
        yield crowd


@pytest.fixture
async def talk(school: School) -> str:
    """A conversation of ada, ben and rivera."""
    return await school.conversation("ada", "ben", "rivera")


async def test_a_message_is_acknowledged_as_it_is_stored_and_forwarded(crowd: Crowd, talk: str) -> None:
    ada, ben = crowd.wires["ada"], crowd.wires["ben"]
    sent = {"conversationId": talk, "content": "hello", "type": "text"}
    acknowledged = await ada.ask("message:send", sent)
    message = acknowledged.pop("message")
    assert acknowledged == {}
    ada_id = (await crowd.school.person("ada")).id
    assert {**message, **sent, "senderId": ada_id, "seq": 1} == message
    assert await ben.event("messages created") == [message]
    assert await crowd.has("messages created") == {"ada", "rivera"}
    assert await ada.event("messages created") == [message]
    stored = await crowd.school.one("messages", _id=message["_id"])
    assert stored["content"] == "hello"


async def test_a_repeat_is_the_same_message_and_nobody_is_told_again(crowd: Crowd, talk: str) -> None:
    ada, ben = crowd.wires["ada"], crowd.wires["ben"]
    sent = {"conversationId": talk, "content": "once", "idempotencyKey": str(uuid4())}
    first = await ada.ask("message:send", sent)
    assert await ada.ask("message:send", sent) == {**first, "duplicate": True}
    await ben.event("messages created")
    assert "ben" not in await crowd.has("messages created")
    refused = await ada.ask("message:send", {**sent, "content": "twice"})
    assert (refused["error"]["code"], list(refused["error"]["errors"])) == (422, ["idempotencyKey"])
    other = await ben.ask("message:send", {**sent, "content": "of another sender"})
    assert other["message"]["seq"] == 2


@pytest.mark.parametrize("name", ["cleo", "dan"])
async def test_who_is_no_member_can_do_nothing_there(crowd: Crowd, talk: str, name: str) -> None:
    await crowd.wires["ada"].ask("message:send", {"conversationId": talk, "content": "hello"})
    outsider = crowd.wires[name]
    for event, data in (
        ("message:send", {"content": "let me in"}),
        ("message:delivered", {"seq": 1}),
        ("message:read", {"seq": 1}),
        ("typing:start", {}),
    ):
        refused = await outsider.ask(event, {"conversationId": talk, **data})
        assert refused["error"]["code"] in {403, 404}, event
    await crowd.wires["ben"].event("messages created")
    for event in ("messages created", *RECEIPTS, "typing:start", "typing:stop"):
        assert await crowd.has(event) <= ({"ada", "rivera"} if event == "messages created" else set())


async def test_who_is_removed_from_a_conversation_is_left_out(crowd: Crowd, talk: str) -> None:
    ben = await crowd.school.person("ben")
    ada = await crowd.school.person("ada")
    place = await crowd.school.one("members", conversationId=talk, userId=ben.id)
    assert (await ada.rest("remove", "members", id=str(place["_id"]))).code == 200
    await crowd.wires["ada"].ask("message:send", {"conversationId": talk, "content": "without ben"})
    await crowd.wires["rivera"].event("messages created")
    assert await crowd.has("messages created") == {"ada"}
    refused = await crowd.wires["ben"].ask("message:send", {"conversationId": talk, "content": "back"})
    assert refused["error"]["code"] == 403


async def test_nobody_without_a_login_is_answered(school: School, talk: str) -> None:
    async with Wire.open(school.url) as wire:
        for event, data in (
            ("message:send", {"content": "a"}),
            ("message:read", {"seq": 1}),
            ("typing:start", {}),
            ("typing:stop", {}),
            ("presence:get", {}),
        ):
            refused = await wire.ask(event, {"conversationId": talk, **data})
            assert refused["error"]["code"] == 401, event


@pytest.mark.parametrize("receipt", RECEIPTS)
async def test_a_receipt_goes_to_the_members(crowd: Crowd, talk: str, receipt: str) -> None:
    for content in ("one", "two"):
        await crowd.wires["ada"].ask("message:send", {"conversationId": talk, "content": content})
    ben = crowd.wires["ben"]
    acknowledged = await ben.ask(receipt, {"conversationId": talk, "seq": 1})
    read = 1 if receipt == "message:read" else 0
    assert acknowledged == {"conversationId": talk, "deliveredSeq": 1, "readSeq": read}
    (told,) = await crowd.wires["ada"].event(receipt)
    ben_id = (await crowd.school.person("ben")).id
    assert told == {"conversationId": talk, "userId": ben_id, "seq": 1, "at": told["at"]}
    assert await crowd.has(receipt) == {"ben", "rivera"}


async def test_receipts_only_go_forward(crowd: Crowd, talk: str) -> None:
    for content in ("one", "two", "three"):
        await crowd.wires["ada"].ask("message:send", {"conversationId": talk, "content": content})
    ada, ben = crowd.wires["ada"], crowd.wires["ben"]
    await ben.ask("message:read", {"conversationId": talk, "seq": 2})
    await ada.event("message:read")
    for seq in (2, 1, 0):
        acknowledged = await ben.ask("message:read", {"conversationId": talk, "seq": seq})
        assert acknowledged == {"conversationId": talk, "deliveredSeq": 2, "readSeq": 2}
    assert "ada" not in await crowd.has("message:read")
    await ben.ask("message:delivered", {"conversationId": talk, "seq": 3})
    acknowledged = await ben.ask("message:read", {"conversationId": talk, "seq": 3})
    assert acknowledged == {"conversationId": talk, "deliveredSeq": 3, "readSeq": 3}


async def test_nothing_is_read_before_it_is_written(crowd: Crowd, talk: str) -> None:
    await crowd.wires["ada"].ask("message:send", {"conversationId": talk, "content": "one"})
    for receipt in RECEIPTS:
        refused = await crowd.wires["ben"].ask(receipt, {"conversationId": talk, "seq": 2})
        assert refused["error"]["code"] == 400, refused
    assert await crowd.has("message:read") == set()


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("message:send", {"content": "a"}, "conversationId"),
    ("message:send", {"conversationId": {"$ne": None}, "content": "a"}, "conversationId"),
    ("message:send", {"conversationId": "nonsense", "content": "a"}, "conversationId"),
    ("message:send", {"conversationId": NOWHERE}, "content"),
    ("message:send", {"conversationId": NOWHERE, "content": ""}, "content"),
    ("message:send", {"conversationId": NOWHERE, "content": 5}, "content"),
    ("message:send", {"conversationId": NOWHERE, "content": "a" * 4001}, "content"),
    ("message:send", {"conversationId": NOWHERE, "content": "a", "type": "system"}, "type"),
    ("message:send", {"conversationId": NOWHERE, "content": "a", "idempotencyKey": 5}, "idempotencyKey"),
    ("message:send", {"conversationId": NOWHERE, "content": "a", "senderId": NOWHERE}, "senderId"),
    ("message:read", {"conversationId": NOWHERE}, "seq"),
    ("message:read", {"seq": 1}, "conversationId"),
    ("message:read", {"conversationId": [], "seq": 1}, "conversationId"),
    ("message:read", {"conversationId": NOWHERE, "seq": 1, "userId": NOWHERE}, "userId"),
    ("typing:start", {}, "conversationId"),
    ("typing:start", {"conversationId": {"$ne": None}}, "conversationId"),
    ("typing:start", {"conversationId": None}, "conversationId"),
    ("typing:stop", {"conversationId": 5}, "conversationId"),
]


@pytest.mark.parametrize(("event", "data", "field"), WRONG)
async def test_a_wrong_payload_is_refused_by_the_name_of_its_field(
    school: School, event: str, data: dict[str, Any], field: str
) -> None:
    person = await school.person("ada")
    async with Wire.open(school.url, auth={"token": person.token}) as wire:
        refused = await wire.ask(event, data)
        assert refused["error"]["className"] == "bad-request", refused
        assert list(refused["error"]["errors"]) == [field]
        assert "online" in await wire.ask("presence:get", {})


@pytest.mark.parametrize("seq", [-1, "all", None, {"$gt": 0}, True, 2**70])
async def test_a_receipt_needs_a_number(crowd: Crowd, talk: str, seq: Any) -> None:
    await crowd.wires["ada"].ask("message:send", {"conversationId": talk, "content": "one"})
    ben = crowd.wires["ben"]
    if seq == 2**70:
        await ben.send(f'4277["message:read",{{"conversationId":"{talk}","seq":{seq}}}]')
        assert '"code":400' in await ben.packet("4377[")
        return
    refused = await ben.ask("message:read", {"conversationId": talk, "seq": seq})
    assert refused["error"]["className"] == "bad-request", refused


@pytest.mark.parametrize("arguments", [[], [None], ["a"], [[]], [{}, {}]])
@pytest.mark.parametrize("event", ["message:send", "message:read", "typing:start", "presence:get"])
async def test_an_event_takes_one_object(school: School, event: str, arguments: list[Any]) -> None:
    person = await school.person("ada")
    async with Wire.open(school.url, auth={"token": person.token}) as wire:
        (refused,) = await wire.call(event, *arguments)
        assert refused["error"]["className"] == "bad-request"
        assert "online" in await wire.ask("presence:get", {})


async def test_an_opened_connection_hears_what_was_said_by_rest(crowd: Crowd, talk: str) -> None:
    message = await crowd.school.say("ada", talk, "by REST")
    await until(lambda: any("by REST" in packet for packet in crowd.wires["ben"].packets))
    assert await crowd.wires["ben"].event("messages created") == [message]
