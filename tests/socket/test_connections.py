from dataclasses import replace

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from stonechat.socket.connections import ConnectionManager, Identity, Role

ADA = Identity("ada", "hill", "student", frozenset({"maths"}))
RIVERA = Identity("rivera", "hill", "teacher", frozenset({"maths", "physics"}))


def test_only_the_first_connection_of_a_user_is_the_first() -> None:
    manager: ConnectionManager[int] = ConnectionManager()

    assert manager.add(1, ADA)
    assert not manager.add(2, ADA)
    assert not manager.add(1, ADA)
    assert len(manager) == 2
    assert manager.of_user("ada") == {1, 2}


def test_removing_tells_whether_it_was_the_last() -> None:
    manager: ConnectionManager[int] = ConnectionManager()
    manager.add(1, ADA)
    manager.add(2, ADA)

    assert manager.remove(1) == (ADA, False)
    assert manager.remove(2) == (ADA, True)
    assert manager.remove(2) is None
    assert manager.identity_of_user("ada") is None


def test_an_update_moves_every_connection_of_the_user() -> None:
    manager: ConnectionManager[int] = ConnectionManager()
    manager.add(1, ADA)
    manager.add(2, ADA)
    updated = manager.update("ada", role="teacher", class_ids=["history"])

    assert updated == Identity("ada", "hill", "teacher", frozenset({"history"}))
    assert manager.in_class("maths") == set()
    assert manager.in_class("history") == {1, 2}
    assert manager.with_role("hill", "student") == set()
    assert manager.with_role("hill", "teacher") == {1, 2}


def test_an_update_leaves_what_it_does_not_name() -> None:
    manager: ConnectionManager[int] = ConnectionManager()
    manager.add(1, ADA)

    assert manager.update("ada", role="admin") == replace(ADA, role="admin")
    assert manager.update("ada", class_ids=()) == Identity("ada", "hill", "admin")


def test_an_update_of_a_user_who_is_not_connected_changes_nothing() -> None:
    manager: ConnectionManager[int] = ConnectionManager()

    assert manager.update("ada", role="admin") is None
    assert manager.with_role("hill", "admin") == set()


def test_a_newer_identity_holds_for_the_older_connections_too() -> None:
    manager: ConnectionManager[int] = ConnectionManager()
    manager.add(1, ADA)
    manager.add(2, replace(ADA, class_ids=frozenset({"physics"})))

    assert manager.in_class("maths") == set()
    assert manager.in_class("physics") == {1, 2}


def test_a_connection_may_change_hands() -> None:
    manager: ConnectionManager[int] = ConnectionManager()
    manager.add(1, ADA)

    assert manager.add(1, RIVERA)
    assert manager.of_user("ada") == set()
    assert manager.identity(1) == RIVERA


def test_a_role_is_looked_up_within_one_school() -> None:
    manager: ConnectionManager[int] = ConnectionManager()
    manager.add(1, ADA)
    manager.add(2, Identity("dan", "lake", "student", frozenset({"maths"})))

    assert manager.with_role("hill", "student") == {1}
    assert manager.in_school("lake") == {2}
    assert manager.in_class("maths") == {1, 2}


SCHOOLS = st.sampled_from(["hill", "lake"])
ROLES = st.sampled_from(list[Role](["student", "teacher", "admin"]))
CLASSES = st.frozensets(st.sampled_from(["maths", "physics", "history"]))
USERS = st.sampled_from(["u1", "u2", "u3", "u4"])
CONNECTIONS = st.integers(0, 6)


class ConnectionsMachine(RuleBasedStateMachine):
    """The manager beside a plain list of (connection, identity)."""

    def __init__(self) -> None:
        super().__init__()
        self.manager: ConnectionManager[int] = ConnectionManager()
        self.rows: list[tuple[int, Identity]] = []

    def having(self, **fields: str) -> set[int]:
        return {
            connection
            for connection, identity in self.rows
            if all(getattr(identity, name) == value for name, value in fields.items())
        }

    def set_identity(self, user_id: str, identity: Identity) -> None:
        self.rows = [(c, identity if i.user_id == user_id else i) for c, i in self.rows]

    @rule(connection=CONNECTIONS, user_id=USERS, school_id=SCHOOLS, role=ROLES, class_ids=CLASSES)
    def add(
        self, connection: int, user_id: str, school_id: str, role: Role, class_ids: frozenset[str]
    ) -> None:
        identity = Identity(user_id, school_id, role, class_ids)
        first = not self.having(user_id=user_id)
        self.rows = [*((c, i) for c, i in self.rows if c != connection), (connection, identity)]
        self.set_identity(user_id, identity)

        assert self.manager.add(connection, identity) is first

    @rule(connection=CONNECTIONS)
    def remove(self, connection: int) -> None:
        gone = [identity for c, identity in self.rows if c == connection]
        self.rows = [(c, identity) for c, identity in self.rows if c != connection]
        expected = (gone[0], not self.having(user_id=gone[0].user_id)) if gone else None

        assert self.manager.remove(connection) == expected

    @rule(user_id=USERS, role=st.none() | ROLES, class_ids=st.none() | CLASSES)
    def update(self, user_id: str, role: Role | None, class_ids: frozenset[str] | None) -> None:
        old = next((i for _, i in self.rows if i.user_id == user_id), None)
        new = None
        if old is not None:
            new = Identity(
                user_id,
                old.school_id,
                old.role if role is None else role,
                old.class_ids if class_ids is None else class_ids,
            )
            self.set_identity(user_id, new)

        assert self.manager.update(user_id, role=role, class_ids=class_ids) == new

    @invariant()
    def every_lookup_answers_as_the_list_does(self) -> None:
        manager, users = self.manager, ["u1", "u2", "u3", "u4"]
        assert len(manager) == len(self.rows)
        assert {c: manager.identity(c) for c in range(7)} == {c: dict(self.rows).get(c) for c in range(7)}
        for user_id in users:
            assert manager.of_user(user_id) == self.having(user_id=user_id)
            assert manager.identity_of_user(user_id) == next(
                (i for _, i in self.rows if i.user_id == user_id), None
            )
        assert manager.of_users(users[:2]) == self.having(user_id="u1") | self.having(user_id="u2")
        for school_id in ("hill", "lake"):
            assert manager.in_school(school_id) == self.having(school_id=school_id)
            for role in list[Role](["student", "teacher", "admin"]):
                assert manager.with_role(school_id, role) == self.having(school_id=school_id, role=role)
        for class_id in ("maths", "physics", "history"):
            assert manager.in_class(class_id) == {c for c, i in self.rows if class_id in i.class_ids}

    @invariant()
    def no_empty_bucket_is_kept(self) -> None:
        users = {identity.user_id for _, identity in self.rows}
        schools = {identity.school_id for _, identity in self.rows}
        roles = {(identity.school_id, identity.role) for _, identity in self.rows}
        classes = {class_id for _, identity in self.rows for class_id in identity.class_ids}
        keys = self.manager._index.keys()  # pyright: ignore[reportPrivateUsage]

        assert len(keys) == len(users) + len(schools) + len(roles) + len(classes)


TestConnections = ConnectionsMachine.TestCase
TestConnections.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
