"""Whom a new message disturbs, besides being sent to all members."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ..core.application import Application, Realtime
from ..core.channels import Channel
from ..core.context import Connection, HookContext
from ..core.service import Service
from .channels import Audiences
from .connections import ConnectionManager, Identity
from .disturbing import is_disturbing, is_meant, overrides, wants
from .events import ServerEvent
from .newest import Newest
from .places import Conversations, Schools
from .preferences import Preferences

REMEMBERED: Final = 10_000
"""So many messages are known to have been told of here: the newest ones, of which an event may come twice."""

Record = dict[str, Any]


class Person(NamedTuple):
    identity: Identity
    stored_id: Any


class Notifications:
    """Sends ``message:notify {conversationId, messageId, seq, senderId, mentioned}`` behind a new message.

    It goes to those connections which were sent the message, and whose users want to be disturbed by it: not
    to the sender, and not to who has muted the conversation, unless it is an alert that is to pass that.
    Another process tells its own connections.
    """

    def __init__(
        self,
        app: Application,
        realtime: Realtime,
        audiences: Audiences,
        connections: ConnectionManager[Connection],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._realtime = realtime
        self._audiences = audiences
        self._connections = connections
        self._now = now
        self.schools = Schools(app, now)
        self.conversations = Conversations(app)
        self.preferences = Preferences(app, now)
        self._told: Newest[str, None] = Newest(REMEMBERED)
        # _muted[messageId] = who had muted the conversation when it was read whom to send the message to
        self._muted: Newest[str, set[str]] = Newest(REMEMBERED)

    def register(self) -> None:
        """Goes after the audiences, of which this is one."""
        self._app.service("messages").publish("created", self._readers)
        self._app.on("publish", self._published)
        self.schools.register()
        self.preferences.register()

    def _readers(self, message: Record, context: HookContext) -> Channel | Awaitable[Channel]:
        places = self._audiences.seated.at_time_of(message, context)
        return self._read(message, context) if places is None else self._at(message, places)

    async def _read(self, message: Record, context: HookContext) -> Channel:
        seated = self._audiences.seated
        changes = seated.changes
        places = await self._audiences.places(message["conversationId"], "mutedUntil")
        seated.remember(message, context, places, changes=changes)
        return self._at(message, places)

    def _at(self, message: Record, places: Sequence[Record]) -> Channel:
        now = self._now()
        self._muted.put(
            str(message["_id"]),
            set[str]()
            if overrides(message)
            else {str(place["userId"]) for place in places if _is_later(place.get("mutedUntil"), now)},
        )
        return self._audiences.at(places)

    def _published(
        self, service: Service, event: str, message: Record, connections: list[Connection]
    ) -> None:
        if service.path != "messages" or event != "created":
            return
        muted = self._muted.pop(str(message["_id"])) or set()
        if not is_disturbing(message):
            return
        if str(message["_id"]) in self._told:
            return
        self._told.put(str(message["_id"]), None)
        people = self._people(connections, but={str(message["senderId"]), *muted})
        if people:
            _ = self._app.tasks.start(self._notify(message, people), name="notify")

    async def _notify(self, message: Record, people: Mapping[str, Person]) -> None:
        preferences = await self.preferences.of(person.stored_id for person in people.values())
        quiet = await self.schools.is_quiet(message["schoolId"])
        is_direct = await self.conversations.is_direct(message["conversationId"])
        told: dict[bool, list[str]] = {True: [], False: []}
        for user_id in people:
            mentioned = is_meant(message, people[user_id].identity, direct=is_direct)
            if overrides(message) or wants(preferences[user_id], mentioned=mentioned, quiet=quiet):
                told[mentioned].append(user_id)
        payload = {name: message[name] for name in ("conversationId", "seq", "senderId")}
        if message.get("alert") is not None:
            payload["alert"] = True
        for mentioned, user_ids in told.items():
            # Who has logged out meanwhile has no connection any more.
            if connections := self._connections.of_users(user_ids):
                notice = {**payload, "messageId": message["_id"], "mentioned": mentioned}
                self._realtime.send(list(connections), ServerEvent.MESSAGE_NOTIFY, notice)

    def _people(self, connections: Iterable[Connection], *, but: Collection[str]) -> dict[str, Person]:
        people: dict[str, Person] = {}
        for connection in connections:
            identity, user = self._connections.identity(connection), connection.user
            if identity is not None and user is not None and identity.user_id not in but:
                people[identity.user_id] = Person(identity, user["_id"])
        return people


def _is_later(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now
