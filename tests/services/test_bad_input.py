"""Bad input is a Feathers error that names the field; nothing is stored and the socket stays alive."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from stonechat.core.context import Params
from tests.support.school import Answer, Person, School, Socket

Data = dict[str, Any]

BAD_DATA: tuple[tuple[str, Data, str], ...] = (
    ("messages", {"conversationId": "{talk}", "content": 5}, "content"),
    ("messages", {"conversationId": "{talk}", "content": {"$set": {"seq": 9}}}, "content"),
    ("messages", {"conversationId": "{talk}", "content": ""}, "content"),
    ("messages", {"conversationId": "{talk}", "content": "   "}, "content"),
    ("messages", {"conversationId": "{talk}", "content": "x" * 4001}, "content"),
    ("messages", {"conversationId": "{talk}"}, "content"),
    ("messages", {"conversationId": {"$ne": None}, "content": "Hi"}, "conversationId"),
    ("messages", {"conversationId": "no id", "content": "Hi"}, "conversationId"),
    ("messages", {"conversationId": "{talk}", "content": "Hi", "seq": 1}, "seq"),
    ("messages", {"conversationId": "{talk}", "content": "Hi", "lamport": 900}, "lamport"),
    ("messages", {"conversationId": "{talk}", "content": "Hi", "senderId": "{talk}"}, "senderId"),
    ("messages", {"conversationId": "{talk}", "content": "Hi", "$set": {"seq": 9}}, "$set"),
    ("messages", {"conversationId": "{talk}", "content": "Hi", "type": "system"}, "type"),
    (
        "messages",
        {"conversationId": "{talk}", "content": "Hi", "idempotencyKey": "k" * 129},
        "idempotencyKey",
    ),
    ("messages", {"conversationId": "{talk}", "content": "Hi", "mentions": "all"}, "mentions"),
    (
        "messages",
        {"conversationId": "{talk}", "content": "Hi", "attachments": [{"name": "a", "url": "javascript:1"}]},
        "attachments.0.url",
    ),
    ("conversations", {"kind": "secret", "name": "A"}, "kind"),
    ("conversations", {"kind": "group"}, "name"),
    ("conversations", {"kind": "direct"}, "memberIds"),
    ("conversations", {"kind": "group", "name": "A", "memberIds": [{"$gt": ""}]}, "memberIds.0"),
    ("conversations", {"kind": "group", "name": "A", "directKey": "a:b"}, "directKey"),
    ("members", {"conversationId": "{talk}", "userId": 7}, "userId"),
    ("members", {"conversationId": "{talk}", "userId": "{talk}", "readSeq": 1}, "readSeq"),
)
BAD_QUERIES: tuple[tuple[Data, str], ...] = (
    ({"password": "x"}, "password"),
    ({"email": {"$regex": ".*"}}, "$regex"),
    ({"$where": "1"}, "$where"),
    ({"name": {"$ne": {"$gt": ""}}}, "name"),
    ({"role": "headmaster"}, "role"),
    ({"$or": [{"password": "x"}]}, "password"),
    ({"$sort": {"password": 1}}, "$sort"),
    ({"$select": ["password"]}, "$select"),
    ({"_id": "no id"}, "_id"),
)


@pytest.fixture(scope="module")
async def ada(school: School) -> Person:
    return await school.person("ada")


@pytest.fixture(scope="module")
async def talk(school: School) -> str:
    return await school.conversation("ada", "ben")


async def count(school: School, path: str) -> int:
    page = await school.app.service(path).find(Params(query={"$limit": 0}))
    return int(page["total"])


def filled(data: Data, talk: str) -> Data:
    return {key: talk if value == "{talk}" else value for key, value in data.items()}


def assert_names(answer: Answer, field: str) -> None:
    assert answer.code == 400, answer
    assert answer.body["name"] == "BadRequest"
    assert field in {*answer.body.get("errors", {}), answer.body["message"].split()[-1]}, answer


@pytest.mark.parametrize(("path", "data", "field"), BAD_DATA)
async def test_bad_data_is_refused_over_rest(
    school: School, ada: Person, talk: str, path: str, data: Data, field: str
) -> None:
    before = await count(school, path)
    assert_names(await ada.rest("create", path, data=filled(data, talk)), field)
    assert await count(school, path) == before


@pytest.fixture(scope="module")
async def socket(ada: Person) -> Any:
    async with ada.socket() as socket:
        yield socket


@pytest.mark.parametrize(("path", "data", "field"), BAD_DATA)
async def test_bad_data_is_refused_over_a_socket_which_lives_on(
    school: School, socket: Socket, talk: str, path: str, data: Data, field: str
) -> None:
    before = await count(school, path)
    assert_names(await socket.call("create", path, data=filled(data, talk)), field)
    assert await count(school, path) == before
    assert (await socket.call("find", "users")).code == 200


@pytest.mark.parametrize(("query", "name"), BAD_QUERIES)
async def test_a_bad_query_is_refused(ada: Person, socket: Socket, query: Data, name: str) -> None:
    assert_names(await ada.rest("find", "users", query=query), name)
    assert_names(await socket.call("find", "users", query=query), name)


@pytest.mark.parametrize(
    "body", [b"{", b"nonsense", b'{"content": "\xff"}', b'{"a": 1e400000}x', b"[" * 2000]
)
async def test_malformed_json_is_refused(school: School, ada: Person, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {ada.token}", "Content-Type": "application/json"}
    async with school.http.post(f"{school.url}/messages", data=body, headers=headers) as response:
        answer = await response.json()
        assert response.status == 400
        assert answer["name"] == "BadRequest"
        assert "JSON" in answer["message"]


@pytest.mark.parametrize("body", [b'"text"', b"5", b"null", b"[1, 2]", b"[[]]"])
async def test_data_that_is_no_object_is_refused(school: School, ada: Person, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {ada.token}", "Content-Type": "application/json"}
    async with school.http.post(f"{school.url}/messages", data=body, headers=headers) as response:
        assert response.status in {400, 405}


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_of_10_mb_is_refused(school: School, ada: Person, *, chunked: bool) -> None:
    async def pieces() -> Any:
        for _ in range(160):
            yield b"x" * 65_536

    headers = {"Authorization": f"Bearer {ada.token}", "Content-Type": "application/json"}
    body = pieces() if chunked else BytesIO(b"x" * 10_485_760)
    async with school.http.post(f"{school.url}/messages", data=body, headers=headers) as response:
        answer = await response.json()
        assert response.status == 413
        assert answer["data"] == {"limit": 1_048_576}


@pytest.mark.parametrize(
    "login",
    [
        {"email": {"$ne": None}, "password": "stonechat-demo"},
        {"email": "ada@demo.school", "password": {"$ne": None}},
        {"email": ["ada@demo.school"], "password": "stonechat-demo"},
        {"email": "ada@demo.school"},
        {"email": "ada@demo.school", "password": "stonechat-demo", "school": {"$ne": None}},
        {"email": "ada@demo.school", "password": "stonechat-demo", "school": "other-school"},
        {"email": "nobody@demo.school", "password": "stonechat-demo"},
        {},
    ],
)
async def test_no_login_by_operators_or_halves(school: School, login: Data) -> None:
    answer = await school.nobody.rest("create", "authentication", data={"strategy": "local", **login})
    assert answer.code == 401
    assert answer.body["message"] == "Invalid login"


@pytest.mark.parametrize(
    ("event", "data", "field"),
    [
        ("message:send", {"content": "Hi"}, "conversationId"),
        ("message:send", {"conversationId": "{talk}", "content": "Hi", "role": "admin"}, "role"),
        ("message:read", {"conversationId": "{talk}"}, "seq"),
        ("message:read", {"conversationId": "{talk}", "seq": "many"}, "seq"),
        ("message:read", {"conversationId": "{talk}", "seq": -1}, "seq"),
        ("message:read", {"conversationId": "{talk}", "seq": 1.5}, "seq"),
        ("message:delivered", {"conversationId": "{talk}", "seq": 10_000}, "seq"),
        ("message:delivered", {"conversationId": {"$ne": 1}, "seq": 1}, "conversationId"),
        ("message:delivered", {"conversationId": "{talk}", "seq": 1, "userId": "x"}, "userId"),
        ("typing:start", {}, "conversationId"),
        ("typing:start", {"conversationId": ["{talk}"]}, "conversationId"),
        ("typing:stop", {"conversationId": "no id"}, "conversationId"),
        ("presence:get", {"userIds": "all"}, "userIds"),
        ("presence:get", {"userIds": [{"$ne": 1}]}, "userIds"),
    ],
)
async def test_an_event_with_a_wrong_payload_is_refused_and_the_socket_lives_on(
    socket: Socket, talk: str, event: str, data: Data, field: str
) -> None:
    answer = await socket.say(event, filled(data, talk))
    assert answer["error"]["code"] == 400, answer
    assert field in answer["error"]["errors"]
    assert "online" in await socket.say("presence:get", {})


@pytest.mark.parametrize("arguments", [(), ("text",), (None,), ({}, {}), ([],)])
async def test_an_event_with_wrong_arguments_is_refused_and_the_socket_lives_on(
    socket: Socket, arguments: tuple[Any, ...]
) -> None:
    answer = await socket.client.call("message:send", arguments or None, timeout=5)
    assert answer["error"]["name"] == "BadRequest"
    assert "online" in await socket.say("presence:get", {})
