"""However long a page is, it takes as many statements: none asks once more for each record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any, Final

import aiohttp
import pytest
from beanie import PydanticObjectId
from bson import ObjectId
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from stonechat.app import create_app
from stonechat.core.context import HookContext
from stonechat.core.hooks import Next
from stonechat.core.testing import serving
from stonechat.core.tracing import LISTENERS
from stonechat.models import (
    Alert,
    Analytics,
    Attachment,
    Block,
    ClassEnrollment,
    ClassTeacher,
    ConductWarning,
    Device,
    EncryptionKey,
    Erasure,
    Export,
    LegalHold,
    Message,
    MessageEdit,
    Reaction,
    Report,
    ScheduledMessage,
    SchoolClass,
    Team,
    TeamMember,
    User,
)
from stonechat.models.audit_entry import append
from stonechat.models.record import Record, now
from tests.services.test_refusals import TABLE
from tests.support.people import new_school, newcomer, talk_of, write
from tests.support.school import Json, Person, School, test_settings

FEW, MANY = 2, 20
OF_ONE_RECORD: Final = {"schools"}
"""Services that show a client one record at most: there is no page."""

MEMBERS: Final = {
    *("conversations", "members", "messages", "reactions", "message-edits", "inbox", "search"),
    *("encryption-keys", "attachments"),
}
BY_ROLE: Final = {
    "student": {*MEMBERS, "users", "classes", "class-enrollments", "class-teachers"}
    | {"reports", "warnings", "blocks", "scheduled-messages", "exports"}
    | {"teams", "team-members", "alerts", "feed", "devices", "community/groups", "community/messages"},
    "teacher": {*MEMBERS, "users", "classes", "class-enrollments", "class-teachers", "reports"},
    "admin": {"users", "classes", "class-enrollments", "class-teachers", "reports", "warnings", "exports"}
    | {"erasures", "legal-holds", "deliveries", "audit-log", "oversight"}
    | {"analytics", "community/analytics"},
}
ASKED: Final = [(role, path) for role, paths in BY_ROLE.items() for path in sorted(paths)]


class Statements(CommandListener):
    """Those that calls from outside make.

    Beanie binds its models once a process, so the loops of a school that another test file serves ask this
    school's database too; they run in tasks of their own, and pymongo tells of a command in the task that
    sends it.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._is_call: ContextVar[bool] = ContextVar("is_call", default=False)

    async def around(self, context: HookContext, proceed: Next) -> None:
        if context.params.provider is None:
            await proceed()
            return
        token = self._is_call.set(True)
        try:
            await proceed()
        finally:
            self._is_call.reset(token)

    def started(self, event: CommandStartedEvent) -> None:
        if self._is_call.get():
            name = event.command_name
            self.seen.append(f"{name} {event.command.get('collection' if name == 'getMore' else name)}")

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


