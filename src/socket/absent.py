"""Whom new messages would disturb, had they a socket: for those who are told by another way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ..core.application import Application
from ..core.context import Connection, Params
from ..core.errors import Unavailable
from .connections import Identity
from .disturbing import is_disturbing, is_meant, overrides, wants
from .places import Conversations, Schools
from .preferences import Preference, Preferences
from .presence import Presence

SETTING: Final = "absent"
NEWEST: Final = 50
"""Messages of a conversation that are looked at; of more, the older ones are not told of."""

Record = dict[str, Any]
Among = Callable[[Sequence[Any]], Awaitable[Collection[Any]]]


class Waiting(NamedTuple):
    """Who has not read ``message``, the newest one that the user wants to be disturbed by."""

    user_id: Any
    message: Record
    preference: Preference
    is_online: bool


class Absent:
    """The same rules as for those with a socket: preferences, mutes, quiet hours and mentions."""

    def __init__(
        self,
        app: Application,
        presence: Presence[Connection],
        preferences: Preferences,
        schools: Schools,
        conversations: Conversations,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._presence = presence
        self._preferences = preferences
        self._schools = schools
        self._conversations = conversations
        self._now = now

    async def waiting(self, conversation: Mapping[str, Any], since: datetime, among: Among) -> list[Waiting]:
        """Those for whom something that was written ``since`` then waits, and whom ``among`` names.

        ``among`` gets the ids of all who have not read everything. Raises Unavailable where it is not known
        who is online.
        """
        messages = await self._messages(conversation["_id"], since)
        if not messages:
            return []
        places = await self._behind(conversation["_id"], messages[0]["seq"])
        chosen = set(await among([place["userId"] for place in places]))
        places = [place for place in places if place["userId"] in chosen]
        if not places:
            return []
        people = await self._people([place["userId"] for place in places])
        preferences = await self._preferences.of(people)
        quiet = await self._schools.is_quiet(conversation["schoolId"])
        direct = await self._conversations.is_direct(conversation["_id"])
        found: list[Waiting] = []
        async with self._hearing(str(conversation["schoolId"])):
            for place in places:
                identity = people.get(place["userId"])
                if identity is None:
                    continue
                preference = preferences[identity.user_id]
                wish = _Wish(
                    identity=identity,
                    preference=preference,
                    quiet=quiet,
                    direct=direct,
                    muted=self._is_muted(place),
                )
                unread = [one for one in messages if _is_unread(one, place)]
                newest = next(filter(wish.is_for, unread), None)
                if newest is not None:
                    online = self._presence.is_online(identity.user_id)
                    found.append(Waiting(place["userId"], newest, preference, online))
        return found

    async def is_online(self, user: Mapping[str, Any]) -> bool:
        """Raises Unavailable where that is not known."""
        async with self._hearing(str(user["schoolId"])):
            return self._presence.is_online(str(user["_id"]))

    @asynccontextmanager
    async def _hearing(self, school_id: str) -> AsyncGenerator[None]:
        """A node knows who is on others of the schools that it hears of."""
        backplane = self._app.backplane
        backplane.join(school_id)
        try:
            if not await backplane.joined(school_id):
                raise Unavailable("It is not known who is online")
            yield
        finally:
            backplane.leave(school_id)

    async def _messages(self, conversation_id: Any, since: datetime) -> list[Record]:
        """The newest first."""
        query = {
            "conversationId": conversation_id,
            "$sort": {"seq": -1},
            "$limit": NEWEST,
            "$select": ["seq", "senderId", "type", "mentions", "alert", "deletedAt", "createdAt"],
        }
        found: list[Record] = await self._app.service("messages").find(Params(query=query, paginate=False))
        return [one for one in found if is_disturbing(one) and one["createdAt"] >= since]

    async def _behind(self, conversation_id: Any, seq: int) -> list[Record]:
        query = {"conversationId": conversation_id, "$select": ["userId", "readSeq", "mutedUntil"]}
        found: list[Record] = await self._app.service("members").find(Params(query=query, paginate=False))
        return [place for place in found if place["readSeq"] < seq]

    def _is_muted(self, place: Record) -> bool:
        until: datetime | None = place.get("mutedUntil")
        return until is not None and until > self._now()

    async def _people(self, ids: Sequence[Any]) -> dict[Any, Identity]:
        params = Params(
            query={"$select": ["role", "schoolId"]}, paginate=False, restrict={"_id": {"$in": list(ids)}}
        )
        users: list[Record] = await self._app.service("users").find(params)
        return {one["_id"]: Identity(str(one["_id"]), str(one["schoolId"]), one["role"]) for one in users}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    identity: Identity
    preference: Preference
    quiet: bool
    direct: bool
    muted: bool

    def is_for(self, message: Record) -> bool:
        if overrides(message):
            return True
        meant = is_meant(message, self.identity, direct=self.direct)
        return not self.muted and wants(self.preference, mentioned=meant, quiet=self.quiet)


def _is_unread(message: Record, place: Record) -> bool:
    return bool(message["seq"] > place["readSeq"] and message["senderId"] != place["userId"])
