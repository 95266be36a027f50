"""Bad input is a Feathers error that names the field; nothing is stored and the socket stays alive."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

import pytest

from stonechat.core.context import Params
from stonechat.core.encoding import decode, encode
from tests.support.people import newcomer, write
from tests.support.school import PATHS, Answer, Json, Person, School, Socket

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
    ("messages", {"conversationId": "{talk}", "content": "Hi", "lamport": -1}, "lamport"),
    ("messages", {"conversationId": "{talk}", "content": "Hi", "lamport": 1.5}, "lamport"),
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
    ("encryption-keys", {}, "conversationId"),
    ("encryption-keys", {"conversationId": "no id"}, "conversationId"),
    ("encryption-keys", {"conversationId": {"$ne": None}}, "conversationId"),
    ("encryption-keys", {"conversationId": "{talk}", "wrapped": "AAAA"}, "wrapped"),
    ("encryption-keys", {"conversationId": "{talk}", "version": 9}, "version"),
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


WITH_ITS_OWN: Final[dict[str, Data]] = {
    "attachments": {"conversationId": "{talk}"},
    "message-edits": {"messageId": "{message}"},
    "oversight": {"conversationId": "{talk}", "reason": "A report by a parent"},
    "search": {"q": "hello"},
}
"""What a find cannot be without."""

FOR_ADMINS: Final = ("audit-log", "deliveries", "erasures", "legal-holds", "oversight")
FOR_ALL: Final = (
    *(*PATHS, "analytics", "attachments", "encryption-keys", "feed", "inbox", "message-edits", "search"),
    *("community/analytics", "community/groups", "community/messages"),
)
NO_COUNTS: Final = (
    -1,
    -0.5,
    "-1",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "1e400",
    "many",
    1e300,
    {"$gt": 1},
    [1],
)
LATEST: Final = "9999-12-31T23:59:59-14:00"
EARLIEST: Final = "0001-01-01T00:00:00+14:00"
"""Times that there are in their own zone, and not in UTC."""


@pytest.fixture(scope="module")
async def message(ada: Person, talk: str) -> str:
    return str((await write(ada, talk))["_id"])


@pytest.fixture(scope="module")
async def callers(school: School, ada: Person, socket: Socket) -> Any:
    """For whom a find is, by whether it is for admins: the person and an open socket."""
    admin = await newcomer(school, "admin")
    async with admin.socket() as other:
        yield {False: (ada, socket), True: (admin, other)}


async def both_ways(callers: Any, path: str, query: Data, talk: str, message: str) -> list[Answer]:
    person, socket = callers[path in FOR_ADMINS]
    own = {key: value.format(talk=talk, message=message) for key, value in WITH_ITS_OWN.get(path, {}).items()}
    query = {**own, **query}
    return [await person.rest("find", path, query=query), await socket.call("find", path, query=query)]


def test_every_find_is_tried_here(school: School) -> None:
    found = {path for path, service in school.app.services.items() if "find" in service.methods}
    assert found == {*FOR_ALL, *FOR_ADMINS, "sync"}


@pytest.mark.parametrize("path", [*FOR_ALL, *FOR_ADMINS])
async def test_what_is_no_count_of_records_is_refused(
    callers: Any, talk: str, message: str, path: str
) -> None:
    for name in ("$limit", "$skip"):
        for value in NO_COUNTS:
            for answer in await both_ways(callers, path, {name: value}, talk, message):
                assert answer.code == 400, (name, value, answer)
    # A part of a record is none, as with Feathers' adapters.
    for answer in await both_ways(callers, path, {"$limit": 1.5}, talk, message):
        assert answer.code == 200, answer
        assert (answer.body["limit"], len(answer.body["data"]) <= 1) == (1, True)


@pytest.mark.parametrize("path", [*FOR_ALL, *FOR_ADMINS])
@pytest.mark.parametrize(
    "query", [{"$or": []}, {"$and": []}, {"$or": [1]}, {"$and": {"$gt": 1}}, {"$or": "x"}]
)
async def test_alternatives_that_are_none_are_refused(
    callers: Any, talk: str, message: str, path: str, query: Data
) -> None:
    person, socket = callers[path in FOR_ADMINS]
    own = {key: value.format(talk=talk, message=message) for key, value in WITH_ITS_OWN.get(path, {}).items()}
    answer = await socket.call("find", path, query={**own, **query})
    assert answer.code == 400, answer
    assert (await person.rest("find", "schools")).code == 200


@pytest.mark.parametrize("moment", [EARLIEST, LATEST])
async def test_a_time_beyond_the_calendar_is_refused(
    school: School, callers: Any, talk: str, message: str, moment: str
) -> None:
    asked = [(path, "createdAt") for path in ("messages", "users", "reactions", "deliveries", "blocks")]
    asked += [(path, "createdAt") for path in ("reports", "warnings", "exports", "erasures", "legal-holds")]
    for path, field in [
        *asked,
        ("members", "joinedAt"),
        ("audit-log", "at"),
        ("search", "before"),
        ("search", "after"),
    ]:
        values: tuple[Json, ...] = (
            (moment,) if path == "search" else (moment, {"$gt": moment}, {"$in": [moment]})
        )
        for value in values:
            query = {field: value, **({"conversationId": talk} if path == "messages" else {})}
            for answer in await both_ways(callers, path, query, talk, message):
                assert_names(answer, field)
                assert "is beyond the calendar" in answer.body["errors"][field]
    ada, socket = callers[False]
    place = (await ada.rest("find", "members", query={"conversationId": talk, "userId": ada.id})).body[
        "data"
    ][0]
    scheduled = {"conversationId": talk, "content": "Later", "sendAt": moment}
    for answer, field in (
        (await ada.rest("patch", "members", id=place["_id"], data={"mutedUntil": moment}), "mutedUntil"),
        (await ada.rest("create", "scheduled-messages", data=scheduled), "sendAt"),
        (await ada.rest("create", "sync", data={"at": moment}), "at"),
        (await ada.rest("find", "sync", query={"at": moment}), "at"),
        (await socket.call("create", "sync", data={"at": moment}), "at"),
        (
            await callers[True][0].rest("patch", "users", id=ada.id, data={"suspendedUntil": moment}),
            "suspendedUntil",
        ),
    ):
        assert_names(answer, field)
        assert answer.body["errors"][field] == "is beyond the calendar"


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59Z"]
)
async def test_the_ends_of_the_calendar_are_times(callers: Any, talk: str, message: str, moment: str) -> None:
    ada, socket = callers[False]
    held = {"conversations": {talk: {"seq": 1, "revision": 1}}, "at": moment}
    assert (await ada.rest("create", "sync", data=held)).code == 201
    assert (await socket.call("create", "sync", data=held)).code == 200
    for path, query in (
        ("messages", {"conversationId": talk, "createdAt": {"$gt": moment}}),
        ("search", {"before": moment}),
        ("search", {"after": moment}),
        ("search", {"q": f"hello after:{moment[:10]} before:{moment}"}),
    ):
        for answer in await both_ways(callers, path, query, talk, message):
            assert answer.code in {200, 400}, answer


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("messages", {"$sort": {"deletedAt": 1}}, "$sort"),
        ("messages", {"$sort": {"mentions": 1}}, "$sort"),
        ("messages", {"$sort": {"seq": 1, "conversationId": 1}}, "$sort"),
        ("messages", {"$sort": {"conversationId": 1, "seq": -1}}, "$sort"),
        ("messages", {"$sort": {"_id": 1}}, "$sort"),
        ("messages", {"type": "image"}, "type"),
        ("messages", {"replyTo": "{message}"}, "replyTo"),
        ("messages", {"editedAt": {"$ne": None}}, "editedAt"),
        ("messages", {"deletedAt": {"$gt": "2020-01-01"}}, "deletedAt"),
        ("messages", {"createdAt": {"$gt": "2020-01-01"}}, "createdAt"),
        ("messages", {"pinned": True}, "pinned"),
        ("messages", {"pinnedAt": {"$ne": None}}, "pinnedAt"),
        ("messages", {"$or": [{"type": "image"}]}, "type"),
        ("messages", {"conversationId": {"$ne": "{talk}"}, "type": "image"}, "type"),
        ("messages", {"$skip": 10_001}, "$skip"),
        ("reactions", {"$sort": {"userId": 1}}, "$sort"),
        ("reactions", {"$skip": 10_001}, "$skip"),
        ("reports", {"$sort": {"reason": 1}}, "$sort"),
        ("audit-log", {"$sort": {"action": 1}}, "$sort"),
        ("audit-log", {"$skip": 10_001}, "$skip"),
        ("deliveries", {"$sort": {"state": 1}}, "$sort"),
        ("deliveries", {"$sort": {"revision": 1}}, "$sort"),
        ("deliveries", {"conversationId": {"$ne": "{talk}"}, "$sort": {"revision": 1}}, "$sort"),
        ("oversight", {"$sort": {"seq": 1}, "$skip": 10_001}, "$skip"),
    ],
)
async def test_what_no_index_answers_is_refused(
    callers: Any, talk: str, message: str, path: str, query: Data, field: str
) -> None:
    asked = decode(encode(query).replace(b"{talk}", talk.encode()).replace(b"{message}", message.encode()))
    for answer in await both_ways(callers, path, asked, talk, message):
        assert_names(answer, field)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("deliveries", {"conversationId": "{talk}", "$sort": {"revision": -1}}),
        ("messages", {"$sort": {"seq": -1}}),
        ("messages", {"$sort": {"createdAt": -1}}),
        ("messages", {"$sort": {"conversationId": -1, "seq": -1}}),
        ("messages", {"conversationId": "{talk}", "type": "text", "$skip": 10_000}),
        ("messages", {"senderId": "{sender}", "createdAt": {"$gt": "2020-01-01"}}),
        ("messages", {"threadId": "{message}", "deletedAt": "2020-01-01T00:00:00Z"}),
        ("messages", {"_id": "{message}", "editedAt": "2020-01-01T00:00:00Z", "$sort": {"_id": 1}}),
    ],
)
async def test_what_an_index_answers_is_found(
    callers: Any, ada: Person, talk: str, message: str, path: str, query: Data
) -> None:
    said = encode(query).replace(b"{talk}", talk.encode()).replace(b"{message}", message.encode())
    for answer in await both_ways(
        callers, path, decode(said.replace(b"{sender}", ada.id.encode())), talk, message
    ):
        assert answer.code == 200, answer