class Filled:
    """A school with more than a page of everything, and somebody of each role; nothing else goes on in it."""

    def __init__(self, school: School, people: dict[str, Person], statements: Statements) -> None:
        self.people = people
        self.talks: list[str] = []
        self._school = school
        self._statements = statements
        self._message: dict[str, Any] = {}

    async def fill(self) -> None:
        student, teacher = self.people["student"], self.people["teacher"]
        for number in range(MANY):
            self.talks.append(await talk_of(teacher, student, name=f"Talk {number}"))
        messages = [await write(student, talk) for talk in self.talks]
        messages += [await write(teacher, self.talks[0], replyTo=messages[0]["_id"]) for _ in range(MANY)]
        self._message = messages[0]
        announced = {"_id": {"$in": [ObjectId(message["_id"]) for message in messages]}}
        await Message.documents().update_many(announced, {"$set": {"feedAt": now()}})
        others = [_other(number, teacher) for number in range(MANY)]
        await _insert(others)
        talk, message = PydanticObjectId(self.talks[0]), PydanticObjectId(self._message["_id"])
        everything = (
            self._of_everything(number, PydanticObjectId(other.id), talk, message)
            for number, other in enumerate(others)
        )
        for records in zip(*everything, strict=True):
            await _insert(records)
        for other in others:
            await append(other.school_id, None, "schools.patched", ("schools", other.school_id))

    async def count(self, person: Person, path: str, limit: int) -> list[str]:
        """The statements of a page of ``limit`` records, which is full."""
        query = {"$limit": limit, **self._query(path)}
        page, statements = await self._counted(person, path, query)
        assert len(page["data"]) == limit
        return statements

    async def count_sync(self, person: Person, talks: int) -> list[str]:
        """The statements of asking for all that has happened in so many conversations."""
        cursors = {talk: {"seq": 0, "revision": 0} for talk in self.talks[-talks:]}
        at = "2020-01-01T00:00:00Z"
        query = {"conversations": cursors, "at": at}
        missed, statements = await self._counted(person, "sync", query)
        assert [len(one["messages"]) for one in missed["conversations"].values()].count(0) == 0
        assert len(missed["conversations"]) == talks
        return statements

    async def _counted(self, person: Person, path: str, query: Json) -> tuple[Json, list[str]]:
        self._statements.seen.clear()
        answer = await person.rest("find", path, query=query)
        assert answer.code == 200, answer
        return answer.body, sorted(self._statements.seen)

    def _query(self, path: str) -> dict[str, Any]:
        if path == "attachments":
            return {"conversationId": self.talks[0]}
        if path == "message-edits":
            return {"messageId": self._message["_id"]}
        if path == "oversight":
            return {"conversationId": self.talks[0], "reason": "A report by a parent"}
        return {"q": "hello"} if path == "search" else {}

    def _of_everything(
        self, number: int, other: PydanticObjectId, talk: PydanticObjectId, message: PydanticObjectId
    ) -> Sequence[Record]:
        student, teacher, admin = (
            PydanticObjectId(self.people[role].id) for role in ("student", "teacher", "admin")
        )
        school = PydanticObjectId(self.people["admin"].user["schoolId"])
        of_message: dict[str, Any] = {"school_id": school, "message_id": message, "conversation_id": talk}
        lesson = SchoolClass(id=PydanticObjectId(), school_id=school, name=f"Lesson {number}")
        lesson_id = PydanticObjectId(lesson.id)
        team = Team(id=PydanticObjectId(), school_id=school, name=f"Team {number}", created_by=teacher)
        of_team: dict[str, Any] = {"school_id": school, "team_id": PydanticObjectId(team.id)}
        # Ended, or another school's loop in this process would do it: Beanie binds its models once a process.
        ended: dict[str, Any] = {"school_id": school, "state": "DONE"}
        report: dict[str, Any] = {**of_message, "message_id": PydanticObjectId(), "author_id": other}
        return [
            lesson,
            ClassTeacher(school_id=school, class_id=lesson_id, user_id=teacher),
            ClassEnrollment(school_id=school, class_id=lesson_id, user_id=student),
            team,
            TeamMember(**of_team, user_id=student, role="player"),
            Alert(
                **of_team,
                conversation_id=talk,
                message_id=message,
                sender_id=teacher,
                scope="channel",
                reason="Lightning",
                confirmation_id=str(number),
            ),
            Attachment(
                **of_message,
                user_id=student,
                name="a.png",
                media_type="image/png",
                size=number + 1,
                state="ATTACHED",
                thumbnail=True,
                attached_at=now(),
            ),
            Analytics(
                school_id=school,
                conversation_id=PydanticObjectId(self.talks[number]),
                timezone="UTC",
                clock=0,
            ),
            Device(school_id=school, user_id=student, provider="expo", token=f"{number}", digest=f"{number}"),
            MessageEdit(**of_message, editor_id=student, number=number + 1, content="Hullo"),
            EncryptionKey(
                school_id=school,
                conversation_id=talk,
                version=number + 1,
                master_id="tests",
                wrapped=b"",
                created_by=student,
            ),
            Reaction(**of_message, user_id=other, emoji="👍"),
            Report(**report, reporter_id=student, reason="spam"),
            ConductWarning(school_id=school, user_id=student, text="Be kind", issued_by=admin),
            Block(school_id=school, user_id=student, blocked_id=other),
            ScheduledMessage(
                school_id=school, user_id=student, conversation_id=talk, send_at=now(), due_at=None
            ),
            Export(**ended, user_id=student, requested_by=student),
            Erasure(**ended, user_id=other, requested_by=admin),
            LegalHold(school_id=school, user_id=other, reason="A lawsuit", created_by=admin),
        ]


def _other(number: int, like: Person) -> User:
    return User(
        id=PydanticObjectId(),
        school_id=PydanticObjectId(like.user["schoolId"]),
        email=f"other-{number}@new.example",
        name=f"Other {number}",
        role="student",
        password="none",
    )


async def _insert(records: Sequence[Record]) -> None:
    await (
        records[0]
        .documents()
        .insert_many(
            {
                **record.model_dump(by_alias=True, exclude={"id", "revision_id"}),
                "_id": record.id or ObjectId(),
            }
            for record in records
        )
    )


@pytest.fixture(scope="module")
async def filled(mongodb_url: str) -> AsyncIterator[Filled]:
    app = create_app(test_settings(mongodb_url, "test_query_counts"), background=False)
    statements = Statements()
    app.set(LISTENERS, [statements])
    app.hooks({"around": {"all": [statements.around]}})
    async with serving(app) as url, aiohttp.ClientSession() as http:
        school = School(app, url, http)
        slug = await new_school(school)
        roles = ("student", "teacher", "admin")
        people = {role: await newcomer(school, role, at=slug) for role in roles}
        whole = Filled(school, people, statements)
        await whole.fill()
        yield whole


def test_every_service_that_clients_page_through_is_asked() -> None:
    paged = {path for path, method in TABLE if method == "find"} - OF_ONE_RECORD - {"sync"}
    assert {path for _, path in ASKED} == paged


@pytest.mark.parametrize(("role", "path"), ASKED)
async def test_a_longer_page_takes_no_more_statements(filled: Filled, role: str, path: str) -> None:
    person = filled.people[role]
    few = await filled.count(person, path, FEW)
    assert few == await filled.count(person, path, MANY)
    assert few != []


async def test_what_is_missed_in_more_conversations_takes_no_more_statements(filled: Filled) -> None:
    student = filled.people["student"]
    few = await filled.count_sync(student, FEW)
    assert few == await filled.count_sync(student, MANY)
    assert few != []
