"""Who is sent which event: exactly those who could read the record."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable
from typing import Any

from ..core.application import Application
from ..core.channels import Channel
from ..core.context import Connection, HookContext, Params
from ..core.publications import Publication
from ..hooks.access import PRIVATE_FIELDS
from ..hooks.places import MANAGERS, visible_place
from ..hooks.reports import as_reporter_reads
from .connections import ConnectionManager
from .seated import Seated

Record = dict[str, Any]


class Devices(Channel):
    """The connections that these users have when the event is sent, which may be some time after it happened.

    Events are sent in turn: whoever comes meanwhile hears all that is sent from then on, without a gap.
    """

    def __init__(self, connections: ConnectionManager[Connection], user_ids: Collection[str]) -> None:
        super().__init__()
        self._manager = connections
        self._user_ids = user_ids

    @property
    def _connections(self) -> dict[Connection, None]:
        return dict.fromkeys(self._manager.of_users(self._user_ids))


class Audiences:
    """The publishers of the school's services, over the connections of this process."""

    def __init__(self, app: Application, connections: ConnectionManager[Connection]) -> None:
        self._app = app
        self._connections = connections
        self.seated = Seated(app)

    def register(self) -> None:
        """A service without a publisher sends nothing to anybody."""
        self.seated.register()
        service = self._app.service
        service("schools").publish(lambda school, _: self.school(school["_id"]))
        service("users").publish(self.people)
        for path in ("classes", "class-teachers"):
            service(path).publish(lambda record, _: self.school(record["schoolId"]))
        service("class-enrollments").publish(self.staff_and_student)
        service("teams").publish(self.team)
        service("team-members").publish(self.team_and_subject)
        service("conversations").publish(lambda record, _: self.members(record["_id"]))
        for path in ("messages", "reactions", "alerts"):
            service(path).publish(lambda record, _: self.members(record["conversationId"]))
        service("members").publish(self.members_and_subject)
        service("reports").publish(self.reviewers)
        service("warnings").publish(lambda record, _: self.admins_and(record, record["userId"]))
        for path in ("blocks", "scheduled-messages", "notification-preferences", "devices"):
            service(path).publish(lambda record, _: Channel(self._connections.of_user(str(record["userId"]))))
        for path in ("exports", "erasures"):
            service(path).publish(self.admins_and_oneself)

    def school(self, school_id: Any) -> Channel:
        return Channel(self._connections.in_school(str(school_id)))

    def people(self, user: Record, _: HookContext) -> list[Channel]:
        """Of a suspension the user is told, and admins are; the rest of the school sees what is public."""
        school_id = str(user["schoolId"])
        told = self._connections.with_role(school_id, "admin") | self._connections.of_user(str(user["_id"]))
        public = {name: value for name, value in user.items() if name not in PRIVATE_FIELDS}
        return [Channel(told), self.school(school_id).send(public)]

    async def reviewers(self, report: Record, _: HookContext) -> list[Channel]:
        """Who may resolve the report, and who has made it; never the author of the message."""
        school_id, conversation_id = str(report["schoolId"]), report["conversationId"]
        query = {"conversationId": conversation_id, "role": {"$in": list(MANAGERS)}, "$select": ["userId"]}
        managers = await self._app.service("members").find(Params(query=query, paginate=False))
        teachers = self._connections.with_role(school_id, "teacher")
        told = self._connections.with_role(school_id, "admin") | (
            teachers & self._connections.of_users({str(manager["userId"]) for manager in managers})
        )
        return [
            Channel(told - self._connections.of_user(str(report["authorId"])), report),
            Channel(self._connections.of_user(str(report["reporterId"])), as_reporter_reads(report)),
        ]

    def admins_and(self, record: Record, user_id: Any) -> Channel:
        admins = self._connections.with_role(str(record["schoolId"]), "admin")
        return Channel(admins | self._connections.of_user(str(user_id)))

    def admins_and_oneself(self, job: Record, _: HookContext) -> Channel:
        """Who has asked for something about others hears of it as an admin, or not any more."""
        asked = job["requestedBy"] if job["requestedBy"] == job["userId"] else None
        return self.admins_and(job, asked)

    def staff_and_student(self, enrollment: Record, _: HookContext) -> Channel:
        school_id = str(enrollment["schoolId"])
        staff = self._connections.with_role(school_id, "teacher") | self._connections.with_role(
            school_id, "admin"
        )
        return Channel(staff | self._connections.of_user(str(enrollment["userId"])))

    async def team(self, team: Record, _: HookContext) -> Channel:
        """Those who are in it, and the school's admins."""
        return Channel(await self._of_team(team["_id"], team["schoolId"]))

    async def team_and_subject(self, place: Record, _: HookContext) -> Channel:
        """Who left or was removed is told that too."""
        subject = self._connections.of_user(str(place["userId"]))
        return Channel(subject | await self._of_team(place["teamId"], place["schoolId"]))

    async def _of_team(self, team_id: Any, school_id: Any) -> set[Connection]:
        query = {"teamId": team_id, "$select": ["userId"]}
        places = await self._app.service("team-members").find(Params(query=query, paginate=False))
        people = self._connections.of_users({str(place["userId"]) for place in places})
        return set(people) | self._connections.with_role(str(school_id), "admin")

    def members_and_subject(self, member: Record, _: HookContext) -> Publication | Awaitable[Publication]:
        """Who left or was removed is told that too; each reads of a place what is theirs to see."""
        if "silencedUntil" in member:
            return self._readers_of_place(member)
        seated = self.seated.as_last_heard(member["conversationId"])
        return self._readers_of_receipt(member) if seated is None else self.at(seated)

    async def _readers_of_receipt(self, receipt: Record) -> list[Channel]:
        """A receipt has nothing to hide."""
        subject = Devices(self._connections, {str(receipt["userId"])})
        return [await self.members(receipt["conversationId"]), subject]

    async def _readers_of_place(self, member: Record) -> list[Channel]:
        conversation_id, subject = member["conversationId"], self._connections.of_user(str(member["userId"]))
        query = {"conversationId": conversation_id, "$select": ["userId", "role"]}
        places = await self._app.service("members").find(Params(query=query, paginate=False))
        managers = {str(place["userId"]) for place in places if place["role"] in MANAGERS}
        others = {str(place["userId"]) for place in places} - managers
        # Who is in more than one of the channels gets what the first of them says.
        return [
            Channel(subject, visible_place(member, own=True, manages=False)),
            Channel(self._connections.of_users(managers), visible_place(member, own=False, manages=True)),
            Channel(self._connections.of_users(others), visible_place(member, own=False, manages=False)),
        ]

    async def members(self, conversation_id: Any, *, but: Iterable[str] = ()) -> Channel:
        """The connections of those who are members at this moment, without the users ``but``."""
        return self.at(await self.places(conversation_id), but=but)

    async def places(self, conversation_id: Any, *fields: str) -> list[Record]:
        """The members at this moment: ``userId``, and these fields of each."""
        query = {"conversationId": conversation_id, "$select": ["userId", *fields]}
        found: list[Record] = await self._app.service("members").find(Params(query=query, paginate=False))
        return found

    def at(self, places: Iterable[Record], *, but: Iterable[str] = ()) -> Channel:
        """The connections of those whose places these are."""
        return Devices(self._connections, {str(place["userId"]) for place in places} - set(but))
