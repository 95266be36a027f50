"""What connections know by a `Collector`, compared with a model that is told each change at once."""

from collections.abc import Iterable
from typing import Any

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stonechat.socket.changes import came_online, went_offline
from stonechat.socket.collecting import Collector
from stonechat.socket.connections import Identity
from stonechat.socket.status import Status
from stonechat.socket.testing import ManualTime

WINDOW = 0.5
CONNECTIONS = range(4)
USERS = st.sampled_from(["ada", "ben", "cleo"])
STATUSES = st.sampled_from([Status(), Status("busy"), Status("busy", "in class")])

View = dict[str, dict[str, str]]


class CollectorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.time = ManualTime()
        self.collector = Collector[int](self.receive, seconds=WINDOW, call_later=self.time.call_later)
        self.known: dict[int, View] = {connection: {} for connection in CONNECTIONS}
        self.frames: dict[int, list[float]] = {connection: [] for connection in CONNECTIONS}
        # The model: what stands in the world for each connection.
        self.world: dict[int, dict[str, Status]] = {connection: {} for connection in CONNECTIONS}

    def receive(self, connections: Iterable[int], event: str, payload: dict[str, Any]) -> None:
        singly = [{**payload, "online": event == "user:online"}]
        changes: list[dict[str, Any]] = payload["changes"] if event == "presence:changes" else singly
        assert len({change["userId"] for change in changes}) == len(changes) > 0
        assert (len(changes) > 1) == (event == "presence:changes")
        for connection in connections:
            self.frames[connection].append(self.time.elapsed)
            for change in changes:
                view = self.known[connection]
                if change["online"]:
                    view[change["userId"]] = {
                        "status": change.get("status", "available"),
                        "text": change.get("text", ""),
                    }
                else:
                    del view[change["userId"]]

    def check(self, connection: int) -> None:
        statuses = self.world[connection]
        assert self.known[connection] == {user_id: status.told() for user_id, status in statuses.items()}

    @rule(user_id=USERS, viewers=st.sets(st.sampled_from(CONNECTIONS), min_size=1), status=STATUSES)
    def come(self, user_id: str, viewers: set[int], status: Status) -> None:
        subject = Identity(user_id, "hill", "student", status=status)
        before: dict[Status | None, set[int]] = {}
        for viewer in viewers:
            before.setdefault(self.world[viewer].get(user_id), set()).add(viewer)
            self.world[viewer][user_id] = status
        for known, told in before.items():
            if known != status:
                self.collector.tell(told, came_online(subject, self.time.now(), before=known))

    @rule(user_id=USERS, viewers=st.sets(st.sampled_from(CONNECTIONS), min_size=1))
    def go(self, user_id: str, viewers: set[int]) -> None:
        gone: dict[Status, set[int]] = {}
        for viewer in viewers:
            if (status := self.world[viewer].pop(user_id, None)) is not None:
                gone.setdefault(status, set()).add(viewer)
        for status, told in gone.items():
            subject = Identity(user_id, "hill", "student", status=status)
            self.collector.tell(told, went_offline(subject, self.time.now()))

    @rule(connection=st.sampled_from(CONNECTIONS))
    def start_anew(self, connection: int) -> None:
        self.collector.forget(connection)
        self.known[connection] = {
            user_id: status.told() for user_id, status in self.world[connection].items()
        }
        self.frames[connection].clear()

    @rule(connection=st.sampled_from(CONNECTIONS))
    def ask(self, connection: int) -> None:
        self.collector.hasten(connection)
        self.check(connection)
        self.frames[connection].clear()

    @rule(seconds=st.floats(0.01, 0.6))
    def wait(self, seconds: float) -> None:
        self.time.advance(seconds)

    @rule()
    def settle(self) -> None:
        self.time.advance(WINDOW)
        for connection in CONNECTIONS:
            self.check(connection)

    @rule()
    def rest(self) -> None:
        self.time.advance(3 * WINDOW)
        assert not self.time.pending

    @invariant()
    def nobody_is_sent_three_frames_within_a_window(self) -> None:
        for sent in self.frames.values():
            assert all(third - first >= WINDOW - 1e-9 for first, third in zip(sent, sent[2:], strict=False))


TestCollector = CollectorMachine.TestCase
TestCollector.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
