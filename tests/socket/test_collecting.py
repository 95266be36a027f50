"""What each connection is sent of the changes that others tell it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from stonechat.socket.changes import Change, came_online, went_offline
from stonechat.socket.collecting import LONGEST, STORM, Collector
from stonechat.socket.connections import Identity
from stonechat.socket.status import Status
from stonechat.socket.testing import ManualTime

ONLINE, OFFLINE, CHANGES = "user:online", "user:offline", "presence:changes"
WINDOW = 0.5

Sent: TypeAlias = tuple[set[str], str, dict[str, Any]]


class Told:
    """A collector, what it has sent, and the changes of students to give it."""

    def __init__(self, seconds: float = WINDOW) -> None:
        self.time = ManualTime()
        self.sent: list[Sent] = []
        self.collector = Collector[str](self.record, seconds=seconds, call_later=self.time.call_later)

    def record(self, connections: Iterable[str], event: str, payload: dict[str, Any]) -> None:
        self.sent.append((set(connections), event, payload))

    def take(self) -> list[Sent]:
        sent, self.sent = self.sent, []
        return sent

    def online(self, user_id: str, status: Status | None = None, before: Status | None = None) -> Change:
        subject = Identity(user_id, "hill", "student", status=status or Status())
        return came_online(subject, self.time.now(), before=before)

    def offline(self, user_id: str, status: Status | None = None) -> Change:
        subject = Identity(user_id, "hill", "student", status=status or Status())
        return went_offline(subject, self.time.now())


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_single_change_goes_out_at_once(told: Told) -> None:
    change = told.online("ben")
    told.collector.tell({"ada", "rivera"}, change)
    assert told.take() == [({"ada", "rivera"}, ONLINE, change.payload)]
    told.time.advance(60)
    assert told.take() == []
    assert not told.time.pending


def test_what_follows_goes_out_together_at_the_end_of_the_window(told: Told) -> None:
    told.collector.tell({"ada", "eve"}, told.online("ben"))
    told.take()
    cleo, finn = told.online("cleo"), told.offline("finn")
    told.collector.tell({"ada", "eve"}, cleo)
    told.time.advance(WINDOW / 2)
    told.collector.tell({"ada", "eve"}, finn)
    assert told.take() == []
    told.time.advance(WINDOW / 2)
    changes = [{**cleo.payload, "online": True}, {**finn.payload, "online": False}]
    assert told.take() == [({"ada", "eve"}, CHANGES, {"changes": changes})]


def test_one_that_was_collected_alone_keeps_its_form(told: Told) -> None:
    told.collector.tell({"ada"}, told.online("ben"))
    told.take()
    finn = told.offline("finn")
    told.collector.tell({"ada"}, finn)
    told.time.advance(WINDOW)
    assert told.take() == [({"ada"}, OFFLINE, finn.payload)]


def test_each_connection_waits_for_its_own_changes_only(told: Told) -> None:
    told.collector.tell({"ada"}, told.online("ben"))
    told.take()
    cleo = told.online("cleo")
    told.collector.tell({"ada", "eve"}, cleo)
    assert told.take() == [({"eve"}, ONLINE, cleo.payload)]
    told.time.advance(WINDOW)
    assert told.take() == [({"ada"}, ONLINE, cleo.payload)]


def test_a_whole_window_without_a_change_ends_the_waiting(told: Told) -> None:
    told.collector.tell({"ada"}, told.online("ben"))
    told.time.advance(WINDOW * 2)
    told.take()
    told.collector.tell({"ada"}, told.online("cleo"))
    assert [event for _, event, _ in told.take()] == [ONLINE]


@pytest.mark.parametrize("times", [1, 3])
def test_who_comes_and_goes_within_the_window_was_not_there(told: Told, times: int) -> None:
    told.collector.tell({"ada"}, told.online("ben"))
    told.take()
    for _ in range(times):
        told.collector.tell({"ada"}, told.online("cleo"))
        told.collector.tell({"ada"}, told.offline("cleo"))
    told.time.advance(WINDOW)
    assert told.take() == []


def test_who_goes_and_comes_back_changed_is_told_as_is(told: Told) -> None:
    busy = Status("busy", "in class")
    told.collector.tell({"ada"}, told.online("ben"))
    told.take()
    told.collector.tell({"ada"}, told.offline("cleo"))
    told.collector.tell({"ada"}, told.online("cleo", busy))
    told.collector.tell({"ada"}, told.offline("finn", busy))
    told.collector.tell({"ada"}, told.online("finn", busy))
    told.time.advance(WINDOW)
    ((_, event, payload),) = told.take()
    assert (event, payload["userId"], payload["status"]) == (ONLINE, "cleo", "busy")


def test_who_was_online_is_told_offline_whatever_came_between(told: Told) -> None:
    busy = Status("busy")
    told.collector.tell({"ada"}, told.online("ben"))
    told.take()
    told.collector.tell({"ada"}, told.online("cleo", busy, before=Status()))
    told.collector.tell({"ada"}, told.offline("cleo", busy))
    told.time.advance(WINDOW)
    assert [(event, payload["userId"]) for _, event, payload in told.take()] == [(OFFLINE, "cleo")]


def test_one_forgotten_is_sent_nothing_of_what_waits(told: Told) -> None:
    told.collector.tell({"ada", "eve"}, told.online("ben"))
    told.take()
    cleo = told.online("cleo")
    told.collector.tell({"ada", "eve"}, cleo)
    told.collector.forget("ada")
    told.collector.forget("nobody")
    told.time.advance(WINDOW)
    assert told.take() == [({"eve"}, ONLINE, cleo.payload)]


def test_who_asks_meanwhile_is_told_what_waits_first(told: Told) -> None:
    told.collector.tell({"ada", "eve"}, told.online("ben"))
    told.take()
    cleo = told.online("cleo")
    told.collector.tell({"ada", "eve"}, cleo)
    told.collector.hasten("ada")
    told.collector.hasten("ada")
    told.collector.hasten("nobody")
    assert told.take() == [({"ada"}, ONLINE, cleo.payload)]
    told.collector.tell({"ada", "eve"}, told.offline("cleo"))
    told.time.advance(WINDOW)
    assert [(connections, event) for connections, event, _ in told.take()] == [({"ada"}, OFFLINE)]


def test_in_a_storm_all_wait_until_it_is_over(told: Told) -> None:
    for number in range(STORM - 1):
        told.collector.tell({f"viewer {number}"}, told.online("ben"))
    told.take()
    for name in ("cleo", "finn"):
        told.collector.tell({"ada", "viewer 1"}, told.online(name))
    assert told.take() == []
    told.time.advance(WINDOW)
    assert told.take() == []
    told.time.advance(WINDOW)
    assert [(connections, event) for connections, event, _ in told.take()] == [({"ada", "viewer 1"}, CHANGES)]

    told.time.advance(WINDOW * 2)
    told.collector.tell({"ada"}, told.online("eve"))
    assert [event for _, event, _ in told.take()] == [ONLINE]


def test_a_storm_that_does_not_end_is_told_of_now_and_then(told: Told) -> None:
    sent_at: list[timedelta] = []
    for window in range(2 * LONGEST):
        for number in range(STORM):
            told.collector.tell({"ada"}, told.online(f"{window} {number}"))
        told.take()
        told.time.advance(WINDOW)
        if told.take():
            sent_at.append(timedelta(seconds=told.time.elapsed))
    assert sent_at == [timedelta(seconds=WINDOW * LONGEST), timedelta(seconds=WINDOW * LONGEST * 2)]


def test_without_a_window_each_change_goes_out_at_once() -> None:
    told = Told(seconds=0)
    for name in ("ben", "cleo"):
        told.collector.tell({"ada"}, told.online(name))
    assert [event for _, event, _ in told.take()] == [ONLINE, ONLINE]
    assert not told.time.pending


def test_closing_sends_nothing_and_leaves_no_timer(told: Told) -> None:
    for name in ("ben", "cleo"):
        told.collector.tell({"ada"}, told.online(name))
    told.take()
    told.collector.close()
    told.collector.close()
    assert not told.time.pending
    assert told.take() == []
