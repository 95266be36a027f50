import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from stonechat.socket.changes import Change
from stonechat.socket.connections import ConnectionManager, Identity
from stonechat.socket.presence import Presence
from stonechat.socket.testing import ManualTime

ONLINE, OFFLINE = "user:online", "user:offline"

ADMIN = Identity("admin", "hill", "admin")
RIVERA = Identity("rivera", "hill", "teacher", frozenset({"maths", "physics"}))
OKAFOR = Identity("okafor", "hill", "teacher", frozenset({"history"}))
ADA = Identity("ada", "hill", "student", frozenset({"maths"}))
BEN = Identity("ben", "hill", "student", frozenset({"maths"}))
CLEO = Identity("cleo", "hill", "student", frozenset({"history"}))
FINN = Identity("finn", "hill", "student", frozenset({"physics", "history"}))
DAN = Identity("dan", "lake", "student", frozenset({"maths"}))
ITO = Identity("ito", "lake", "teacher", frozenset({"maths"}))
HILL = [ADMIN, RIVERA, OKAFOR, ADA, BEN, CLEO, FINN]

Told: TypeAlias = tuple[set[str], str, dict[str, Any]]


class Demo:
    """A presence whose connections are named `ada`, `ada/2`, …, what it told, and whom it found offline."""

    def __init__(self) -> None:
        self.time = ManualTime()
        self.told: list[Told] = []
        self.last_seen: dict[str, datetime] = {}
        self.connections: ConnectionManager[str] = ConnectionManager()
        self.presence = Presence(
            self.connections,
            self.record,
            on_offline=self.last_seen.__setitem__,
            call_later=self.time.call_later,
            now=self.time.now,
        )

    def record(self, connections: Iterable[str], change: Change) -> None:
        self.told.append((set(connections), change.event, change.payload))

    def take(self) -> list[Told]:
        """What was told since the last time."""
        told, self.told = self.told, []
        return told

    def enter(self, *identities: Identity) -> None:
        for identity in identities:
            self.presence.connect(identity.user_id, identity)
        self.told.clear()


@pytest.fixture
def demo() -> Demo:
    return Demo()


def test_ben_is_announced_to_exactly_ada_and_rivera(demo: Demo) -> None:
    demo.enter(ADMIN, RIVERA, OKAFOR, ADA, CLEO, FINN, DAN, ITO)
    demo.presence.connect("ben", BEN)

    payload = {"userId": "ben", "role": "student", "at": demo.time.now()}
    assert demo.take() == [({"ada", "rivera"}, ONLINE, payload)]


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        (RIVERA, {"okafor", "ada", "ben", "finn"}),
        (OKAFOR, {"rivera", "cleo", "finn"}),
        (CLEO, {"okafor", "finn"}),
        (FINN, {"rivera", "okafor", "cleo"}),
        (ADMIN, {"rivera", "okafor", "ada", "ben", "cleo", "finn"}),
        (DAN, {"ito"}),
        (ITO, {"dan"}),
    ],
)
def test_both_ways_the_same_are_told(demo: Demo, subject: Identity, told: set[str]) -> None:
    demo.enter(*(identity for identity in [*HILL, DAN, ITO] if identity != subject))
    demo.presence.connect("it", subject)
    demo.presence.disconnect("it", logout=True)

    assert [(connections, event) for connections, event, _ in demo.take()] == [
        (told, ONLINE),
        (told, OFFLINE),
    ]


def test_nobody_is_told_where_nobody_may_know(demo: Demo) -> None:
    demo.enter(ADMIN, OKAFOR, CLEO, DAN, ITO)
    demo.presence.connect("ben", BEN)
    demo.presence.disconnect("ben", logout=True)

    assert demo.take() == []
    assert demo.last_seen == {"ben": demo.time.now()}


def test_a_user_is_announced_once_for_all_devices(demo: Demo) -> None:
    demo.enter(ADA)
    demo.presence.connect("ben", BEN)
    demo.presence.connect("ben/2", BEN)
    demo.presence.connect("ben", BEN)
    assert [event for _, event, _ in demo.take()] == [ONLINE]

    demo.presence.disconnect("ben")
    demo.time.advance(60)
    assert demo.take() == []

    demo.presence.disconnect("ben/2")
    demo.time.advance(60)
    assert [event for _, event, _ in demo.take()] == [OFFLINE]


