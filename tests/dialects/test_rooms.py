"""Which sockets are in which rooms, and how many and how often."""

from __future__ import annotations

import pytest

from stonechat.core.context import Connection
from stonechat.core.errors import TooManyRequests
from stonechat.dialects.rooms import MINUTE, MOST, MOST_A_MINUTE, Rooms


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_room_is_its_schools() -> None:
    rooms, ada, ben = Rooms(), Connection(id="a"), Connection(id="b")
    assert rooms.join("hill", "lunch", ada)
    assert not rooms.join("hill", "lunch", ada)
    assert rooms.join("dale", "lunch", ben)
    assert rooms.members("hill", "lunch") == [ada]
    assert (rooms.has("dale", "lunch", ben), rooms.has("dale", "lunch", ada)) == (True, False)


def test_who_leaves_all_is_nowhere() -> None:
    rooms, ada = Rooms(), Connection(id="a")
    for name in ("lunch", "games"):
        rooms.join("hill", name, ada)
    assert rooms.leave("hill", "lunch", ada)
    assert not rooms.leave("hill", "lunch", ada)
    assert rooms.of(ada) == {"games"}
    assert rooms.leave_all(ada) == ["games"]
    assert (rooms.of(ada), rooms.members("hill", "games")) == (set(), [])


def test_nobody_is_in_very_many_rooms() -> None:
    rooms, ada = Rooms(), Connection(id="a")
    for number in range(MOST):
        rooms.join("hill", str(number), ada)
    with pytest.raises(TooManyRequests, match="in too many rooms"):
        rooms.join("hill", "one more", ada)
    assert len(rooms.of(ada)) == MOST


def test_nobody_comes_and_goes_for_ever() -> None:
    clock = Clock()
    rooms, ada, ben = Rooms(clock=clock), Connection(id="a"), Connection(id="b")
    for _ in range(MOST_A_MINUTE):
        rooms.join("hill", "lunch", ada)
        rooms.leave("hill", "lunch", ada)
    with pytest.raises(TooManyRequests, match="too often") as refusal:
        rooms.join("hill", "lunch", ada)
    assert refusal.value.data == {"retryAfter": 60}
    assert rooms.of(ada) == set()
    assert rooms.join("hill", "lunch", ben)
    clock.at = MINUTE
    assert rooms.join("hill", "lunch", ada)
