import pytest

from stonechat.socket.audience import audience, may_see, visible_to
from stonechat.socket.connections import ConnectionManager, Identity, Role

MATHS, PHYSICS, HISTORY = "maths", "physics", "history"
IDENTITIES = [
    Identity("admin", "hill", "admin"),
    Identity("rivera", "hill", "teacher", frozenset({MATHS, PHYSICS})),
    Identity("okafor", "hill", "teacher", frozenset({HISTORY})),
    Identity("ada", "hill", "student", frozenset({MATHS})),
    Identity("ben", "hill", "student", frozenset({MATHS})),
    Identity("cleo", "hill", "student", frozenset({HISTORY})),
    Identity("finn", "hill", "student", frozenset({PHYSICS, HISTORY})),
    # The other school's classes bear the same ids.
    Identity("dan", "lake", "student", frozenset({MATHS, PHYSICS, HISTORY})),
    Identity("ito", "lake", "teacher", frozenset({MATHS, PHYSICS, HISTORY})),
]
USERS = {identity.user_id: identity for identity in IDENTITIES}


@pytest.fixture
def everybody() -> ConnectionManager[str]:
    """Two devices of each user, `ada/1` and `ada/2`."""
    manager: ConnectionManager[str] = ConnectionManager()
    for identity in IDENTITIES:
        manager.add(f"{identity.user_id}/1", identity)
        manager.add(f"{identity.user_id}/2", identity)
    return manager


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("ada", "ben rivera"),
        ("ben", "ada rivera"),
        ("cleo", "finn okafor"),
        ("finn", "cleo okafor rivera"),
        ("rivera", "okafor ada ben finn"),
        ("okafor", "rivera cleo finn"),
        ("admin", "rivera okafor ada ben cleo finn"),
        ("dan", "ito"),
        ("ito", "dan"),
    ],
)
def test_exactly_these_are_told(everybody: ConnectionManager[str], subject: str, told: str) -> None:
    expected = {f"{user_id}/{device}" for user_id in told.split() for device in (1, 2)}

    assert audience(everybody, USERS[subject]) == expected


@pytest.mark.parametrize(
    ("viewer", "seen"),
    [
        ("ada", "admin ben rivera"),
        ("cleo", "admin finn okafor"),
        ("finn", "admin cleo okafor rivera"),
        ("rivera", "admin okafor ada ben finn"),
        ("okafor", "admin rivera cleo finn"),
        ("admin", ""),
        ("dan", "ito"),
    ],
)
def test_exactly_these_are_visible(everybody: ConnectionManager[str], viewer: str, seen: str) -> None:
    assert visible_to(everybody, USERS[viewer]) == set(seen.split())


def test_the_rule_and_both_lookups_agree_for_every_pair(everybody: ConnectionManager[str]) -> None:
    for viewer in IDENTITIES:
        for subject in IDENTITIES:
            sees = may_see(viewer, subject)
            assert (f"{viewer.user_id}/1" in audience(everybody, subject)) is sees
            assert (subject.user_id in visible_to(everybody, viewer)) is sees


def test_one_who_is_not_connected_has_an_audience_all_the_same(everybody: ConnectionManager[str]) -> None:
    everybody.remove("ben/1")
    everybody.remove("ben/2")

    assert audience(everybody, USERS["ben"]) == {"ada/1", "ada/2", "rivera/1", "rivera/2"}


@pytest.mark.parametrize("role", ["student", "teacher", "admin"])
def test_nobody_is_told_about_other_schools(role: Role) -> None:
    viewer = Identity("gil", "hill", role, frozenset({MATHS}))

    for subject_role in list[Role](["student", "teacher", "admin"]):
        assert not may_see(viewer, Identity("dan", "lake", subject_role, frozenset({MATHS})))


@pytest.mark.parametrize("role", ["student", "teacher", "admin"])
def test_nobody_is_told_about_oneself(role: Role) -> None:
    ada = Identity("ada", "hill", role, frozenset({MATHS}))

    assert not may_see(ada, ada)


def test_the_class_ids_of_an_admin_mean_nothing() -> None:
    admin = Identity("admin", "hill", "admin", frozenset({MATHS}))
    manager: ConnectionManager[str] = ConnectionManager()
    manager.add("admin", admin)
    manager.add("ada", USERS["ada"])
    manager.add("cleo", USERS["cleo"])

    assert audience(manager, USERS["ada"]) == set()
    assert visible_to(manager, admin) == set()
    assert audience(manager, admin) == {"ada", "cleo"}


def test_an_admin_is_told_about_another_admin() -> None:
    assert may_see(Identity("admin", "hill", "admin"), Identity("head", "hill", "admin"))


def test_students_without_classes_know_of_nobody_but_admins() -> None:
    lone, other = Identity("gil", "hill", "student"), Identity("hana", "hill", "student")

    assert not may_see(lone, other)
    assert may_see(lone, USERS["admin"])
    assert not may_see(lone, USERS["rivera"])


def test_teachers_of_one_school_are_told_of_each_other_without_a_class() -> None:
    assert may_see(Identity("gil", "hill", "teacher"), USERS["rivera"])
    assert not may_see(Identity("gil", "hill", "teacher"), USERS["ada"])


class Counting(ConnectionManager[str]):
    """Counts how many connections were looked at."""

    looked_at = 0

    def identity(self, connection: str) -> Identity | None:
        self.looked_at += 1
        return super().identity(connection)


def test_the_cost_follows_the_answer_and_not_the_school() -> None:
    manager = Counting()
    for n in range(600):
        manager.add(
            f"student {n}", Identity(f"student {n}", "hill", "student", frozenset({f"class {n % 200}"}))
        )
    ada = Identity("ada", "hill", "student", frozenset({"class 7"}))

    assert audience(manager, ada) == {"student 7", "student 207", "student 407"}
    assert manager.looked_at == 3
    assert visible_to(manager, ada) == {"student 7", "student 207", "student 407"}
    assert manager.looked_at == 6
