"""The oracle of Zulip's ``verify_action``: after each mutation, what is fetched anew equals what was held
before with the events applied that came since, for everybody who looks on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from stonechat.models.record import now
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.pushing import expo_token, offered
from tests.support.replica import Records, Replica, State, fetched
from tests.support.school import PATHS, Json, Person, School, Socket

ADMINS_ONLY = ("erasures",)
WITHOUT_STATE = frozenset(
    {
        *("authentication", "passwords", "sync", "deliveries", "legal-holds", "encryption-keys"),
        "attachments",
        # Other names for the school's own.
        *("community/groups", "community/messages"),
    }
)
"""Nobody follows these live: logins, questions, and lists that an admin opens; what a conversation is
encrypted with, the conversation tells."""

JOINED = frozenset({("reports", "message")})
"""What reading adds to a record from another, whose own events tell of it."""

QUESTIONS = frozenset({"find", "get", "totals", "seen", "writable", "link", "audit", "offer"})
SOON = 5.0


class Onlooker:
    """Somebody with a replica, compared with what the database tells the same person."""

    def __init__(self, person: Person, following: Socket, asking: Socket, state: State) -> None:
        self.person = person
        self.replica = Replica(person, following, state)
        self._asking = asking
        self._paths = tuple(state)

    async def agrees(self) -> None:
        """Wait until both are the same. Raises AssertionError telling where they are not."""
        differing = ["nothing was compared"]
        with suppress(TimeoutError):
            async with asyncio.timeout(SOON):
                while differing:
                    await self.replica.follow()
                    fresh = await fetched(self._asking, self._paths)
                    told = self.replica.told()
                    differing = [
                        one for path in self._paths for one in _differences(path, told[path], fresh[path])
                    ]
        assert differing == []


def _differences(path: str, told: Records, fresh: Records) -> list[str]:
    """What is told of each record, and what is fetched of it, by field."""
    found: list[str] = []
    for one in told.keys() | fresh.keys():
        there: dict[str, Any] = told.get(one, {})
        here: dict[str, Any] = fresh.get(one, {})
        found += [
            f"{path} {one} {name}: {there.get(name)} != {here.get(name)}"
            for name in sorted(there.keys() | here.keys())
            if there.get(name, ...) != here.get(name, ...) and (path, name) not in JOINED
        ]
    return found


@asynccontextmanager
async def looking_on(*people: Person) -> AsyncGenerator[list[Onlooker]]:
    async with AsyncExitStack() as stack:
        found: list[Onlooker] = []
        for person in people:
            following = await stack.enter_async_context(person.socket())
            asking = await stack.enter_async_context(person.socket())
            paths = (*PATHS, *(ADMINS_ONLY if person.user["role"] == "admin" else ()))
            found.append(Onlooker(person, following, asking, await fetched(following, paths)))
        yield found


class Story:
    """Every mutation there is, one after the other, each checked by everybody."""

    def __init__(self, school: School, onlookers: list[Onlooker]) -> None:
        self.school = school
        self.done: set[tuple[str, str]] = set()
        self._onlookers = onlookers

    async def does(
        self,
        person: Person,
        path: str,
        method: str,
        data: Json = None,
        *,
        id: Any = None,
        code: int | None = None,
    ) -> Json:
        answer = await person.rest(method, path, id=id, data=data)
        assert answer.code == (code or (201 if method == "create" else 200)), (path, method, answer)
        for one in self._onlookers:
            try:
                await one.agrees()
            except AssertionError as error:
                raise AssertionError(f"{path} {method}, as {one.person.user['name']} sees it") from error
        self.done.add((path, method))
        return answer.body


async def test_after_every_mutation_events_tell_all_that_has_changed(school: School) -> None:
    slug = await new_school(school)
    admin, teacher, ada, ben, cleo = [
        await newcomer(school, role, at=slug)
        for role in ("admin", "teacher", "student", "student", "student")
    ]
    talk = await talk_of(teacher, ada, ben)
    await write(ada, talk, "Before anybody looked")
    async with looking_on(admin, teacher, ada, ben) as onlookers:
        story = Story(school, onlookers)
        await _messages(story, talk, teacher, ada, ben, admin)
        await _conversations(story, talk, teacher, ada, ben, cleo)
        await _classes(story, admin, teacher, cleo)
        await _teams(story, teacher, ada, ben)
        await _moderation(story, talk, admin, teacher, ada, ben)
        await _own_things(story, talk, ada, ben, admin)
        await _accounts(story, slug, admin, ada)
    changing = {
        (path, method)
        for path, service in school.app.services.items()
        for method in service.methods
        if method not in QUESTIONS and path not in WITHOUT_STATE
    }
    assert story.done == changing


async def _messages(
    story: Story, talk: str, teacher: Person, ada: Person, ben: Person, admin: Person
) -> None:
    here = {"conversationId": talk}
    root = await story.does(ben, "messages", "create", {**here, "content": "Hello", "mentions": ["all"]})
    reply = await story.does(ada, "messages", "create", {**here, "content": "Hi", "replyTo": root["_id"]})
    await story.does(ada, "members", "acknowledge", {**here, "deliveredSeq": 2})
    await story.does(teacher, "members", "acknowledge", {**here, "readSeq": reply["seq"]})
    await story.does(
        ben, "messages", "patch", {"content": "Hello, you", "mentions": [ada.id]}, id=root["_id"]
    )
    await story.does(teacher, "messages", "patch", {"pinned": True}, id=root["_id"])
    reaction = await story.does(ada, "reactions", "create", {"messageId": root["_id"], "emoji": "👍"})
    await story.does(ben, "reactions", "create", {"messageId": root["_id"], "emoji": "👍"})
    await story.does(ada, "reactions", "remove", id=reaction["_id"])
    await story.does(ada, "messages", "remove", id=reply["_id"])
    await story.does(admin, "messages", "restore", {"messageId": reply["_id"]})
    await story.does(teacher, "messages", "remove", id=root["_id"])
    await story.does(ada, "messages", "create", {**here, "forwardOf": reply["_id"]})


async def _conversations(
    story: Story, talk: str, teacher: Person, ada: Person, ben: Person, cleo: Person
) -> None:
    group = {"kind": "group", "name": "Quiet", "memberIds": [ben.id]}
    quiet = await story.does(ada, "conversations", "create", group)
    await story.does(ada, "conversations", "create", {"kind": "direct", "memberIds": [ben.id]})
    await story.does(teacher, "conversations", "patch", {"name": "Loud", "slowModeSeconds": 1}, id=talk)
    await story.does(teacher, "conversations", "patch", {"archived": True}, id=talk)
    await story.does(teacher, "conversations", "patch", {"archived": False, "slowModeSeconds": 0}, id=talk)
    place = await story.does(ada, "members", "create", {"conversationId": quiet["_id"], "userId": cleo.id})
    await story.does(ada, "members", "patch", {"role": "admin"}, id=place["_id"])
    until = now() + timedelta(hours=1)
    await story.does(cleo, "members", "patch", {"mutedUntil": until}, id=place["_id"])
    found = await ada.rest("find", "members", query={"conversationId": quiet["_id"]})
    places = {one["userId"]: one["_id"] for one in found.body["data"]}
    await story.does(ada, "members", "patch", {"silencedUntil": until}, id=places[ben.id])
    await story.does(ben, "members", "remove", id=places[ben.id])
    await story.does(ada, "members", "create", {"conversationId": quiet["_id"], "userId": ben.id})
    await story.does(cleo, "members", "remove", id=places[ada.id])


async def _classes(story: Story, admin: Person, teacher: Person, cleo: Person) -> None:
    lesson = await story.does(admin, "classes", "create", {"name": "Latin"})
    await story.does(admin, "classes", "patch", {"subject": "Languages"}, id=lesson["_id"])
    taught = {"classId": lesson["_id"], "userId": teacher.id}
    teaching = await story.does(admin, "class-teachers", "create", taught)
    data = {"kind": "class", "name": "Latin", "classId": lesson["_id"]}
    await story.does(teacher, "conversations", "create", data)
    enrolled = {"classId": lesson["_id"], "userId": cleo.id}
    enrollment = await story.does(admin, "class-enrollments", "create", enrolled)
    await story.does(admin, "class-enrollments", "remove", id=enrollment["_id"])
    await story.does(admin, "class-teachers", "remove", id=teaching["_id"])
    await story.does(admin, "classes", "remove", id=lesson["_id"])


async def _teams(story: Story, teacher: Person, ada: Person, ben: Person) -> None:
    team = await story.does(teacher, "teams", "create", {"name": "Rowers", "positionGroups": ["Bow"]})
    await story.does(teacher, "teams", "patch", {"description": "On the river"}, id=team["_id"])
    here = {"teamId": team["_id"]}
    playing = {**here, "userId": ada.id, "role": "player", "positionGroup": "Bow"}
    place = await story.does(teacher, "team-members", "create", playing)
    await story.does(teacher, "team-members", "create", {**here, "userId": ben.id, "role": "captain"})
    await story.does(teacher, "team-members", "patch", {"role": "trainer"}, id=place["_id"])
    cox = {**here, "kind": "channel", "name": "Cox", "teamRoles": ["admin", "captain"]}
    channel = await story.does(teacher, "conversations", "create", cox)
    await story.does(
        teacher, "conversations", "patch", {"teamRoles": ["admin", "trainer"]}, id=channel["_id"]
    )
    warning = {**here, "content": "Come in", "reason": "Lightning"}
    asked = await story.does(teacher, "alerts", "create", warning, code=202)
    await story.does(teacher, "alerts", "create", {**warning, "confirmToken": asked["confirmToken"]})
    await story.does(ada, "team-members", "remove", id=place["_id"])
    await story.does(teacher, "teams", "remove", id=team["_id"])


async def _moderation(
    story: Story, talk: str, admin: Person, teacher: Person, ada: Person, ben: Person
) -> None:
    bad = await story.does(ada, "messages", "create", {"conversationId": talk, "content": "Nasty"})
    report = await story.does(ben, "reports", "create", {"messageId": bad["_id"], "reason": "bullying"})
    await story.does(teacher, "reports", "patch", {"resolution": "hidden"}, id=report["_id"])
    warning = await story.does(admin, "warnings", "create", {"userId": ada.id, "text": "Be kind."})
    await story.does(ada, "warnings", "patch", {"acknowledged": True}, id=warning["_id"])
    block = await story.does(ada, "blocks", "create", {"blockedId": ben.id})
    await story.does(ada, "blocks", "remove", id=block["_id"])


async def _own_things(story: Story, talk: str, ada: Person, ben: Person, admin: Person) -> None:
    later = {"conversationId": talk, "content": "Later", "sendAt": now() + timedelta(days=1)}
    scheduled = await story.does(ada, "scheduled-messages", "create", later)
    await story.does(ada, "scheduled-messages", "patch", {"content": "Then"}, id=scheduled["_id"])
    await story.does(ada, "scheduled-messages", "remove", id=scheduled["_id"])
    await story.does(ada, "notification-preferences", "patch", {"level": "mentions"}, id="me")
    with offered(story.school):
        phone = {"provider": "expo", "token": expo_token()}
        device = await story.does(ada, "devices", "create", phone)
        await story.does(ben, "devices", "create", phone)
        again = await story.does(ada, "devices", "create", phone)
    assert device["_id"] != again["_id"]
    await story.does(ada, "devices", "remove", id=again["_id"])
    export = await story.does(ada, "exports", "create", {})
    await story.does(ada, "exports", "remove", id=export["_id"])


async def _accounts(story: Story, slug: str, admin: Person, ada: Person) -> None:
    data = {"email": f"new@{slug}.example", "name": "New", "role": "student", "password": "long-enough"}
    new = await story.does(admin, "users", "create", data)
    await story.does(ada, "users", "patch", {"name": "Ada the First"}, id=ada.id)
    until = now() + timedelta(hours=1)
    await story.does(admin, "users", "patch", {"suspendedUntil": until}, id=new["_id"])
    await story.does(admin, "erasures", "create", {"userId": new["_id"]})
    await story.does(admin, "users", "remove", id=new["_id"])
    settings = {"settings": {"editWindowMinutes": 30}}
    await story.does(admin, "schools", "patch", settings, id=admin.user["schoolId"])
