"""Every method of every service refuses whom it must, over REST and over sockets.

The table below says for each method what is called; the test is generated from the services that
the application has, so that a service or method without a row fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

import pytest
from bson import ObjectId

from stonechat.app import create_app
from stonechat.core.context import Params
from stonechat.core.shapes import is_list, is_mapping
from stonechat.models.record import now
from stonechat.services.analytics.job import count_school
from tests.support.files import uploaded
from tests.support.people import newcomer, write
from tests.support.pushing import offered, phone_of
from tests.support.school import Answer, Person, School, test_settings
from tests.support.teams import alert, channel_of, let_in, new_team

Transport = Literal["rest", "socketio"]
TRANSPORTS: tuple[Transport, ...] = ("rest", "socketio")
HIDDEN = frozenset({403, 404})
"""Forbidden, or said not to exist."""
INVALID_OR_HIDDEN = HIDDEN | {400}
"""Or: what the data names does not exist in one's own school."""


@dataclass(frozen=True)
class Call:
    """A call that somebody of Demo High may make; texts in braces are ids of the fixture's records.

    ``wrong_role``: who of the school lacks the role (None: every role may). ``outsider``: who is of
    the school and not a member (None: it is not about members).
    """

    id: str | None = None
    data: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    wrong_role: str | None = None
    outsider: str | None = None

    @property
    def names_records(self) -> bool:
        """Whether it is about records that exist, which another school must not reach."""
        return "{" in f"{self.id}{list(self.query.values())}{list((self.data or {}).values())}"


MEMBERS_TALK = {"conversationId": "{talk}"}
TOMORROW = (now() + timedelta(days=1)).isoformat()

