"""What the clients of a run did and saw: the history that is checked at its end."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Json = Any
Source = Literal["event", "sync", "own"]
CursorKind = Literal["delivered", "read"]
Outcome = Literal["sure", "unsure", "refused"]
"""Of a call: answered with a result, not answered at all, answered with an error."""


@dataclass(slots=True)
class Sent:
    """A message that somebody wanted written. ``number`` counts those of one writer, ``key`` is its key.

    ``answers`` are the messages that the tries were answered with, ``is_unsure`` says that one was not.
    """

    writer: str
    conversation: str
    number: int
    key: str
    content: str
    is_unsure: bool = False
    answers: list[Json] = field(default_factory=list[Json])
    refused: int | None = None


class Change(NamedTuple):
    """A try to change a message; ``said`` is an edit's content, or a reaction's emoji."""

    kind: Literal["edit", "remove", "react", "take"]
    who: str
    conversation: str
    message: str
    said: str
    outcome: Outcome


class Cursor(NamedTuple):
    """Whose cursor a viewer saw, and where: events, answers to sync and own calls have ways of their own."""

    viewer: str
    source: Source
    conversation: str
    whose: str
    kind: CursorKind


Heard = dict[tuple[str, str], dict[int, float]]


@dataclass(slots=True)
class History:
    """``founders[conversation]`` were in it from the start; ``joins[user, conversation]`` are the times at
    which somebody was asked to be let in again. ``heard[user, conversation]`` has each revision of something
    received with the first time, ``heard_of`` each ``seq`` that was named without one.
    """

    founders: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    joins: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    sent: list[Sent] = field(default_factory=list[Sent])
    changes: list[Change] = field(default_factory=list[Change])
    heard: Heard = field(default_factory=lambda: defaultdict(dict))
    heard_of: Heard = field(default_factory=lambda: defaultdict(dict))
    # read[user, messageId]: the newest revision in which the user was shown what it says
    read: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    cursors: dict[Cursor, int] = field(default_factory=dict[Cursor, int])
    faults: list[str] = field(default_factory=list[str])
    """What was wrong at the moment it was seen."""

    counts: Counter[str] = field(default_factory=Counter[str])
    in_flight: int = 0

    @property
    def written(self) -> int:
        return self.counts["acknowledged"] + self.counts["changes"]

    def note(self, user: str, conversation: str, *, revision: int | None = None, seq: int = 0) -> None:
        """The user was sent something of the conversation."""
        if revision is not None:
            self.heard[user, conversation].setdefault(revision, time.monotonic())
        elif seq:
            self.heard_of[user, conversation].setdefault(seq, time.monotonic())

    def note_message(self, user: str, message: Json) -> None:
        self.note(user, message["conversationId"], revision=message["revision"])
        if message["content"] is not None:
            at = (user, message["_id"])
            self.read[at] = max(self.read.get(at, 0), message["revision"])

    def note_cursor(self, cursor: Cursor, seq: int) -> None:
        before = self.cursors.get(cursor, 0)
        if seq < before:
            self.faults.append(f"a cursor went back from {before} to {seq}: {cursor}")
        self.cursors[cursor] = max(before, seq)
