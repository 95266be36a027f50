from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from ..core.timers import CallLater, Timer, call_later
from .audience import audience, may_see, visible_to
from .connections import ConnectionManager, Identity, Role
from .events import ServerEvent

C = TypeVar("C", bound=Hashable)
Send: TypeAlias = Callable[[Iterable[C], str, dict[str, Any]], None]
"""(connections, event, payload): each connection stands in it once."""


@dataclass(frozen=True, slots=True)
class _Absence:
    since: datetime
    timer: Timer


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Presence(Generic[C]):
    """Who is online in this process, and telling those who may know (`audience.may_see`).

    A user is online from the first connection until `grace` seconds after the last one is lost, and is
    announced once each way: `user:online {userId, role, at}` and `user:offline {userId, lastSeenAt}`, with
    aware datetimes. `lastSeenAt` is the moment of the last disconnect, or None where the viewer merely may no
    longer see the user.

    A client that starts from `online` and follows the events always knows exactly who is online of those it
    may see. Connections go in and out of `connections` through this class only.
    """

    def __init__(
        self,
        connections: ConnectionManager[C],
        send: Send[C],
        *,
        on_offline: Callable[[str, datetime], None],
        grace: float = 10.0,
        call_later: CallLater = call_later,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.connections = connections
        self._send = send
        self._on_offline = on_offline
        self._grace = grace
        self._call_later = call_later
        self._now = now
        # Users in grace. In the manager a user's id stands for the connection that is gone.
        self._absent: ConnectionManager[str] = ConnectionManager()
        self._absences: dict[str, _Absence] = {}

    def connect(self, connection: C, identity: Identity) -> None:
        """Index a connection and announce a user who was not online; another user's is logged out first."""
        bound = self.connections.identity(connection)
        if bound is not None and bound.user_id != identity.user_id:
            self.disconnect(connection, logout=True)
        known = self._identity(identity.user_id)
        if known is not None:
            self._change(known, identity)
        self._end_absence(identity.user_id)
        self.connections.add(connection, identity)
        if known is None:
            self._tell(audience(self.connections, identity), *self._online(identity))

    def disconnect(self, connection: C, *, logout: bool = False) -> None:
        """Start the grace of a user without connections; a logout has none, but other devices still count."""
        removal = self.connections.remove(connection)
        if removal is None or not removal.last:
            return
        identity, since = removal.identity, self._now()
        if logout or self._grace <= 0:
            self._announce_offline(identity, since)
            return
        timer = self._call_later(self._grace, partial(self._expire, identity.user_id))
        self._absent.add(identity.user_id, identity)
        self._absences[identity.user_id] = _Absence(since, timer)

    def changed(
        self, user_id: str, *, role: Role | None = None, class_ids: Iterable[str] | None = None
    ) -> None:
        """Tell the differences, and only those, to the user's viewers and to the user's own connections."""
        old = self._identity(user_id)
        if old is not None:
            self._change(old, old.altered(role, class_ids))

    def knows(self, user_id: str) -> bool:
        """Whether the user is online, by a connection or in grace."""
        return self._identity(user_id) is not None

    def removed(self, user_id: str) -> set[C]:
        """Announce a user offline at once; return the connections it still had, for the caller to close."""
        identity = self._identity(user_id)
        if identity is None:
            return set()
        absence = self._end_absence(user_id)
        connections = self.connections.of_user(user_id)
        for connection in connections:
            self.connections.remove(connection)
        self._announce_offline(identity, self._now() if absence is None else absence.since)
        return connections

    def online(self, viewer: Identity, user_ids: Iterable[str] | None = None) -> list[str]:
        """List the ids, sorted, of those online whom the viewer may see: of all, or of the given ones."""
        if user_ids is None:
            return sorted(self._visible(viewer))
        subjects = (self._identity(user_id) for user_id in set(user_ids))
        return sorted(subject.user_id for subject in subjects if subject and may_see(viewer, subject))

    def close(self) -> dict[str, datetime]:
        """Cancel all timers; return when those in grace were last seen, as nobody is told of it any more."""
        last_seen = {user_id: absence.since for user_id, absence in self._absences.items()}
        for user_id in last_seen:
            self._end_absence(user_id)
        return last_seen

    def _identity(self, user_id: str) -> Identity | None:
        return self.connections.identity_of_user(user_id) or self._absent.identity(user_id)

    def _visible(self, viewer: Identity) -> set[str]:
        return visible_to(self.connections, viewer) | visible_to(self._absent, viewer)

    def _change(self, old: Identity, new: Identity) -> None:
        if old == new:
            return
        user_id = new.user_id
        for connection in self.connections.of_user(user_id):
            self.connections.add(connection, new)
        if user_id in self._absences:
            self._absent.add(user_id, new)

        told, telling = audience(self.connections, old), audience(self.connections, new)
        self._tell(telling - told, *self._online(new))
        self._tell(told - telling, *self._hidden(user_id))

        own = self.connections.of_user(user_id)
        saw, sees = self._visible(old), self._visible(new)
        for subject_id in sees - saw:
            if subject := self._identity(subject_id):
                self._tell(own, *self._online(subject))
        for subject_id in saw - sees:
            self._tell(own, *self._hidden(subject_id))

    def _expire(self, user_id: str) -> None:
        identity, absence = self._absent.identity(user_id), self._end_absence(user_id)
        if identity is not None and absence is not None:
            self._announce_offline(identity, absence.since)

    def _end_absence(self, user_id: str) -> _Absence | None:
        absence = self._absences.pop(user_id, None)
        if absence is not None:
            absence.timer.cancel()
            self._absent.remove(user_id)
        return absence

    def _announce_offline(self, identity: Identity, last_seen: datetime) -> None:
        payload = {"userId": identity.user_id, "lastSeenAt": last_seen}
        self._tell(audience(self.connections, identity), ServerEvent.USER_OFFLINE, payload)
        self._on_offline(identity.user_id, last_seen)

    def _online(self, subject: Identity) -> tuple[str, dict[str, Any]]:
        payload = {"userId": subject.user_id, "role": subject.role, "at": self._now()}
        return ServerEvent.USER_ONLINE, payload

    def _hidden(self, user_id: str) -> tuple[str, dict[str, Any]]:
        return ServerEvent.USER_OFFLINE, {"userId": user_id, "lastSeenAt": None}

    def _tell(self, connections: set[C], event: str, payload: dict[str, Any]) -> None:
        if connections:
            self._send(connections, event, payload)
