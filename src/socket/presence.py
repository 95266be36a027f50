from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar

from ..core.timers import CallLater, Timer, call_later
from .audience import audience, may_see, visible_to
from .changes import Change, came_online, went_offline
from .connections import ConnectionManager, Identity, Role
from .status import Status

C = TypeVar("C", bound=Hashable)
Tell: TypeAlias = Callable[[Collection[C], Change], None]
"""(connections, change): each connection stands in it once."""
Place: TypeAlias = tuple[str, str]
"""A node, empty for this one, and a user whom it has without a connection of this node."""

HERE: Final = ""


@dataclass(frozen=True, slots=True)
class _Absence:
    since: datetime
    timer: Timer


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Presence(Generic[C]):
    """Who is online, and telling those connected to this process who may know (`audience.may_see`).

    A user is online from the first connection until `grace` seconds after the last one is lost, and for as
    long as another node says so; announced once each way: `user:online {userId, role, at}` and `user:offline
    {userId, lastSeenAt}`, with aware datetimes. A status that is not plain stands in `user:online` too, which
    is told again where it changes. Who is invisible is offline for all others. `lastSeenAt` is when the last
    device left or the user became invisible, or None where the viewer merely may no longer see the user.

    A client that starts from `online` and follows the events always knows exactly who is online of those it
    may see. Connections go in and out of `connections` through this class only.

    `hold` is to tell the other nodes that this one has the user, by a connection or in grace, at first and
    whenever the identity is another one; `release` that it has the user no more. What they say comes in by
    `held` and `released`. `on_offline(user_id, last_seen)` is called where this node's part ends, too.
    """

    def __init__(
        self,
        connections: ConnectionManager[C],
        tell: Tell[C],
        *,
        on_offline: Callable[[str, datetime], None],
        hold: Callable[[Identity], None] = lambda _: None,
        release: Callable[[Identity, datetime], None] = lambda _identity, _last_seen: None,
        grace: float = 10.0,
        call_later: CallLater = call_later,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.connections = connections
        self._tell_all = tell
        self._on_offline = on_offline
        self._hold = hold
        self._release = release
        self._grace = grace
        self._call_later = call_later
        self._now = now
        # What stands for connections that are not here: of users in grace, and of users of other nodes. All
        # that there is of a user in both managers has the same identity.
        self._stand_ins: ConnectionManager[Place] = ConnectionManager()
        self._absences: dict[str, _Absence] = {}
        # When users who are still online have left the one node or other.
        self._left_at: dict[str, datetime] = {}

    def connect(self, connection: C, identity: Identity) -> None:
        """Index a connection and announce a user who was not online; another user's is logged out first."""
        bound = self.connections.identity(connection)
        if bound is not None and bound.user_id != identity.user_id:
            self.disconnect(connection, logout=True)
        known, was_here = self._identity(identity.user_id), self.is_here(identity.user_id)
        if known is not None:
            self._change(known, identity)
        self._end_absence(identity.user_id)
        self.connections.add(connection, identity)
        if not was_here:
            self._hold(identity)
        if known is None:
            self._tell(audience(self.connections, identity), came_online(identity, self._now()))

    def disconnect(self, connection: C, *, logout: bool = False) -> None:
        """Start the grace of a user without connections; a logout has none, but other devices still count."""
        removal = self.connections.remove(connection)
        if removal is None or not removal.last:
            return
        identity, since = removal.identity, self._now()
        if logout or self._grace <= 0:
            self._leave(identity, since)
            return
        timer = self._call_later(self._grace, partial(self._expire, identity.user_id))
        self._stand_ins.add((HERE, identity.user_id), identity)
        self._absences[identity.user_id] = _Absence(since, timer)

    def held(self, node: str, identity: Identity) -> bool:
        """Another node has the user. False if it says of a user who is here what is not known here.

        Of these the own identity holds: whoever says something new has stored it, and it is to be read.
        """
        user_id = identity.user_id
        known, here = self._identity(user_id), self.is_here(user_id)
        if known is not None and not here:
            self._change(known, identity)
        self._stand_ins.add((node, user_id), known if known is not None and here else identity)
        if known is None:
            self._tell(audience(self.connections, identity), came_online(identity, self._now()))
        return not here or known == identity

    def released(self, node: str, user_id: str, last_seen: datetime | None = None) -> None:
        """Another node has the user no more; without `last_seen` it has until now."""
        removal = self._stand_ins.remove((node, user_id))
        if removal is not None:
            self._gone(removal.identity, last_seen or self._now())

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

    def is_here(self, user_id: str) -> bool:
        """Whether this node has the user, by a connection or in grace."""
        return user_id in self._absences or self.connections.identity_of_user(user_id) is not None

    def is_online(self, user_id: str) -> bool:
        """Whether any node has the user, visible or not, by a connection or in grace."""
        return self._identity(user_id) is not None

    def removed(self, user_id: str) -> set[C]:
        """Announce a user offline at once; return the connections it still had, for the caller to close."""
        identity, here = self._identity(user_id), self.is_here(user_id)
        if identity is None:
            return set()
        absence = self._end_absence(user_id)
        connections = self.connections.of_user(user_id)
        for connection in connections:
            self.connections.remove(connection)
        for place in self._stand_ins.of_user(user_id):
            self._stand_ins.remove(place)
        last_seen = self._now() if absence is None else absence.since
        (self._leave if here else self._gone)(identity, last_seen)
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
            identity = self._identity(user_id)
            if identity is not None and not identity.status.is_invisible:
                last_seen[user_id] = absence.since
            self._end_absence(user_id)
        return last_seen

    def _identity(self, user_id: str) -> Identity | None:
        return self.connections.identity_of_user(user_id) or self._stand_ins.identity_of_user(user_id)

    def _visible(self, viewer: Identity) -> set[str]:
        return visible_to(self.connections, viewer) | visible_to(self._stand_ins, viewer)

    def _change(self, old: Identity, new: Identity) -> None:
        if old == new:
            return
        user_id = new.user_id
        own = self.connections.of_user(user_id)
        for connection in own:
            self.connections.add(connection, new)
        for place in self._stand_ins.of_user(user_id):
            self._stand_ins.add(place, new)
        if self.is_here(user_id):
            self._hold(new)

        told, telling = audience(self.connections, old), audience(self.connections, new)
        self._tell(telling - told, came_online(new, self._now()))
        if old.status != new.status:
            self._tell(telling & told, came_online(new, self._now(), before=old.status))
        self._tell(told - telling, went_offline(old, self._vanish(old, new)))
        if own:
            self._look_anew(own, old, new)

    def _look_anew(self, own: set[C], old: Identity, new: Identity) -> None:
        saw, sees = self._visible(old), self._visible(new)
        for subject_id in saw ^ sees:
            if subject := self._identity(subject_id):
                came = subject_id in sees
                self._tell(own, came_online(subject, self._now()) if came else went_offline(subject, None))

    def _vanish(self, old: Identity, new: Identity) -> datetime | None:
        """Note when somebody was seen last who becomes invisible: as if it were the end of being online."""
        if old.status.is_invisible or not new.status.is_invisible:
            return None
        absence = self._absences.get(new.user_id)
        last_seen = self._now() if absence is None else absence.since
        if self.is_here(new.user_id):
            self._on_offline(new.user_id, last_seen)
        return last_seen

    def _expire(self, user_id: str) -> None:
        identity, absence = self._identity(user_id), self._end_absence(user_id)
        if identity is not None and absence is not None:
            self._leave(identity, absence.since)

    def _end_absence(self, user_id: str) -> _Absence | None:
        absence = self._absences.pop(user_id, None)
        if absence is not None:
            absence.timer.cancel()
            self._stand_ins.remove((HERE, user_id))
        return absence

    def _leave(self, identity: Identity, last_seen: datetime) -> None:
        """End this node's part."""
        self._release(identity, last_seen)
        if not identity.status.is_invisible:  # who is was seen last when becoming so
            self._on_offline(identity.user_id, last_seen)
        self._gone(identity, last_seen)

    def _gone(self, identity: Identity, last_seen: datetime) -> None:
        """One node has the user no more; the last one's end is the end."""
        last_seen = max(last_seen, self._left_at.pop(identity.user_id, last_seen))
        if self._identity(identity.user_id) is not None:
            self._left_at[identity.user_id] = last_seen
        elif not identity.status.is_invisible:
            self._tell(audience(self.connections, identity), went_offline(identity, last_seen))

    def _tell(self, connections: set[C], change: Change) -> None:
        if connections:
            self._tell_all(connections, change)
