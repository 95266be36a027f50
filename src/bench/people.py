"""The people who write and listen, and what they do with what they hear."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import orjson

from .accounts import Login, log_in
from .address import Address
from .client import Answer, Client, ConnectError, error_in
from .figures import Figures
from .sequence import Sequence

MESSAGE: Final = b'["messages created",'
RESYNC: Final = b'["resync"'
STAMP: Final = "bench"
FILLER: Final = "of a length that messages in a school have, give or take a few words."
NANO: Final = 1000
"""Nanoseconds in a microsecond."""


class Talk:
    """A conversation; ``newest`` is the newest seq that was acknowledged, sent at ``newest_sent`` (ns)."""

    def __init__(self, people: list[Person]) -> None:
        self.id = ""
        self.people = people
        self.newest = 0
        self.newest_sent = 0
        for person in people:
            person.talk = self

    @property
    def creator(self) -> Person:
        return self.people[0]

    def someone(self, number: int) -> Person | None:
        """Who writes the message of this number: the members take turns, but for those who are away."""
        count = len(self.people)
        turns = (self.people[(number + step) % count] for step in range(count))
        return next((person for person in turns if person.is_free), None)


class Person:
    """One account with one connection; ``since`` (ns) is when the present stay in the conversation began."""

    talk: Talk

    def __init__(
        self, login: Login, address: Address, figures: Figures, read: float, lost: Callable[[Person], None]
    ) -> None:
        self.login = login
        self.client: Client | None = None
        self.is_member = True
        self.is_busy = False
        self.place: str | None = None
        self.since = 0
        self.joined_seq = 0
        self.sequence = Sequence()
        self._address = address
        self._figures = figures
        self._read = read
        self._lost = lost

    @property
    def is_there(self) -> bool:
        return self.client is not None and self.is_member

    @property
    def is_free(self) -> bool:
        """Whether this one is neither away nor about to leave."""
        return self.is_there and not self.is_busy

    @property
    def has_all(self) -> bool:
        """Whether nothing that was acknowledged and is for this one is still on its way."""
        if not self.is_there or self.since >= self.talk.newest_sent:
            return True
        return self.sequence.newest is not None and self.sequence.newest >= self.talk.newest

    async def connect(self) -> bool:
        began = time.monotonic_ns()
        try:
            client = await Client.open(self._address, self.login.token, self._hear, self._closed)
        except ConnectError as error:
            self._figures.connect_failures += 1
            self._figures.errors[f"connect: {error}"] += 1
            return False
        now = time.monotonic_ns()
        self._figures.connects.add((now - began) // NANO)
        self.client = client
        self.begin_stay()
        return True

    async def log_in_again(self) -> None:
        """For a token that has run out. Raises BenchError."""
        (self.login,) = await log_in(self._address, [self.login.account])

    def leave(self, *, politely: bool) -> None:
        client, self.client = self.client, None
        self.end_stay()
        if client is not None and politely:
            client.close()
        elif client is not None:
            client.cut()

    def begin_stay(self) -> None:
        self.since = time.monotonic_ns()

    def end_stay(self) -> None:
        self._figures.close_stay(self.sequence)
        self.sequence = Sequence()

    def write(self, due: int) -> None:
        """Send a message that was due at ``due`` (ns), if there is a connection."""
        if self.client is None:
            return
        sent = time.monotonic_ns()
        self._figures.sent += 1
        self._figures.late_sends.add((sent - due) // NANO)
        message = {
            "conversationId": self.talk.id,
            "content": f"{STAMP} {due} {FILLER}",
            "idempotencyKey": str(uuid.uuid4()),
        }
        self.client.emit(orjson.dumps(["message:send", message]), partial(self._acknowledged, due, sent))

    def _acknowledged(self, due: int, sent: int, answer: Answer) -> None:
        message = self._result(answer)
        if message is None:
            return
        self._figures.acknowledged += 1
        self._figures.acknowledgements.add((time.monotonic_ns() - due) // NANO)
        seq = message["message"]["seq"]
        if seq > self.talk.newest:
            self.talk.newest, self.talk.newest_sent = seq, sent

    def _receipt_taken(self, answer: Answer) -> None:
        if self._result(answer) is not None:
            self._figures.read += 1

    def _result(self, answer: Answer) -> dict[str, Any] | None:
        if answer is None:
            self._figures.abandoned += 1
            return None
        error = error_in(answer)
        if error is not None:
            self._figures.errors[error.kind] += 1
            return None
        result: dict[str, Any] = answer[0]
        return result

    def _hear(self, event: bytes) -> None:
        if event.startswith(MESSAGE):
            self._see(orjson.loads(event)[1])
        elif event.startswith(RESYNC):
            self._figures.errors["told to resync"] += 1

    def _see(self, message: dict[str, Any]) -> None:
        if not self.is_member or message["conversationId"] != self.talk.id:
            return
        seq: int = message["seq"]
        if seq <= self.joined_seq:  # written before, and told when this one was there already
            return
        self.sequence.see(seq)
        stamp, _, rest = (message["content"] or "").partition(" ")
        if stamp != STAMP:
            return
        taken = (time.monotonic_ns() - int(rest.partition(" ")[0])) // NANO
        self._figures.delivered += 1
        self._figures.deliveries.add(taken)
        self._figures.recent.add(taken)
        if not self.is_busy and self.client is not None and random.random() < self._read:  # noqa: S311 - a share
            receipt = {"conversationId": self.talk.id, "seq": seq}
            self.client.emit(orjson.dumps(["message:read", receipt]), self._receipt_taken)

    def _closed(self) -> None:
        if self.client is None:
            return
        self._figures.errors["closed by the server"] += 1
        self.client = None
        self.end_stay()
        self._lost(self)


def talks_of(people: list[Person], conversations: int) -> list[Talk]:
    """Everybody in one conversation of their own school; fewer where each would have less than two."""
    schools: dict[str, list[Person]] = {}
    for person in people:
        schools.setdefault(person.login.account.school, []).append(person)
    talks: list[Talk] = []
    for members in schools.values():
        share = round(conversations * len(members) / len(people))
        count = max(1, min(share, len(members) // 2))
        talks += [Talk(members[first::count]) for first in range(count)]
    return talks
