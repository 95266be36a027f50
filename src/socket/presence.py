from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from ..core.timers import CallLater, Timer, call_later
from .audience import audience, may_see, visible_to
from .changes import Change, came_online, went_offline
from .connections import ConnectionManager, Identity, Role
from .status import Status

C = TypeVar("C", bound=Hashable)
Tell: TypeAlias = Callable[[Iterable[C], Change], None]
"""(connections, change): each connection stands in it once."""


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
    aware datetimes. A status that is not plain stands in `user:online` too, which is told again where it
    changes. Who is invisible is offline for all others. `lastSeenAt` is when the last device left or the
    user became invisible, or None where the viewer merely may no longer see the user.

    A client that starts from `online` and follows the events always knows exactly who is online of those it
    may see. Connections go in and out of `connections` through this class only.
    """

    def __init__(
        self,
        connections: ConnectionManager[C],
        tell: Tell[C],
        *,
        on_offline: Callable[[str, datetime], None],
        grace: float = 10.0,
        call_later: CallLater = call_later,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.connections = connections
        self._tell_all = tell
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
            self._tell(audience(self.connections, identity), came_online(identity, self._now()))

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
        self,
        user_id: str,
        *,
        role: Role | None = None,
        class_ids: Iterable[str] | None = None,
        status: Status | None = None,
    ) -> None:
        """Tell the differences, and only those, to the user's viewers and to the user's own connections."""
        old = self._identity(user_id)
        if old is not None:
            self._change(old, old.altered(role, class_ids, status))

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

    def statuses(self, user_ids: Iterable[str]) -> dict[str, Status]:
        """What these users say of themselves, where it is more than being available."""
        subjects = (self._identity(user_id) for user_id in user_ids)
        return {one.user_id: one.status for one in subjects if one and not one.status.is_plain}

    def close(self) -> dict[str, datetime]:
        """Cancel all timers; return when those in grace were last seen, as nobody is told of it any more."""
        last_seen: dict[str, datetime] = {}
        for user_id, absence in list(self._absences.items()):
            identity = self._absent.identity(user_id)
            if identity is not None and not identity.status.is_invisible:
                last_seen[user_id] = absence.since
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
        self._tell(telling - told, came_online(new, self._now()))
        if old.status != new.status:
            self._tell(telling & told, came_online(new, self._now(), before=old.status))
        self._tell(told - telling, went_offline(old, self._vanish(old, new)))

        own = self.connections.of_user(user_id)
        saw, sees = self._visible(old), self._visible(new)
        for subject_id in sees - saw:
            if subject := self._identity(subject_id):
                self._tell(own, came_online(subject, self._now()))
        for subject_id in saw - sees:
            if subject := self._identity(subject_id):
                self._tell(own, went_offline(subject, None))

    def _vanish(self, old: Identity, new: Identity) -> datetime | None:
        """Note when somebody was seen last who becomes invisible: as if it were the end of being online."""
        if old.status.is_invisible or not new.status.is_invisible:
            return None
        absence = self._absences.get(new.user_id)
        last_seen = self._now() if absence is None else absence.since
        self._on_offline(new.user_id, last_seen)
        return last_seen

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
        if identity.status.is_invisible:
            return  # seen last when becoming so
        self._tell(audience(self.connections, identity), went_offline(identity, last_seen))
        self._on_offline(identity.user_id, last_seen)

    def _tell(self, connections: set[C], change: Change) -> None:
        if connections:
            self._tell_all(connections, change)