TABLE: Mapping[tuple[str, str], Call] = {
    ("schools", "find"): Call(query={"_id": "{school}"}),
    ("schools", "get"): Call(id="{school}"),
    ("schools", "patch"): Call(id="{school}", data={"name": "Demo High"}, wrong_role="rivera"),
    ("users", "find"): Call(query={"_id": "{ada}"}),
    ("users", "get"): Call(id="{ada}"),
    ("users", "create"): Call(
        data={"email": "new@demo.school", "name": "New", "role": "student", "password": "long-enough"},
        wrong_role="rivera",
    ),
    ("users", "patch"): Call(id="{ada}", data={"name": "Ada"}, wrong_role="rivera"),
    ("users", "remove"): Call(id="{ada}", wrong_role="rivera"),
    ("classes", "find"): Call(query={"_id": "{maths}"}),
    ("classes", "get"): Call(id="{maths}"),
    ("classes", "create"): Call(data={"name": "Latin"}, wrong_role="rivera"),
    ("classes", "patch"): Call(id="{maths}", data={"name": "Maths"}, wrong_role="rivera"),
    ("classes", "remove"): Call(id="{maths}", wrong_role="rivera"),
    ("class-teachers", "find"): Call(query={"_id": "{teaching}"}),
    ("class-teachers", "get"): Call(id="{teaching}"),
    ("class-teachers", "create"): Call(
        data={"classId": "{maths}", "userId": "{okafor}"}, wrong_role="rivera"
    ),
    ("class-teachers", "remove"): Call(id="{teaching}", wrong_role="rivera"),
    ("class-enrollments", "find"): Call(query={"_id": "{enrollment}"}, outsider="cleo"),
    ("class-enrollments", "get"): Call(id="{enrollment}", outsider="cleo"),
    ("class-enrollments", "create"): Call(
        data={"classId": "{maths}", "userId": "{cleo}"}, wrong_role="rivera"
    ),
    ("class-enrollments", "remove"): Call(id="{enrollment}", wrong_role="rivera"),
    ("teams", "find"): Call(query={"_id": "{team}"}, outsider="cleo"),
    ("teams", "get"): Call(id="{team}", outsider="cleo"),
    ("teams", "create"): Call(data={"name": "Rowers"}, wrong_role="cleo"),
    ("teams", "patch"): Call(id="{team}", data={"name": "Rowers"}, wrong_role="ben", outsider="cleo"),
    ("teams", "remove"): Call(id="{team}", wrong_role="ben", outsider="cleo"),
    ("teams", "audit"): Call(data={"teamId": "{team}"}, wrong_role="ben", outsider="cleo"),
    ("team-members", "find"): Call(query={"_id": "{leading}"}, outsider="cleo"),
    ("team-members", "get"): Call(id="{leading}", outsider="cleo"),
    ("team-members", "create"): Call(
        data={"teamId": "{team}", "userId": "{finn}", "role": "player"}, wrong_role="ben", outsider="cleo"
    ),
    ("team-members", "patch"): Call(
        id="{leading}", data={"role": "player"}, wrong_role="ben", outsider="cleo"
    ),
    ("team-members", "remove"): Call(id="{leading}", wrong_role="ben", outsider="cleo"),
    ("alerts", "find"): Call(query={"_id": "{alert}"}, outsider="cleo"),
    ("alerts", "get"): Call(id="{alert}", outsider="cleo"),
    ("alerts", "create"): Call(
        data={"conversationId": "{channel}", "content": "Come in", "reason": "Lightning"},
        wrong_role="ben",
        outsider="cleo",
    ),
    ("feed", "find"): Call(),
    ("conversations", "find"): Call(query={"_id": "{talk}"}, outsider="cleo"),
    ("conversations", "get"): Call(id="{talk}", outsider="cleo"),
    ("conversations", "create"): Call(
        data={"kind": "announcement", "name": "News", "memberIds": ["{ada}"]}, wrong_role="cleo"
    ),
    ("conversations", "patch"): Call(id="{talk}", data={"name": "Talk"}, outsider="cleo"),
    ("members", "find"): Call(query=MEMBERS_TALK, outsider="cleo"),
    ("members", "get"): Call(id="{place}", outsider="cleo"),
    ("members", "create"): Call(data={**MEMBERS_TALK, "userId": "{finn}"}, outsider="cleo"),
    ("members", "patch"): Call(id="{place}", data={"role": "moderator"}, outsider="cleo"),
    ("members", "remove"): Call(id="{place}", outsider="cleo"),
    ("members", "acknowledge"): Call(data={**MEMBERS_TALK, "readSeq": 1}, outsider="cleo"),
    ("members", "writable"): Call(data=MEMBERS_TALK, outsider="cleo"),
    ("messages", "find"): Call(query=MEMBERS_TALK, outsider="cleo"),
    ("messages", "get"): Call(id="{message}", outsider="cleo"),
    ("messages", "create"): Call(data={**MEMBERS_TALK, "content": "Hello"}, outsider="cleo"),
    ("messages", "patch"): Call(id="{message}", data={"content": "Changed"}, outsider="cleo"),
    ("reports", "find"): Call(query={"_id": "{report}"}, outsider="cleo"),
    ("reports", "get"): Call(id="{report}", outsider="cleo"),
    ("reports", "create"): Call(data={"messageId": "{message}", "reason": "spam"}, outsider="cleo"),
    ("reports", "patch"): Call(id="{report}", data={"resolution": "dismissed"}, wrong_role="ben"),
    ("warnings", "find"): Call(query={"_id": "{warning}"}, outsider="cleo"),
    ("warnings", "get"): Call(id="{warning}", outsider="cleo"),
    ("warnings", "create"): Call(data={"userId": "{ada}", "text": "Be kind."}, wrong_role="rivera"),
    ("warnings", "patch"): Call(id="{warning}", data={"acknowledged": True}, wrong_role="admin"),
    ("blocks", "find"): Call(query={"_id": "{block}"}, outsider="cleo"),
    ("blocks", "get"): Call(id="{block}", outsider="cleo"),
    ("blocks", "create"): Call(data={"blockedId": "{ben}"}),
    ("blocks", "remove"): Call(id="{block}", outsider="cleo"),
    ("attachments", "find"): Call(query=MEMBERS_TALK, outsider="cleo"),
    ("attachments", "get"): Call(id="{attachment}", outsider="cleo"),
    ("attachments", "create"): Call(
        data={**MEMBERS_TALK, "name": "a.txt", "mediaType": "text/plain", "size": 9}, outsider="cleo"
    ),
    ("attachments", "complete"): Call(data={"attachmentId": "{attachment}"}, outsider="cleo"),
    ("attachments", "remove"): Call(id="{attachment}", outsider="cleo"),
    ("messages", "remove"): Call(id="{message}", outsider="cleo"),
    ("search", "find"): Call(query={"q": "between", "in": "{talk}"}, outsider="cleo"),
    ("messages", "restore"): Call(data={"messageId": "{message}"}, wrong_role="rivera"),
    ("messages", "seen"): Call(data={"messageId": "{message}"}, outsider="cleo"),
    ("message-edits", "find"): Call(query={"messageId": "{message}"}),
    ("encryption-keys", "find"): Call(query=MEMBERS_TALK, outsider="cleo"),
    ("encryption-keys", "get"): Call(id="{key}", outsider="cleo"),
    ("encryption-keys", "create"): Call(data=MEMBERS_TALK, outsider="cleo"),
    ("encryption-keys", "rotate"): Call(data=MEMBERS_TALK, outsider="cleo"),
    ("reactions", "find"): Call(query={"messageId": "{message}"}, outsider="cleo"),
    ("reactions", "get"): Call(id="{reaction}", outsider="cleo"),
    ("reactions", "create"): Call(data={"messageId": "{message}", "emoji": "🎉"}, outsider="cleo"),
    ("reactions", "remove"): Call(id="{reaction}", outsider="cleo"),
    ("inbox", "find"): Call(),
    ("inbox", "totals"): Call(data={}),
    ("sync", "find"): Call(query={"at": "2026-01-01T00:00:00Z"}),
    ("sync", "create"): Call(data={"at": "2026-01-01T00:00:00Z"}),
    ("deliveries", "find"): Call(query=MEMBERS_TALK, wrong_role="rivera"),
    ("deliveries", "get"): Call(id="{delivery}", wrong_role="rivera"),
    ("deliveries", "retry"): Call(data={"deliveryId": "{delivery}"}, wrong_role="rivera"),
    ("audit-log", "find"): Call(query={"_id": "{entry}"}, wrong_role="rivera"),
    ("audit-log", "get"): Call(id="{entry}", wrong_role="rivera"),
    ("oversight", "find"): Call(
        query={**MEMBERS_TALK, "reason": "A report by a parent"}, wrong_role="rivera"
    ),
    ("scheduled-messages", "find"): Call(query={"_id": "{scheduled}"}, outsider="cleo"),
    ("scheduled-messages", "get"): Call(id="{scheduled}", outsider="cleo"),
    ("scheduled-messages", "create"): Call(
        data={**MEMBERS_TALK, "content": "Later", "sendAt": TOMORROW}, outsider="cleo"
    ),
    ("scheduled-messages", "patch"): Call(id="{scheduled}", data={"content": "Changed"}, outsider="cleo"),
    ("scheduled-messages", "remove"): Call(id="{scheduled}", outsider="cleo"),
    ("notification-preferences", "get"): Call(id="{ada}", outsider="cleo"),
    ("notification-preferences", "patch"): Call(id="{ada}", data={"sound": False}, outsider="cleo"),
    ("devices", "find"): Call(query={"_id": "{device}"}, outsider="cleo"),
    ("devices", "get"): Call(id="{device}", outsider="cleo"),
    ("devices", "create"): Call(data={"provider": "expo", "token": "ExponentPushToken[another]"}),
    ("devices", "remove"): Call(id="{device}", outsider="cleo"),
    ("devices", "offer"): Call(data={}),
    ("legal-holds", "find"): Call(query={"_id": "{hold}"}, wrong_role="rivera"),
    ("legal-holds", "get"): Call(id="{hold}", wrong_role="rivera"),
    ("legal-holds", "create"): Call(data={"userId": "{ada}", "reason": "A lawsuit"}, wrong_role="rivera"),
    ("legal-holds", "remove"): Call(id="{hold}", wrong_role="rivera"),
    ("exports", "find"): Call(query={"_id": "{export}"}, outsider="cleo"),
    ("exports", "get"): Call(id="{export}", outsider="cleo"),
    ("exports", "create"): Call(data={"userId": "{ada}"}, wrong_role="rivera"),
    ("exports", "remove"): Call(id="{export}", outsider="cleo"),
    ("exports", "link"): Call(data={"exportId": "{export}"}, outsider="cleo"),
    ("analytics", "find"): Call(query=MEMBERS_TALK, outsider="cleo"),
    ("analytics", "get"): Call(id="{numbers}", outsider="cleo"),
    ("community/groups", "find"): Call(query={"_id": "{talk}"}, outsider="cleo"),
    ("community/groups", "get"): Call(id="{talk}", outsider="cleo"),
    ("community/groups", "create"): Call(data={"name": "A talk", "members": ["{ben}"]}),
    ("community/groups", "patch"): Call(id="{talk}", data={"name": "Talk"}, outsider="cleo"),
    ("community/messages", "find"): Call(query={"groupId": "{talk}"}, outsider="cleo"),
    ("community/messages", "get"): Call(id="{message}", outsider="cleo"),
    ("community/messages", "create"): Call(data={"groupId": "{talk}", "content": "Hello"}, outsider="cleo"),
    ("community/messages", "patch"): Call(id="{message}", data={"content": "Changed"}, outsider="cleo"),
    ("community/messages", "remove"): Call(id="{message}", outsider="cleo"),
    ("community/analytics", "find"): Call(query={"group_id": "{talk}"}, outsider="cleo"),
    ("community/analytics", "get"): Call(id="{talk}", outsider="cleo"),
    ("chat_media/:groupId/:messageId", "get"): Call(id="a.png"),
    ("erasures", "find"): Call(query={"_id": "{erasure}"}, wrong_role="rivera"),
    ("erasures", "get"): Call(id="{erasure}", wrong_role="rivera"),
    ("erasures", "create"): Call(data={"userId": "{ada}"}, wrong_role="rivera"),
}
PUBLIC = frozenset({("authentication", "create"), ("passwords", "create"), ("passwords", "reset")})
NEEDS_LOGIN = frozenset({("authentication", "remove"), ("passwords", "change")})

