"""A school of 3,000 whose server was restarted: everybody is back within three seconds."""

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any, Final

import pytest

from stonechat.socket.changes import Change
from stonechat.socket.collecting import Collector
from stonechat.socket.connections import ConnectionManager, Identity
from stonechat.socket.presence import Presence
from stonechat.socket.testing import ManualTime

ADMINS, TEACHERS, STUDENTS = 20, 180, 2800
CLASS_SIZE: Final = 30
WITHIN: Final = 3.0


class Storm:
    """Connections are the users' ids. ``naive`` knows by one frame a change, ``known`` by what was sent."""

    def __init__(self) -> None:
        self.time = ManualTime()
        self.collector = Collector[str](self.receive, call_later=self.time.call_later)
        self.presence = Presence[str](
            ConnectionManager(),
            self.tell,
            on_offline=lambda _id, _at: None,
            call_later=self.time.call_later,
            now=self.time.now,
        )
        self.naive: dict[str, set[str]] = {}
        self.known: dict[str, set[str]] = {}
        self.naive_frames = 0
        self.frames = 0

    def come(self, people: Iterable[Identity], moments: Iterable[float]) -> None:
        for person, moment in zip(people, moments, strict=True):
            self.time.advance(moment - self.time.elapsed)
            self.presence.connect(person.user_id, person)
            self.collector.forget(person.user_id)
            online = self.presence.online(person)
            self.naive[person.user_id], self.known[person.user_id] = set(online), set(online)

    def tell(self, connections: Iterable[str], change: Change) -> None:
        for connection in connections:
            self.naive_frames += 1
            self.naive[connection].add(change.user_id)
        self.collector.tell(connections, change)

    def receive(self, connections: Iterable[str], event: str, payload: dict[str, Any]) -> None:
        told = {change["userId"] for change in payload.get("changes", [payload])}
        assert event == ("user:online" if len(told) == 1 else "presence:changes")
        for connection in connections:
            self.frames += 1
            self.known[connection] |= told


def people(random: Random, courses: int) -> Iterator[Identity]:
    """Everybody; students are in so many classes of 30 each time others, and a class has one teacher."""
    places: dict[str, set[str]] = {f"student {number}": set() for number in range(STUDENTS)}
    teaching: dict[str, set[str]] = {f"teacher {number}": set() for number in range(TEACHERS)}
    for course in range(courses):
        students = list(places)
        random.shuffle(students)
        for start in range(0, STUDENTS, CLASS_SIZE):
            name = f"course {course} class {start}"
            teaching[f"teacher {random.randrange(TEACHERS)}"].add(name)
            for student in students[start : start + CLASS_SIZE]:
                places[student].add(name)
    yield from (Identity(f"admin {number}", "hill", "admin") for number in range(ADMINS))
    yield from (Identity(name, "hill", "teacher", frozenset(classes)) for name, classes in teaching.items())
    yield from (Identity(name, "hill", "student", frozenset(classes)) for name, classes in places.items())


@pytest.mark.parametrize("courses", [4, 1])
def test_a_restart_costs_a_fraction_of_the_frames_and_all_views_are_right(courses: int) -> None:
    random, storm = Random(5), Storm()
    everybody = list(people(random, courses))
    random.shuffle(everybody)
    storm.come(everybody, sorted(random.uniform(0, WITHIN) for _ in everybody))
    storm.time.advance(WITHIN)

    assert storm.known == storm.naive
    assert storm.frames <= 0.05 * storm.naive_frames
