"""What a client must do to hold what the server has: a copy that is made of acknowledgements, events and
answers to ``sync`` alone.

The rules, for who writes a client:

- Of two states of a record the one with the greater ``revision`` is the newer. A reaction changes one tally
  of its message: each has a revision of its own, or an edit that comes late would be taken for an old one.
- ``revision`` of a conversation, the one to sync from, is that up to which nothing is lacking. What comes
  ahead of a gap does not move it.
- While a ``sync`` is under way events wait: the answer says how it was before them.
- A place in a conversation has a revision too. What tells of a removal that is older than the place is late.
- ``resync``, ``joined`` and an own place that is new mean: fetch the conversation's members and messages, and
  apply all that comes meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

Json = Any

NEWS: Final = frozenset({"messages created", "messages patched", "messages removed"})
NOT_KEPT: Final = frozenset({"status", "duplicate", "reactions", "revision"})
"""Of a message: what is the reader's or a call's own, and what is kept apart."""


@dataclass(slots=True)
class Held:
    """A message; ``tallies[emoji]`` is how many have set it, and as of which revision."""

    record: Json
    tallies: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def take(self, message: Json) -> None:
        revision = message["revision"]
        told = {tally["emoji"]: tally["count"] for tally in message["reactions"]}
        for emoji in {*told, *self.tallies}:
            self.count(emoji, told.get(emoji, 0), revision)
        if revision > self.record["revision"]:
            self.record = message

    def count(self, emoji: str, count: int, revision: int) -> None:
        if self.tallies.get(emoji, (0, self.record["revision"]))[1] < revision:
            self.tallies[emoji] = count, revision

    def shown(self) -> dict[str, Json]:
        """As it is to be drawn; ``reactions`` by emoji."""
        record = {name: value for name, value in self.record.items() if name not in NOT_KEPT}
        tallies = {emoji: count for emoji, (count, _) in self.tallies.items() if count}
        return {**record, "reactions": {} if record["deletedAt"] else tallies}


@dataclass(slots=True)
class Place:
    revision: int
    delivered: int = 0
    read: int = 0

    def move(self, delivered: int, read: int) -> None:
        self.read = max(self.read, read)
        self.delivered = max(self.delivered, delivered, self.read)


@dataclass(slots=True)
class Talk:
    """A conversation. ``left[user]`` is the revision with which somebody left it."""

    messages: dict[str, Held] = field(default_factory=dict[str, Held])
    places: dict[str, Place] = field(default_factory=dict[str, Place])
    left: dict[str, int] = field(default_factory=dict[str, int])
    revision: int = 0
    is_whole: bool = False
    # Revisions that were told and have a gap before them.
    _ahead: set[int] = field(default_factory=set[int])

    @property
    def seq(self) -> int:
        return max((held.record["seq"] for held in self.messages.values()), default=0)

    def message(self, message: Json) -> None:
        held = self.messages.get(message["_id"])
        if held is None:
            held = self.messages[message["_id"]] = Held({**message, "revision": -1})
        held.take(message)
        self.told(message["revision"])

    def reaction(self, reaction: Json) -> None:
        """One that is told without its count says nothing that could be drawn: the next sync will."""
        held = self.messages.get(reaction["messageId"])
        if held is None or reaction.get("count") is None:
            return
        held.count(reaction["emoji"], reaction["count"], reaction["revision"])
        self.told(reaction["revision"])

    def place(self, member: Json) -> None:
        user, revision = member["userId"], member["revision"]
        held = self.places.get(user)
        if revision > self.left.get(user, -1):
            if held is None:
                held = self.places[user] = Place(revision)
            held.revision = max(held.revision, revision)
            held.move(member["deliveredSeq"], member["readSeq"])
        self.told(revision)

    def gone(self, user: str, revision: int) -> None:
        self.left[user] = max(self.left.get(user, 0), revision)
        held = self.places.get(user)
        if held is not None and held.revision < revision:
            del self.places[user]
        self.told(revision)

    def missed(self, told: Json) -> None:
        """An answer to ``sync``."""
        for user in told["left"]:
            if (place := self.places.get(user)) is not None and place.revision <= told["revision"]:
                del self.places[user]
        for member in told["members"]:
            self.place(member)
        for message in told["messages"]:
            self.message(message)
        for receipt in told["receipts"]:
            if receipt["userId"] in self.places:
                self.places[receipt["userId"]].move(receipt["deliveredSeq"], receipt["readSeq"])
        self.complete(told["revision"])

    def told(self, revision: int) -> None:
        if revision > self.revision:
            self._ahead.add(revision)
        self._close_gaps()

    def complete(self, revision: int) -> None:
        """Nothing is lacking up to ``revision``."""
        self.is_whole = True
        self.revision = max(self.revision, revision)
        self._close_gaps()

    def _close_gaps(self) -> None:
        while self.is_whole and self.revision + 1 in self._ahead:
            self.revision += 1
        self._ahead = {one for one in self._ahead if one > self.revision}


class Replica:
    """What one user's client holds. ``wanted`` are the conversations to be fetched: see ``begin``."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.talks: dict[str, Talk] = {}
        self.wanted: set[str] = set()
        self.at: str | None = None

    def event(self, name: str, payload: Json) -> None:
        if name.startswith("members "):
            self._place_changed(name, payload)
            return
        one = payload["_id"] if name.startswith("conversations ") else payload.get("conversationId")
        talk = self.talks.get(one)
        if talk is None:
            return
        if name in NEWS:
            talk.message(payload)
        elif name.startswith("reactions "):
            talk.reaction(payload)
        elif name.startswith("conversations "):
            talk.told(payload["revision"])
        elif name in {"message:delivered", "message:read"} and payload["userId"] in talk.places:
            seq = payload["seq"]
            talk.places[payload["userId"]].move(seq, seq if name == "message:read" else 0)

    def acknowledged(self, message: Json) -> None:
        """A call was answered with this message."""
        self.event("messages patched", message)

    def question(self) -> dict[str, Json]:
        """What to ask ``sync``."""
        whole = {one: talk for one, talk in self.talks.items() if talk.is_whole}
        held = {one: {"seq": talk.seq, "revision": talk.revision} for one, talk in whole.items()}
        return {"conversations": held, **({"at": self.at} if self.at else {})}

    def synced(self, answer: Json) -> None:
        self.at = answer["at"]
        for one in answer["left"]:
            self.drop(one)
        self.wanted.update(conversation["_id"] for conversation in answer["joined"])
        for one, told in answer["conversations"].items():
            if told.get("resync"):
                self.wanted.add(one)
            elif (talk := self.talks.get(one)) is not None:
                talk.missed(told)

    def begin(self, conversation: str) -> Talk:
        """The conversation is about to be fetched; all that comes meanwhile is kept."""
        self.wanted.discard(conversation)
        return self.talks.setdefault(conversation, Talk())

    def finish(self, talk: Talk, conversation: Json, members: list[Json], messages: list[Json]) -> None:
        """It was fetched: first the conversation, then who is in it, then what was said.

        Who is let in again while fetching may have got nothing for a moment, which looks like an end. But
        ``seq`` has no gaps: what is lacking shows.
        """
        one, revision = conversation["_id"], conversation["revision"]
        if self.talks.get(one) is not talk:
            return
        if len(messages) < conversation["clock"]:
            self.wanted.add(one)
            return
        here: set[str] = set()
        for member in members:
            here.add(member["userId"])
            talk.place(member)
        for user, place in list(talk.places.items()):
            if user not in here and place.revision <= revision:
                del talk.places[user]
        if self.user not in talk.places:
            self.drop(one)
            return
        for message in messages:
            talk.message(message)
        talk.complete(revision)

    def drop(self, conversation: str) -> None:
        self.talks.pop(conversation, None)
        self.wanted.discard(conversation)

    def _place_changed(self, name: str, member: Json) -> None:
        one, user, revision = member["conversationId"], member["userId"], member["revision"]
        talk = self.talks.get(one)
        own = None if talk is None else talk.places.get(self.user)
        if user == self.user and name == "members created" and (own is None or own.revision < revision):
            # Also where a copy is held: it is of the time before a removal that nobody has told of.
            self.drop(one)
            self.wanted.add(one)
        elif talk is None:
            return
        elif name == "members removed":
            talk.gone(user, revision)
            # While it is being fetched it is not known yet which is the later one.
            if user == self.user and talk.is_whole and user not in talk.places:
                self.drop(one)
        else:
            talk.place(member)