Records = Mapping[str, str]


def application_methods() -> set[tuple[str, str]]:
    app = create_app(test_settings("mongodb://127.0.0.1:1", "never-opened"))
    return {(path, method) for path, service in app.services.items() for method in service.methods}


@pytest.fixture(scope="module")
async def records(school: School) -> Records:
    """Ids of Demo High's people and of what the calls are about."""
    people = {name: (await school.person(name)).id for name in ("ada", "ben", "cleo", "finn", "okafor")}
    talk = await school.conversation("ada", "ben")
    message = await school.say("ada", talk, "Between us")
    ada = await school.person("ada")
    later = {"conversationId": talk, "content": "Later", "sendAt": TOMORROW}
    scheduled = (await ada.rest("create", "scheduled-messages", data=later)).body
    with offered(school):
        await phone_of(ada)
    device = await school.one("devices", userId=ObjectId(ada.id))
    maths = await school.one("classes", name="Maths")
    place = await school.one("members", conversationId=talk, userId=people["ben"])
    enrollment = await school.one("class-enrollments", classId=maths["_id"], userId=people["ada"])
    teaching = await school.one("class-teachers", classId=maths["_id"])
    ada = await school.person("ada")
    data = {"messageId": message["_id"], "emoji": "👍"}
    reaction = (await ada.rest("create", "reactions", data=data)).body
    attachment = await uploaded(ada, talk, b"Between us", "a.txt", "text/plain")
    await write(ada, talk, attachments=[{"attachmentId": attachment["_id"]}])
    key = (await ada.rest("create", "encryption-keys", data={"conversationId": talk})).body
    delivery = await school.one("deliveries", conversationId=talk, revision=message["revision"])
    admin = await school.person("admin")
    assert (
        await admin.rest("patch", "schools", id=admin.user["schoolId"], data={"timezone": "UTC"})
    ).code == 200
    log = await admin.rest("find", "audit-log", query={"$limit": 1})
    await count_school(await school.one("schools", slug="demo-high"))
    numbers = await school.one("analytics", conversationId=talk)
    found = {
        "entry": log.body["data"][0]["_id"],
        "reaction": reaction["_id"],
        "attachment": attachment["_id"],
        "key": key["_id"],
        "delivery": delivery["_id"],
        **await _moderated(school, message),
        **await _of_rights(school),
        **await _of_a_team(school),
        "school": maths["schoolId"],
        "maths": maths["_id"],
        "talk": talk,
        "message": message["_id"],
        "numbers": numbers["_id"],
        "scheduled": scheduled["_id"],
        "device": device["_id"],
        "place": place["_id"],
        "enrollment": enrollment["_id"],
        "teaching": teaching["_id"],
    }
    return people | {name: str(value) for name, value in found.items()}


