"""A client as it ought to be: it tries again, catches up after every reconnection, and keeps a copy."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import aiohttp

from tests.history.lines import Line, LostError, RefusedError, RestLine, SocketLine, UnreachedError
from tests.history.record import Change, Cursor, CursorKind, History, Outcome, Sent, Source
from tests.history.replica import NEWS, Replica
from tests.history.town import Account

Json = Any
T = TypeVar("T")

BUSY: Final = frozenset({408, 429, 503})
"""Codes that ask to try again."""

USUAL: Final = frozenset({400, 403, 404, 409})
"""Codes of what the others have done meanwhile: a message removed, a place lost."""

CURSORS: Final[tuple[CursorKind, ...]] = ("delivered", "read")
PAGE: Final = 200
PATIENCE: Final = 600.0


class Client:
    def __init__(
        self,
        url: str,
        account: Account,
        http: aiohttp.ClientSession,
        history: History,
        chance: random.Random,
        *,
        live: bool,
    ) -> None:
        self.account = account
        self.history = history
        self.chance = chance
        self.live = live
        self.replica = Replica(account.id)
        self.line: Line = (
            SocketLine(url, account.token, http, self._heard) if live else RestLine(url, account.token, http)
        )
        self._opened = 0
        self._is_behind = True
        self._catching_up = asyncio.Lock()
        # Events that wait for the answer to a sync.
        self._waiting: list[tuple[str, Json]] | None = None

    @property
    def id(self) -> str:
        return self.account.id

    async def ready(self, *, sync: bool = False) -> None:
        """Be connected, with nothing lacking. Raises LostError, UnreachedError."""
        async with self._catching_up:
            if await self.line.open():
                self.history.counts["reconnects"] += self._opened > 0
                self._opened += 1
                self._is_behind = True
            if sync or self._is_behind:
                await self._sync()
                self._is_behind = False
            while self.replica.wanted:
                await self._fetch(min(self.replica.wanted))

    async def persist(self, call: Callable[[], Awaitable[T]], sent: Sent | None = None) -> T:
        """Try until there is an answer. Raises RefusedError."""
        tried, began, last = 0, time.monotonic(), ""
        while time.monotonic() - began < PATIENCE:
            try:
                await self.ready()
                return await self._try(call, sent)
            except (LostError, UnreachedError) as error:
                last = repr(error)
            except RefusedError as error:
                if error.code not in BUSY:
                    raise
                self.history.counts["busy"] += 1
                last = repr(error)
            await self.pause(tried)
            tried += 1
        raise TimeoutError(f"no answer to {tried} tries of {self.account.email}, the last was {last}")

    async def _try(self, call: Callable[[], Awaitable[T]], sent: Sent | None) -> T:
        try:
            return await self._flying(call)
        except LostError:
            if sent is not None:
                sent.is_unsure = True
                self.history.counts["retried"] += 1
            raise

    async def pause(self, tried: int) -> None:
        await asyncio.sleep(min(0.5, 0.05 * 2 ** min(tried, 5)) * self.chance.uniform(0.5, 1.0))

    async def send(self, sent: Sent, **more: Json) -> None:
        """Write the message, once, whatever happens meanwhile."""
        data = {"conversationId": sent.conversation, "content": sent.content, **more}
        try:
            message = await self.persist(lambda: self.line.send(data, sent.key), sent)
        except RefusedError as error:
            sent.refused = error.code
            self._surprised(error, f"message {sent.key}")
            return
        self.history.counts["acknowledged"] += not sent.answers
        self.history.counts["duplicates"] += bool(message.get("duplicate"))
        sent.answers.append(message)
        self._told(message)

    async def change(self, change: Change, call: Callable[[], Awaitable[Json]]) -> Json:
        """Try once; the result, or None. Raises LostError, UnreachedError."""
        try:
            result = await self._flying(call)
        except LostError:
            self.history.changes.append(change._replace(outcome="unsure"))
            raise
        except RefusedError as error:
            # What is asked to come again may be under way still.
            outcome: Outcome = "unsure" if error.code in BUSY else "refused"
            self.history.changes.append(change._replace(outcome=outcome))
            self._surprised(error, f"{change.kind} of {change.message}")
            return None
        self.history.changes.append(change)
        self.history.counts["changes"] += 1
        if change.kind in {"edit", "remove"}:
            self._told(result)
        else:
            self.history.note(self.id, result["conversationId"], revision=result["revision"])
            self.replica.event("reactions created", result)
        return result

    async def read(self, conversation: str, seq: int) -> None:
        """Raises LostError, UnreachedError."""
        try:
            cursors = await self._flying(lambda: self.line.read(conversation, seq))
        except RefusedError as error:
            self._surprised(error, f"reading {conversation} up to {seq}")
            return
        self.history.counts["changes"] += 1
        self._see_cursors("own", conversation, {**cursors, "userId": self.id})

    async def _flying(self, call: Callable[[], Awaitable[T]]) -> T:
        self.history.in_flight += 1
        try:
            return await call()
        finally:
            self.history.in_flight -= 1

    async def _sync(self) -> None:
        self._waiting = []
        try:
            answer = await self.line.sync(self.replica.question())
            self._synced(answer)
        except RefusedError as error:
            self._surprised(error, "sync")
            raise LostError from error
        finally:
            events, self._waiting = self._waiting, None
            for event, payload in events:
                self.replica.event(event, payload)

    def _synced(self, answer: Json) -> None:
        self.history.counts["syncs"] += 1
        for conversation in answer["joined"]:
            self.history.note(self.id, conversation["_id"], revision=conversation["revision"])
        for one, told in answer["conversations"].items():
            self.history.note(self.id, one, revision=told["revision"])
            self.history.counts["resyncs"] += bool(told.get("resync"))
            for message in told.get("messages", ()):
                self.history.note_message(self.id, message)
            for receipt in told.get("receipts", ()):
                self._see_cursors("sync", one, receipt)
        self.replica.synced(answer)

    async def _fetch(self, conversation: str) -> None:
        """All of a conversation, page by page."""
        talk, query = self.replica.begin(conversation), {"conversationId": conversation}
        try:
            whole = await self.line.call("get", "conversations", id=conversation)
            members = await self._pages("members", query, "userId")
            messages = await self._pages("messages", query, "seq")
        except RefusedError:
            self.replica.drop(conversation)
            return
        except (LostError, UnreachedError):
            self.replica.wanted.add(conversation)
            raise
        self.history.note(self.id, conversation, revision=whole["revision"])
        for message in messages:
            self.history.note_message(self.id, message)
        self.replica.finish(talk, whole, members, messages)

    async def _pages(self, path: str, query: Json, order: str) -> list[Json]:
        found: list[Json] = []
        while True:
            after = {order: {"$gt": found[-1][order]}} if found else {}
            asked = {**query, **after, "$sort": {order: 1}, "$limit": PAGE}
            page = (await self.line.call("find", path, query=asked))["data"]
            found += page
            if len(page) < PAGE:
                return found

    def _heard(self, event: str, payload: Json) -> None:
        self.history.counts["events"] += 1
        self._note(event, payload)
        if self._waiting is not None:
            self._waiting.append((event, payload))
        else:
            self.replica.event(event, payload)

    def _note(self, event: str, payload: Json) -> None:
        conversation: Json = payload.get("conversationId") if payload else None
        if event in NEWS:
            self.history.note_message(self.id, payload)
        elif event == "members removed" and payload["userId"] == self.id:
            pass  # who was removed is told that
        elif event in {"message:delivered", "message:read"}:
            kind: CursorKind = "read" if event == "message:read" else "delivered"
            cursor = Cursor(self.id, "event", conversation, payload["userId"], kind)
            self.history.note_cursor(cursor, payload["seq"])
            if payload["userId"] != self.id:
                self.history.note(self.id, conversation, seq=payload["seq"])
        elif event.startswith("conversations "):
            self.history.note(self.id, payload["_id"], revision=payload["revision"])
        elif conversation is not None:
            self.history.note(
                self.id, conversation, revision=payload.get("revision"), seq=payload.get("seq", 0)
            )

    def _see_cursors(self, source: Source, conversation: str, cursors: Json) -> None:
        for kind in CURSORS:
            cursor = Cursor(self.id, source, conversation, cursors["userId"], kind)
            self.history.note_cursor(cursor, cursors[f"{kind}Seq"])

    def _told(self, message: Json) -> None:
        self.history.note_message(self.id, message)
        self.replica.acknowledged(message)

    def _surprised(self, error: RefusedError, by: str) -> None:
        self.history.counts["refused"] += 1
        if error.code not in USUAL | BUSY:
            self.history.faults.append(f"{by} was answered with {error.body}")
