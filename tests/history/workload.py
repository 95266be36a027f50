"""What people do all the time: write, answer, edit, remove, react, read, and come and go."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, Final

from tests.history.client import Client
from tests.history.lines import LostError, RefusedError, UnreachedError
from tests.history.record import Change, Sent
from tests.history.replica import Held, Talk

Json = Any

EMOJI: Final = ("\N{THUMBS UP SIGN}", "\N{PARTY POPPER}", "\N{HEAVY BLACK HEART}")
RECENT: Final = 30
SYNC_EVERY: Final = 3.0


class Writer:
    """One call after the other, for as long as ``is_busy``."""

    def __init__(self, client: Client, conversations: list[str]) -> None:
        self.client = client
        self.conversations = conversations
        self.is_busy = True
        self._number = 0
        self._synced = 0.0

    async def run(self) -> None:
        tried = 0
        while self.is_busy:
            try:
                # Who has no events asks now and then.
                stale = not self.client.live and time.monotonic() - self._synced > SYNC_EVERY
                await self.client.ready(sync=stale)
                if stale:
                    self._synced = time.monotonic() - self.client.chance.random()
                await self._step()
                tried = 0
            except (LostError, UnreachedError):
                await self.client.pause(tried)
                tried += 1
            await asyncio.sleep(self.client.chance.uniform(0, 0.1))

    async def _step(self) -> None:
        chance, replica = self.client.chance, self.client.replica
        # At times also where one has been removed from and knows it.
        one = chance.choice(self.conversations)
        talk = replica.talks.get(one)
        if talk is None or not talk.messages:
            if chance.random() < 0.3:
                await self._send(one)
            return
        what = chance.random()
        if what < 0.55:
            await self._send(one)
        elif what < 0.63:
            await self._reply(one, talk)
        elif what < 0.73:
            await self._edit(one, talk)
        elif what < 0.78:
            await self._remove(one, talk)
        elif what < 0.88:
            await self._react(one, talk)
        elif what < 0.91:
            await self._take(one)
        else:
            await self.client.read(one, chance.randint(1, talk.seq))

    async def _send(self, conversation: str, **more: Json) -> None:
        self._number += 1
        chance, name = self.client.chance, self.client.account.email.partition("@")[0]
        content = f"{name} {self._number}: {'word ' * chance.randrange(1, 20)}"
        key = f"{name}-{self._number}"
        sent = Sent(self.client.id, conversation, self._number, key, content.strip())
        self.client.history.sent.append(sent)
        if chance.random() < 0.03:
            # Twice at once, as from two tabs.
            await asyncio.gather(self.client.send(sent, **more), self.client.send(sent, **more))
            return
        await self.client.send(sent, **more)
        if chance.random() < 0.03 and sent.answers:
            await self.client.send(sent, **more)

    async def _reply(self, one: str, talk: Talk) -> None:
        if held := self._some(talk):
            await self._send(one, replyTo=held.record["_id"])

    async def _edit(self, one: str, talk: Talk) -> None:
        if held := self._some(talk, own=True):
            said = f"{held.record['content'][:200]} edited {self.client.chance.randrange(1000)}"
            name = held.record["_id"]
            change = Change("edit", self.client.id, one, name, said, "sure")
            data = {"content": said}
            await self.client.change(
                change, lambda: self.client.line.call("patch", "messages", id=name, data=data)
            )

    async def _remove(self, one: str, talk: Talk) -> None:
        if held := self._some(talk, own=True):
            name = held.record["_id"]
            change = Change("remove", self.client.id, one, name, "", "sure")
            await self.client.change(change, lambda: self.client.line.call("remove", "messages", id=name))

    async def _react(self, one: str, talk: Talk) -> None:
        if held := self._some(talk):
            emoji, name = self.client.chance.choice(EMOJI), held.record["_id"]
            data = {"messageId": name, "emoji": emoji}
            change = Change("react", self.client.id, one, name, emoji, "sure")
            await self.client.change(change, lambda: self.client.line.call("create", "reactions", data=data))

    async def _take(self, one: str) -> None:
        query = {"conversationId": one, "userId": self.client.id, "$limit": 5}
        try:
            found = (await self.client.line.call("find", "reactions", query=query))["data"]
        except RefusedError:
            return
        if found:
            reaction = self.client.chance.choice(found)
            change = Change("take", self.client.id, one, reaction["messageId"], reaction["emoji"], "sure")
            name = reaction["_id"]
            await self.client.change(change, lambda: self.client.line.call("remove", "reactions", id=name))

    def _some(self, talk: Talk, *, own: bool = False) -> Held | None:
        """One of the newest that is there."""
        newest = list(talk.messages.values())[-RECENT:]
        there = [
            held
            for held in newest
            if held.record["deletedAt"] is None and (not own or held.record["senderId"] == self.client.id)
        ]
        return self.client.chance.choice(there) if there else None


class Keeper:
    """Removes people from conversations and lets them in again."""

    def __init__(self, client: Client, movers: list[tuple[str, str]]) -> None:
        """``movers`` are users and conversations."""
        self.client = client
        self.movers = movers
        self.is_busy = True

    async def run(self) -> None:
        chance, history = self.client.chance, self.client.history
        while self.is_busy and self.movers:
            user, conversation = chance.choice(self.movers)
            query = {"conversationId": conversation, "userId": user}
            found = (await self._call("find", "members", query=query))["data"]
            if found:
                await self._call("remove", "members", id=found[0]["_id"])
                history.counts["removed people"] += 1
            else:
                history.joins[user, conversation].append(time.monotonic())
                await self._call("create", "members", data=query)
            await asyncio.sleep(chance.uniform(0.05, 0.3))

    async def _call(self, method: str, path: str, **arguments: Json) -> Json:
        """Until it is done; what an unanswered try has done already is done."""
        try:
            return await self.client.persist(lambda: self.client.line.call(method, path, **arguments))
        except RefusedError as error:
            if error.code not in {404, 409}:
                self.client.history.faults.append(f"the keeper's {method} {path} was refused: {error.body}")
            return None


class Outsider:
    """Listens, and asks for what is not for it."""

    def __init__(self, client: Client, conversations: list[str]) -> None:
        self.client = client
        self.conversations = conversations
        self.is_busy = True

    async def run(self) -> None:
        chance = self.client.chance
        while self.is_busy:
            try:
                await self.client.ready()
                await self._pry(chance.choice(self.conversations), chance)
            except (LostError, UnreachedError):
                await self.client.pause(2)
            except RefusedError as error:
                if error.code not in {403, 404}:
                    self.client.history.faults.append(f"an outsider was answered with {error.body}")
            await asyncio.sleep(chance.uniform(0.1, 0.4))

    async def _pry(self, conversation: str, chance: random.Random) -> None:
        history, line = self.client.history, self.client.line
        written = [sent for sent in history.sent[-RECENT:] if sent.answers]
        what = chance.choice(["find", "get", "edits", "sync", "send"])
        seen: list[Json] = []
        if what == "find":
            path = chance.choice(["messages", "members", "reactions"])
            seen = (await line.call("find", path, query={"conversationId": conversation}))["data"]
        elif what == "sync":
            answer = await line.sync({"conversations": {conversation: {"seq": 0, "revision": 0}}})
            seen = [*answer["joined"], *answer["conversations"].values()]
        elif what == "send":
            data = {"conversationId": conversation, "content": "let me in"}
            seen = [await line.send(data, f"outsider-{chance.getrandbits(64)}")]
        elif written:
            message = chance.choice(written).answers[0]
            conversation, name = message["conversationId"], message["_id"]
            if what == "get":
                seen = [await line.call("get", "messages", id=name)]
            else:
                seen = (await line.call("find", "message-edits", query={"messageId": name}))["data"]
        for one in seen:
            history.note(self.client.id, conversation, revision=one.get("revision", 0))


def chance_of(seed: int, name: str) -> random.Random:
    """Everybody's own, so that what one does hangs on no other."""
    return random.Random(f"{seed} {name}")