async def _of_rights(school: School) -> dict[str, Any]:
    """A legal hold, an export and an erasure."""
    admin = await school.person("admin")
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("hold", "legal-holds", {"userId": (await newcomer(school)).id, "reason": "A lawsuit"}),
        ("export", "exports", {}),
        ("erasure", "erasures", {"userId": (await newcomer(school)).id}),
    )
    made: dict[str, Any] = {}
    for name, path, data in calls:
        answer = await admin.rest("create", path, data=data)
        assert answer.code == 201, answer
        made[name] = answer.body["_id"]
    return made


async def _of_a_team(school: School) -> dict[str, Any]:
    """A team that rivera leads and ben plays in, and an alert."""
    rivera = await school.person("rivera")
    team = await new_team(rivera)
    await let_in(rivera, team, await school.person("ben"), "player")
    leading = await school.one("team-members", teamId=ObjectId(team), userId=ObjectId(rivera.id))
    channel = await channel_of(rivera, team)
    sent = await alert(rivera, conversationId=channel)
    return {"team": team, "leading": leading["_id"], "channel": channel, "alert": sent["_id"]}


async def _moderated(school: School, message: Any) -> dict[str, Any]:
    """A report, a warning and a block."""
    ben, admin = await school.person("ben"), await school.person("admin")
    one, other = await newcomer(school), await newcomer(school)
    calls: tuple[tuple[Person, str, dict[str, Any]], ...] = (
        (ben, "reports", {"messageId": message["_id"], "reason": "spam"}),
        (admin, "warnings", {"userId": one.id, "text": "Be kind."}),
        (one, "blocks", {"blockedId": other.id}),
    )
    made: dict[str, Any] = {}
    for person, path, data in calls:
        answer = await person.rest("create", path, data=data)
        assert answer.code == 201, answer
        made[path.removesuffix("s")] = answer.body["_id"]
    return made


