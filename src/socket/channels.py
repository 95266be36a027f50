"""Who is sent which event: exactly those who could read the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.application import Application
from ..core.channels import Channel
from ..core.context import Connection, HookContext, Params
from .connections import ConnectionManager

Record = dict[str, Any]


class Audiences:
    """The publishers of the school's services, over the connections of this process."""

    def __init__(self, app: Application, connections: ConnectionManager[Connection]) -> None:
        self._app = app
        self._connections = connections

    def register(self) -> None:
        """A service without a publisher sends nothing to anybody."""
        service = self._app.service
        service("schools").publish(lambda school, _: self.school(school["_id"]))
        for path in ("users", "classes", "class-teachers"):
            service(path).publish(lambda record, _: self.school(record["schoolId"]))
        service("class-enrollments").publish(self.staff_and_student)
        service("conversations").publish(lambda record, _: self.members(record["_id"]))
        service("messages").publish(lambda record, _: self.members(record["conversationId"]))
        service("members").publish(self.members_and_subject)

    def school(self, school_id: Any) -> Channel:
        return Channel(self._connections.in_school(str(school_id)))

    def staff_and_student(self, enrollment: Record, _: HookContext) -> Channel:
        school_id = str(enrollment["schoolId"])
        staff = self._connections.with_role(school_id, "teacher") | self._connections.with_role(
            school_id, "admin"
        )
        return Channel(staff | self._connections.of_user(str(enrollment["userId"])))

    async def members_and_subject(self, member: Record, _: HookContext) -> Channel:
        """Who left or was removed is told that too; who has muted the conversation is nobody's business."""
        channel = await self.members(member["conversationId"])
        channel.join(*self._connections.of_user(str(member["userId"])))
        return channel.send({name: value for name, value in member.items() if name != "mutedUntil"})

    async def members(self, conversation_id: Any, *, but: Iterable[str] = ()) -> Channel:
        """The connections of those who are members at this moment, without the users ``but``."""
        return Channel(self._connections.of_users(await self.member_ids(conversation_id) - set(but)))

    async def member_ids(self, conversation_id: Any) -> set[str]:
        query = {"conversationId": conversation_id, "$select": ["userId"]}
        members = await self._app.service("members").find(Params(query=query, paginate=False))
        return {str(member["userId"]) for member in members}