def test_offline_is_told_after_the_grace_with_the_moment_of_the_disconnect(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.time.advance(5)
    gone_at = demo.time.now()
    demo.presence.disconnect("ben")
    demo.time.advance(9.9)
    assert demo.take() == []
    assert demo.last_seen == {}

    demo.time.advance(0.1)
    assert demo.take() == [({"ada"}, OFFLINE, {"userId": "ben", "lastSeenAt": gone_at})]
    assert demo.last_seen == {"ben": gone_at}


def test_a_return_within_the_grace_is_not_told(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.disconnect("ben")
    demo.time.advance(9)
    demo.presence.connect("ben/2", BEN)
    demo.time.advance(60)

    assert demo.take() == []
    assert demo.last_seen == {}
    assert not demo.time.pending


def test_each_disconnect_has_a_grace_of_its_own(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    for _ in range(3):
        demo.presence.disconnect("ben")
        demo.time.advance(9)
        demo.presence.connect("ben", BEN)
    assert demo.take() == []

    demo.presence.disconnect("ben")
    demo.time.advance(10)
    assert [event for _, event, _ in demo.take()] == [OFFLINE]


def test_a_logout_has_no_grace(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.disconnect("ben", logout=True)

    payload = {"userId": "ben", "lastSeenAt": demo.time.now()}
    assert demo.take() == [({"ada"}, OFFLINE, payload)]
    demo.presence.disconnect("ben")
    assert demo.take() == []
    assert not demo.time.pending


def test_a_logout_on_one_device_leaves_the_user_online_by_the_other(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.connect("ben/2", BEN)
    demo.presence.disconnect("ben", logout=True)
    assert demo.take() == []
    assert demo.presence.online(ADA) == ["ben"]

    demo.presence.disconnect("ben/2")
    assert demo.take() == []
    assert demo.presence.online(ADA) == ["ben"]


def test_offline_is_told_to_those_who_may_know_by_then(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.disconnect("ben")
    demo.presence.disconnect("ada", logout=True)
    demo.presence.connect("rivera", RIVERA)
    demo.told.clear()
    demo.time.advance(10)

    assert demo.take() == [({"rivera"}, OFFLINE, {"userId": "ben", "lastSeenAt": demo.time.start})]


def test_without_a_grace_a_disconnect_is_told_at_once() -> None:
    told: list[str] = []

    def tell(connections: Iterable[str], change: Change) -> None:
        told.append(change.event)

    presence = Presence[str](ConnectionManager(), tell, on_offline=lambda _id, _at: None, grace=0)
    presence.connect("ada", ADA)
    presence.connect("ben", BEN)
    presence.disconnect("ben")

    assert told == [ONLINE, OFFLINE]


def test_online_lists_those_visible_and_never_oneself(demo: Demo) -> None:
    demo.enter(*HILL, DAN, ITO)

    assert demo.presence.online(ADA) == ["admin", "ben", "rivera"]
    assert demo.presence.online(ADMIN) == []
    assert demo.presence.online(ITO) == ["dan"]


def test_online_of_given_users_says_nothing_of_the_invisible(demo: Demo) -> None:
    demo.enter(*HILL, DAN)
    asked = ["rivera", "ben", "ben", "cleo", "dan", "ada", "nobody"]

    assert demo.presence.online(ADA, asked) == ["ben", "rivera"]
    assert demo.presence.online(ADA, []) == []


def test_one_in_grace_counts_as_online(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.disconnect("ben")

    assert demo.presence.online(ADA) == ["ben"]
    assert demo.presence.online(ADA, ["ben"]) == ["ben"]
    demo.time.advance(10)
    assert demo.presence.online(ADA) == []
    assert demo.presence.online(ADA, ["ben"]) == []


def test_a_change_of_class_tells_both_sides_what_differs_and_no_more(demo: Demo) -> None:
    demo.enter(*HILL, DAN, ITO)
    demo.presence.connect("ben/2", BEN)
    demo.time.advance(1)
    demo.presence.changed("ben", class_ids={"history"})
    at, own = demo.time.now(), {"ben", "ben/2"}

    told = sorted(demo.take(), key=lambda each: (each[1], each[2]["userId"]))
    assert told == [
        (own, OFFLINE, {"userId": "ada", "lastSeenAt": None}),
        ({"ada", "rivera"}, OFFLINE, {"userId": "ben", "lastSeenAt": None}),
        (own, OFFLINE, {"userId": "rivera", "lastSeenAt": None}),
        ({"cleo", "finn", "okafor"}, ONLINE, {"userId": "ben", "role": "student", "at": at}),
        (own, ONLINE, {"userId": "cleo", "role": "student", "at": at}),
        (own, ONLINE, {"userId": "finn", "role": "student", "at": at}),
        (own, ONLINE, {"userId": "okafor", "role": "teacher", "at": at}),
    ]
    assert demo.connections.in_class("maths") == {"rivera", "ada", "dan", "ito"}
    assert demo.connections.in_class("history") == {"okafor", "cleo", "finn", *own}


def test_a_change_that_changes_nothing_tells_nothing(demo: Demo) -> None:
    demo.enter(*HILL)
    demo.presence.changed("ben")
    demo.presence.changed("ben", role="student", class_ids=["maths"])
    demo.presence.changed("nobody", role="admin")

    assert demo.take() == []


def test_one_made_an_admin_is_seen_by_all_and_sees_admins_only(demo: Demo) -> None:
    demo.enter(*HILL, DAN, ITO)
    demo.presence.changed("ben", role="admin")

    told = [(connections, event, payload["userId"]) for connections, event, payload in demo.take()]
    assert sorted(told, key=lambda each: each[2]) == [
        ({"ben"}, OFFLINE, "ada"),
        ({"admin", "okafor", "cleo", "finn"}, ONLINE, "ben"),
        ({"ben"}, OFFLINE, "rivera"),
    ]


def test_a_change_during_the_grace_is_told_and_the_grace_goes_on(demo: Demo) -> None:
    demo.enter(ADA, BEN, CLEO)
    demo.presence.disconnect("ben")
    demo.presence.changed("ben", class_ids=["history"])

    at = demo.time.now()
    assert demo.take() == [
        ({"cleo"}, ONLINE, {"userId": "ben", "role": "student", "at": at}),
        ({"ada"}, OFFLINE, {"userId": "ben", "lastSeenAt": None}),
    ]
    demo.time.advance(10)
    assert demo.take() == [({"cleo"}, OFFLINE, {"userId": "ben", "lastSeenAt": at})]


def test_a_second_device_with_newer_classes_is_a_change(demo: Demo) -> None:
    demo.enter(ADA, BEN, CLEO)
    demo.presence.connect("ben/2", replace(BEN, class_ids=frozenset({"maths", "history"})))

    at = demo.time.now()
    assert demo.take() == [
        ({"cleo"}, ONLINE, {"userId": "ben", "role": "student", "at": at}),
        ({"ben"}, ONLINE, {"userId": "cleo", "role": "student", "at": at}),
    ]
    assert demo.connections.in_class("history") == {"ben", "ben/2", "cleo"}


def test_a_connection_that_changes_hands_logs_its_former_user_out(demo: Demo) -> None:
    demo.enter(RIVERA, ADA)
    demo.presence.connect("ada", BEN)

    assert [(event, payload["userId"]) for _, event, payload in demo.take()] == [
        (OFFLINE, "ada"),
        (ONLINE, "ben"),
    ]
    assert not demo.time.pending


def test_a_removed_user_is_offline_at_once_and_its_connections_are_handed_back(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.connect("ben/2", BEN)

    assert demo.presence.removed("ben") == {"ben", "ben/2"}
    assert demo.take() == [({"ada"}, OFFLINE, {"userId": "ben", "lastSeenAt": demo.time.now()})]
    demo.presence.disconnect("ben")
    demo.presence.disconnect("ben/2")
    assert demo.presence.removed("ben") == set()
    assert demo.take() == []
    assert not demo.time.pending


def test_one_removed_during_the_grace_was_last_seen_before_it(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.disconnect("ben")
    demo.time.advance(4)

    assert demo.presence.removed("ben") == set()
    assert demo.take() == [({"ada"}, OFFLINE, {"userId": "ben", "lastSeenAt": demo.time.start})]
    demo.time.advance(60)
    assert demo.take() == []


def test_closing_cancels_the_timers_and_returns_whom_nobody_hears_of(demo: Demo) -> None:
    demo.enter(ADA, BEN)
    demo.presence.disconnect("ben")

    assert demo.presence.close() == {"ben": demo.time.start}
    assert not demo.time.pending
    assert demo.take() == []
    assert demo.presence.close() == {}


async def test_the_running_loop_and_the_clock_are_the_defaults() -> None:
    offline: asyncio.Future[datetime] = asyncio.get_running_loop().create_future()

    def tell(connections: Iterable[str], change: Change) -> None:
        if change.event == OFFLINE:
            offline.set_result(change.payload["lastSeenAt"])

    presence = Presence[str](ConnectionManager(), tell, on_offline=lambda _id, _at: None, grace=0.001)
    presence.connect("ada", ADA)
    presence.connect("ben", BEN)
    presence.disconnect("ben")
    async with asyncio.timeout(10):
        last_seen = await offline

    assert last_seen.tzinfo is UTC