@pytest.fixture(scope="module")
async def other_admin(school: School) -> Person:
    dan = await school.person("dan")
    data = {"email": "head@other.school", "name": "Head", "role": "admin", "password": "long-enough"}
    await school.app.service("users").create(data, Params(tenant=dan.user["schoolId"]))
    return await school.log_in("head@other.school", "long-enough")


async def make(
    person: Person, transport: Transport, path: str, method: str, call: Call, records: Records
) -> Answer:
    """Make the call, with ids in place of the names in braces."""
    identifier = None if call.id is None else call.id.format_map(records)
    data, query = _filled(call.data, records), _filled(call.query, records)
    if transport == "rest":
        return await person.rest(method, path, id=identifier, data=data, query=query)
    async with person.socket() as socket:
        return await socket.call(method, path, id=identifier, data=data, query=query)


def _filled(value: Any, records: Records) -> Any:
    if isinstance(value, str):
        return value.format_map(records)
    if is_mapping(value):
        return {key: _filled(part, records) for key, part in value.items()}
    if is_list(value):
        return [_filled(part, records) for part in value]
    return value


def test_every_method_of_every_service_has_a_row() -> None:
    assert application_methods() == TABLE.keys() | PUBLIC | NEEDS_LOGIN


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("path", "method"), sorted(TABLE))
async def test_nobody_calls_without_logging_in(
    school: School, records: Records, path: str, method: str, transport: Transport
) -> None:
    answer = await make(school.nobody, transport, path, method, TABLE[path, method], records)
    assert answer.code == 401
    assert answer.body["name"] == "NotAuthenticated"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("path", "method"), sorted(NEEDS_LOGIN))
async def test_nobody_logs_out_or_changes_a_password_without_logging_in(
    school: School, path: str, method: str, transport: Transport
) -> None:
    answer = await make(school.nobody, transport, path, method, Call(data={}), {})
    assert answer.code == 401


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("path", "method"), sorted(key for key, call in TABLE.items() if call.wrong_role))
async def test_a_wrong_role_is_refused(
    school: School, records: Records, path: str, method: str, transport: Transport
) -> None:
    call = TABLE[path, method]
    person = await school.person(call.wrong_role or "")
    answer = await make(person, transport, path, method, call, records)
    assert answer.code == 403
    assert answer.body["name"] == "Forbidden"


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("path", "method"), sorted(key for key, call in TABLE.items() if call.outsider))
async def test_who_is_not_a_member_is_refused(
    school: School, records: Records, path: str, method: str, transport: Transport
) -> None:
    call = TABLE[path, method]
    answer = await make(await school.person(call.outsider or ""), transport, path, method, call, records)
    if method == "find":
        assert answer.code == 200
        assert answer.body["total"] == 0
    else:
        assert answer.code in HIDDEN


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ["dan", "ito", "other-admin"])
@pytest.mark.parametrize(("path", "method"), sorted(key for key, call in TABLE.items() if call.names_records))
async def test_another_school_is_refused(
    school: School,
    other_admin: Person,
    records: Records,
    path: str,
    method: str,
    name: str,
    transport: Transport,
) -> None:
    call = TABLE[path, method]
    person = other_admin if name == "other-admin" else await school.person(name)
    answer = await make(person, transport, path, method, call, records)
    if method == "find" and answer.code == 200:
        assert answer.body["total"] == 0
    else:
        assert answer.code in INVALID_OR_HIDDEN, answer
