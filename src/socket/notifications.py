"""Whom a new message disturbs, besides being sent to all members."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ..core.application import Application, Realtime
from ..core.context import Connection, Params
from ..core.service import Service
from ..models.quiet_hours import QuietHours, is_quiet
from .connections import ConnectionManager, Identity
from .events import ServerEvent

REMEMBERED: Final = 10_000
"""So many messages are known to have been told of here: the newest ones, of which an event may come twice."""

DEFAULT: Final[Mapping[str, Any]] = {"level": "all", "duringQuietHours": False}

Record = dict[str, Any]


class Person(NamedTuple):
    identity: Identity
    stored_id: Any


def wants(preference: Mapping[str, Any], *, mentioned: bool, quiet: bool) -> bool:
    """Whether somebody with these preferences wants to be disturbed by a message."""
    if quiet and not preference["duringQuietHours"]:
        return False
    level = preference["level"]
    return level == "all" or (level == "mentions" and mentioned)


def is_mentioned(identity: Identity, mentions: Collection[str]) -> bool:
    """Mentions are ids of users, names of roles, or ``all``."""
    return not {identity.user_id, identity.role, "all"}.isdisjoint(mentions)


class Notifications:
    """Sends ``message:notify {conversationId, messageId, seq, senderId, mentioned}`` behind a new message.

    It goes to those connections which were sent the message, and whose users want to be disturbed by it: not
    to the sender, not to who has muted the conversation. Four queries a message, however many are connected,
    and none where nobody else is. Another process tells its own connections.
    """

    def __init__(
        self,
        app: Application,
        realtime: Realtime,
        connections: ConnectionManager[Connection],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._realtime = realtime
        self._connections = connections
        self._now = now
        self._told: OrderedDict[str, None] = OrderedDict()

    def register(self) -> None:
        self._app.on("publish", self._published)

    def _published(
        self, service: Service, event: str, message: Record, connections: list[Connection]
    ) -> None:
        if service.path != "messages" or event != "created" or message["type"] == "system":
            return
        if message.get("deletedAt") is not None or self._was_told(str(message["_id"])):
            return
        people = self._people(connections, but=str(message["senderId"]))
        if people:
            _ = self._app.tasks.start(self._notify(message, people), name="notify")

    async def _notify(self, message: Record, people: Mapping[str, Person]) -> None:
        ids = [person.stored_id for person in people.values()]
        muted, preferences, quiet, is_direct = await asyncio.gather(
            self._muted(message, ids),
            self._preferences(ids),
            self._is_quiet(message),
            self._is_direct(message),
        )
        mentions = {str(one) for one in message.get("mentions") or ()}
        told: dict[bool, list[str]] = {True: [], False: []}
        for user_id in people.keys() - muted:
            mentioned = is_direct or is_mentioned(people[user_id].identity, mentions)
            if wants(preferences.get(user_id, DEFAULT), mentioned=mentioned, quiet=quiet):
                told[mentioned].append(user_id)
        payload = {name: message[name] for name in ("conversationId", "seq", "senderId")}
        for mentioned, user_ids in told.items():
            # Who has logged out meanwhile has no connection any more.
            if connections := self._connections.of_users(user_ids):
                notice = {**payload, "messageId": message["_id"], "mentioned": mentioned}
                self._realtime.send(list(connections), ServerEvent.MESSAGE_NOTIFY, notice)

    def _people(self, connections: Iterable[Connection], *, but: str) -> dict[str, Person]:
        people: dict[str, Person] = {}
        for connection in connections:
            identity, user = self._connections.identity(connection), connection.user
            if identity is not None and user is not None and identity.user_id != but:
                people[identity.user_id] = Person(identity, user["_id"])
        return people

    async def _muted(self, message: Record, ids: list[Any]) -> set[str]:
        query = {"conversationId": message["conversationId"], "mutedUntil": {"$gt": self._now()}}
        return {str(place["userId"]) for place in await self._find("members", query, ["userId"], ids)}

    async def _preferences(self, ids: list[Any]) -> dict[str, Record]:
        found = await self._find("notification-preferences", {}, ["userId", *DEFAULT], ids)
        return {str(preference["userId"]): preference for preference in found}

    async def _is_quiet(self, message: Record) -> bool:
        query = {"_id": message["schoolId"]}
        (school,) = await self._find("schools", query, ["timezone", "settings"])
        hours = school["settings"].get("quietHours")
        quiet = None if hours is None else QuietHours.model_validate(hours)
        return is_quiet(quiet, school["timezone"], self._now())

    async def _is_direct(self, message: Record) -> bool:
        """Whoever writes to one person alone means that person."""
        query = {"_id": message["conversationId"]}
        (conversation,) = await self._find("conversations", query, ["kind"])
        return bool(conversation["kind"] == "direct")

    async def _find(
        self, path: str, query: Record, select: list[str], user_ids: list[Any] | None = None
    ) -> list[Record]:
        params = Params(query={**query, "$select": select}, paginate=False)
        if user_ids is not None:
            # There may be more people than a list in a query may be long.
            params["restrict"] = {"userId": {"$in": user_ids}}
        found: list[Record] = await self._app.service(path).find(params)
        return found

    def _was_told(self, message_id: str) -> bool:
        if message_id in self._told:
            return True
        self._told[message_id] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return False
