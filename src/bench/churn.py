"""People who come and go while the others write."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

from .client import CallError, ConnectError
from .errors import BenchError
from .figures import Figures
from .people import Person

LONGEST_AWAY: Final = 2.0
LEAVES_ONE_IN: Final = 4
"""So many connections are lost for each member who leaves a conversation and is added again."""
RETRY_SECONDS: Final = 1.0

Start = Callable[[Coroutine[Any, Any, None]], object]


class Churn:
    """``start`` runs a coroutine beside the others, for as long as the load lasts."""

    def __init__(self, people: list[Person], figures: Figures, start: Start) -> None:
        self._people = people
        self._figures = figures
        self._start = start
        self.is_over = False

    async def run(self, per_minute: float) -> None:
        pause = 60 / per_minute
        for number in itertools.count():
            await asyncio.sleep(pause)
            # Who is chosen is busy from here on: the work itself begins only at the loop's next turn.
            if (person := self._someone()) is not None:
                person.is_busy = True
                self._start(self._away(person, politely=number % 2 == 0))
            if number % LEAVES_ONE_IN == 0 and (member := self._someone(member=True)) is not None:
                member.is_busy = member.talk.creator.is_busy = True
                self._start(self._leave_and_return(member))

    def lost(self, person: Person) -> None:
        """The server has closed the connection: come back, as clients do."""
        if not person.is_busy and not self.is_over:
            person.is_busy = True
            self._start(self._come_back(person))

    def _someone(self, *, member: bool = False) -> Person | None:
        """Who has nothing else to do; with ``member`` somebody whose place is another's to give."""
        free = [one for one in self._people if one.is_free]
        if member:
            free = [one for one in free if one is not (maker := one.talk.creator) and maker.is_free]
        return random.choice(free) if free else None  # noqa: S311 - nothing secret comes of it

    async def _away(self, person: Person, *, politely: bool) -> None:
        person.leave(politely=politely)
        await asyncio.sleep(random.uniform(0, LONGEST_AWAY))  # noqa: S311 - so that they do not march in step
        await self._come_back(person)

    async def _come_back(self, person: Person) -> None:
        while not self.is_over:
            if await person.connect():
                self._figures.reconnects += 1
                break
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await person.log_in_again()
            except BenchError:
                self._figures.errors["login refused"] += 1
        person.is_busy = False

    async def _leave_and_return(self, person: Person) -> None:
        creator, talk = person.talk.creator, person.talk
        try:
            if person.client is None or creator.client is None:
                return
            place = {"conversationId": talk.id, "userId": person.login.user_id}
            if person.place is None:
                found = await creator.client.call("find", "members", place)
                person.place = found["data"][0]["_id"]
            # Without an answer nobody knows: what is heard from here on counts for nothing.
            person.is_member = False
            person.end_stay()
            await person.client.call("remove", "members", person.place, {})
            made = await creator.client.call("create", "members", place)
            person.place, person.joined_seq = made["_id"], made["joinedSeq"]
            person.begin_stay()
            person.is_member = True
            self._figures.left_and_added += 1
        except CallError as error:
            self._figures.errors[f"members: {error.kind}"] += 1
        except ConnectError:
            self._figures.errors["members: connection lost"] += 1
        finally:
            person.is_busy = creator.is_busy = False
            for one in (person, creator):
                if one.client is None:
                    self.lost(one)
