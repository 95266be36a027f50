"""Every broadcast of a `Presence`, compared with a model that knows the table and scans lists."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stonechat.socket.changes import Change
from stonechat.socket.connections import ConnectionManager, Identity, Role
from stonechat.socket.presence import Presence
from stonechat.socket.status import Status
from stonechat.socket.testing import ManualTime

GRACE = 10.0
NEVER, ALWAYS, SAME_CLASS = "never", "always", "same class"

# Whose presence, then who is told of it in the same school.
TABLE: dict[Role, dict[Role, str]] = {
    "student": {"student": SAME_CLASS, "teacher": SAME_CLASS, "admin": NEVER},
    "teacher": {"student": SAME_CLASS, "teacher": ALWAYS, "admin": NEVER},
    "admin": {"student": ALWAYS, "teacher": ALWAYS, "admin": ALWAYS},
}

Broadcast: TypeAlias = tuple[str, str, frozenset[int], Role | datetime | None, datetime | None]
"""(event, subject, connections, role or lastSeenAt, at)"""

SCHOOLS = st.sampled_from(["hill", "lake"])
ROLES = st.sampled_from(list[Role](["student", "student", "teacher", "admin"]))
# Both schools use the same class ids.
CLASSES = st.frozensets(st.sampled_from(["maths", "physics", "history"]), max_size=2)
USERS = st.sampled_from(["ada", "ben", "cleo", "rivera", "okafor", "admin"])
CONNECTIONS = st.integers(0, 9)
NODES = st.sampled_from(["north", "south"])
STATUSES = st.sampled_from(
    [Status(), Status(), Status("busy"), Status("busy", "in class"), Status("invisible")]
)
IDENTITIES = st.builds(Identity, USERS, SCHOOLS, ROLES, CLASSES, STATUSES)


def is_open(subject: Identity) -> bool:
    return subject.status.name != "invisible"


def is_told(subject: Identity, viewer: Identity) -> bool:
    if subject.user_id == viewer.user_id or subject.school_id != viewer.school_id or not is_open(subject):
        return False
    when = TABLE[subject.role][viewer.role]
    return when == ALWAYS or (when == SAME_CLASS and bool(subject.class_ids & viewer.class_ids))


class PresenceMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.time = ManualTime()
        self.actual: list[Broadcast] = []
        self.stored: list[tuple[str, datetime]] = []
        self.presence = Presence[int](
            ConnectionManager(),
            self.receive,
            on_offline=lambda user_id, at: self.stored.append((user_id, at)),
            hold=self.hold,
            release=self.release,
            grace=GRACE,
            call_later=self.time.call_later,
            now=self.time.now,
        )
        # Of each connection, whom its client takes to be online.
        self.pictures: dict[int, set[str]] = {}
        # What the other nodes take this one to have.
        self.holds: dict[str, Identity] = {}
        # The model: owner of each connection, identity of each online user, last disconnect of each in grace,
        # which nodes have which users, when those still online have left a node.
        self.owners: dict[int, str] = {}
        self.users: dict[str, Identity] = {}
        self.left: dict[str, tuple[float, datetime]] = {}
        self.away: set[tuple[str, str]] = set()
        self.partings: dict[str, datetime] = {}
        self.expected: list[Broadcast] = []
        self.expected_stored: list[tuple[str, datetime]] = []

    def receive(self, connections: Iterable[int], change: Change) -> None:
        event, payload = change.event, change.payload
        assert (change.after is None) == (event == "user:offline")
        assert change.before != change.after
        targets, user_id = list(connections), payload["userId"]
        assert len(targets) == len(set(targets)) > 0
        if event == "user:online":
            assert payload.keys() - {"status", "text"} == {"userId", "role", "at"}
            said_of_oneself = Status(payload.get("status", "available"), payload.get("text", ""))
            assert said_of_oneself == change.after
            said, at = payload["role"], payload["at"]
        else:
            assert payload.keys() == {"userId", "lastSeenAt"}
            said, at = payload["lastSeenAt"], None
        self.actual.append((event, user_id, frozenset(targets), said, at))
        for connection in targets:
            assert (user_id in self.pictures[connection]) == (change.before is not None)
            if event == "user:online":
                self.pictures[connection].add(user_id)
            else:
                self.pictures[connection].remove(user_id)

    def hold(self, identity: Identity) -> None:
        assert self.holds.get(identity.user_id) != identity
        self.holds[identity.user_id] = identity

    def release(self, identity: Identity, last_seen: datetime) -> None:
        assert self.holds.pop(identity.user_id) == identity
        assert last_seen <= self.time.now()

    def is_here(self, user_id: str) -> bool:
        return user_id in self.left or user_id in self.owners.values()

    def is_away(self, user_id: str) -> bool:
        return any(user == user_id for _, user in self.away)

    def devices(self, user_id: str) -> frozenset[int]:
        return frozenset(c for c, owner in self.owners.items() if owner == user_id)

    def told_of(self, subject: Identity) -> frozenset[int]:
        return frozenset(c for c, owner in self.owners.items() if is_told(subject, self.users[owner]))

    def expect_online(self, subject: Identity, targets: frozenset[int]) -> None:
        if targets:
            self.expected.append(("user:online", subject.user_id, targets, subject.role, self.time.now()))

    def expect_offline(self, user_id: str, targets: frozenset[int], last_seen: datetime | None) -> None:
        if targets:
            self.expected.append(("user:offline", user_id, targets, last_seen, None))

    def model_gone(self, user_id: str, last_seen: datetime) -> None:
        self.left.pop(user_id, None)
        if is_open(self.users[user_id]):
            self.expected_stored.append((user_id, last_seen))
        self.model_parted(user_id, last_seen)

    def model_parted(self, user_id: str, last_seen: datetime) -> None:
        last_seen = max(last_seen, self.partings.get(user_id, last_seen))
        self.partings[user_id] = last_seen
        if self.is_away(user_id) or self.is_here(user_id):
            return
        del self.partings[user_id]
        subject = self.users.pop(user_id)
        self.expect_offline(user_id, self.told_of(subject), last_seen)

    def model_disconnect(self, connection: int, *, logout: bool) -> None:
        user_id = self.owners.pop(connection, None)
        if user_id is None or self.devices(user_id):
            return
        if logout:
            self.model_gone(user_id, self.time.now())
        else:
            self.left[user_id] = (self.time.elapsed + GRACE, self.time.now())

    def model_change(self, new: Identity) -> None:
        old = self.users[new.user_id]
        self.users[new.user_id] = new
        self.expect_online(new, self.told_of(new) - self.told_of(old))
        if new.status != old.status:
            self.expect_online(new, self.told_of(new) & self.told_of(old))
        last_seen = None
        if is_open(old) and not is_open(new):
            _, last_seen = self.left.get(new.user_id, (0, self.time.now()))
            if self.is_here(new.user_id):
                self.expected_stored.append((new.user_id, last_seen))
        self.expect_offline(new.user_id, self.told_of(old) - self.told_of(new), last_seen)
        for other in self.users.values():
            if is_told(other, new) and not is_told(other, old):
                self.expect_online(other, self.devices(new.user_id))
            if is_told(other, old) and not is_told(other, new):
                self.expect_offline(other.user_id, self.devices(new.user_id), None)

    def connect(self, connection: int, identity: Identity) -> None:
        user_id = identity.user_id
        if self.owners.get(connection, user_id) != user_id:
            self.model_disconnect(connection, logout=True)
        if user_id in self.users:
            self.model_change(identity)
            self.left.pop(user_id, None)
        else:
            self.users[user_id] = identity
            self.expect_online(identity, self.told_of(identity))
        self.owners[connection] = user_id

        self.presence.connect(connection, identity)
        self.pictures[connection] = set(self.presence.online(identity))

    @rule(connection=CONNECTIONS, identity=IDENTITIES)
    def connect_anew(self, connection: int, identity: Identity) -> None:
        self.connect(connection, identity)

    @precondition(lambda self: self.users)
    @rule(connection=CONNECTIONS, data=st.data())
    def connect_as_before(self, connection: int, data: st.DataObject) -> None:
        user_id = data.draw(st.sampled_from(sorted(self.users)))
        self.connect(connection, self.users[user_id])

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), logout=st.sampled_from([False, False, True]))
    def disconnect(self, data: st.DataObject, logout: bool) -> None:
        connection = data.draw(st.sampled_from(sorted(self.owners)))
        self.model_disconnect(connection, logout=logout)

        del self.pictures[connection]
        self.presence.disconnect(connection, logout=logout)
        self.presence.disconnect(connection, logout=logout)

    @rule(seconds=st.sampled_from([0.5, 4.0, 9.5, 10.0, 25.0]))
    def let_time_pass(self, seconds: float) -> None:
        until = self.time.elapsed + seconds
        for user_id, (due, last_seen) in list(self.left.items()):
            if due <= until:
                self.model_gone(user_id, last_seen)

        self.time.advance(seconds)

    @precondition(lambda self: self.users)
    @rule(data=st.data(), role=st.none() | ROLES, class_ids=st.none() | CLASSES, status=st.none() | STATUSES)
    def change(
        self,
        data: st.DataObject,
        role: Role | None,
        class_ids: frozenset[str] | None,
        status: Status | None,
    ) -> None:
        user_id = data.draw(st.sampled_from(sorted(self.users)))
        old = self.users[user_id]
        new_classes = old.class_ids if class_ids is None else class_ids
        self.model_change(
            Identity(user_id, old.school_id, role or old.role, new_classes, status or old.status)
        )

        self.presence.changed(user_id, role=role, class_ids=class_ids, status=status)

    @rule(node=NODES, identity=IDENTITIES)
    def hear_of_somebody(self, node: str, identity: Identity) -> None:
        user_id = identity.user_id
        agrees = True
        if self.is_here(user_id):
            agrees = self.users[user_id] == identity
        elif user_id in self.users:
            self.model_change(identity)
        else:
            self.users[user_id] = identity
            self.expect_online(identity, self.told_of(identity))
        self.away.add((node, user_id))

        assert self.presence.held(node, identity) == agrees

    def hear_end(self, node: str, user_id: str, seconds_ago: float | None) -> None:
        last_seen = None if seconds_ago is None else self.time.now() - timedelta(seconds=seconds_ago)
        if (node, user_id) in self.away:
            self.away.remove((node, user_id))
            self.model_parted(user_id, last_seen or self.time.now())

        self.presence.released(node, user_id, last_seen)

    @rule(node=NODES, user_id=USERS, seconds_ago=st.sampled_from([0.0, 5.0, 10.0]))
    def hear_of_an_end(self, node: str, user_id: str, seconds_ago: float) -> None:
        self.hear_end(node, user_id, seconds_ago)

    @rule(node=NODES)
    def hear_of_a_nodes_death(self, node: str) -> None:
        for user_id in sorted(user for holder, user in self.away if holder == node):
            self.hear_end(node, user_id, None)

    @rule(user_id=USERS)
    def remove_user(self, user_id: str) -> None:
        devices = self.devices(user_id)
        if user_id in self.users:
            _, last_seen = self.left.get(user_id, (0, self.time.now()))
            here = self.is_here(user_id)
            for connection in devices:
                del self.owners[connection]
                del self.pictures[connection]
            self.left.pop(user_id, None)
            self.away -= {place for place in self.away if place[1] == user_id}
            (self.model_gone if here else self.model_parted)(user_id, last_seen)

        assert self.presence.removed(user_id) == devices

    @invariant()
    def every_broadcast_was_the_models(self) -> None:
        assert Counter(self.actual) == Counter(self.expected)
        assert self.stored == self.expected_stored
        for events in (self.actual, self.expected, self.stored, self.expected_stored):
            events.clear()

    @invariant()
    def the_other_nodes_know_exactly_whom_this_one_has(self) -> None:
        assert self.holds == {u: subject for u, subject in self.users.items() if self.is_here(u)}

    @invariant()
    def every_client_knows_exactly_whom_it_may_see(self) -> None:
        for connection, owner in self.owners.items():
            viewer = self.users[owner]
            visible = {u for u, subject in self.users.items() if is_told(subject, viewer)}
            assert self.pictures[connection] == visible
            assert self.presence.online(viewer) == sorted(visible)
            assert self.presence.online(viewer, [*self.users, "nobody"]) == sorted(visible)

    @invariant()
    def a_timer_runs_for_each_user_in_grace_and_no_other(self) -> None:
        assert sorted(timer.due for timer in self.time.pending) == sorted(
            due for due, _ in self.left.values()
        )


TestPresence = PresenceMachine.TestCase
TestPresence.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
