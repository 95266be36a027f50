"""Writing in conversations: what changes and what is to be told of it, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

from beanie import PydanticObjectId
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from ..core.adapters.driver import RETRIED_BY_THE_DRIVER, driver_errors
from ..core.application import Application
from ..core.context import Params
from ..core.errors import NotFound, Unavailable
from .conversation import Conversation
from .delivery import Delivery
from .in_hand import InHand, key_of
from .record import now

T = TypeVar("T")
CHANGED: Final = "change"
"""The application event of a change that no call tells of itself; its listener gets the delivery."""

PLACES: Final = "members"
CLOCKS: Final = 10_000
"""Of so many conversations it is known how far they have come: of those that were written in last."""

SENDING: Final = timedelta(seconds=5)
"""How long the process that made a change has for sending its event, until any process may."""


class Writing:
    """One transaction. ``params`` are those of the call, as a ``transaction`` would pass them on."""

    def __init__(self, session: AsyncClientSession, params: Params, keep: timedelta) -> None:
        self.session = session
        self.after: list[Callable[[], object]] = []
        self.params = Params(params, session=session)
        # Of the transaction that this one has joined, where it has.
        self.params.setdefault("after_commit", self.after.append)
        self._keep = keep
        # _free[conversationId] = [(revision, schoolId), …] taken by ``revise`` and not noted yet
        self._free: dict[PydanticObjectId, list[tuple[int, PydanticObjectId]]] = {}
        # _of_places[conversationId] = the newest revision of a change to a member's place
        self._of_places: dict[PydanticObjectId, int] = {}
        self.clocks: dict[PydanticObjectId, int] = {}
        self.noted: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []

    async def revise(
        self,
        conversation_id: Any,
        changes: int = 1,
        update: Sequence[Mapping[str, Any]] = (),
        **where: Any,
    ) -> dict[str, Any]:
        """Take as many revisions as there are ``changes`` to note; the conversation as it is then.

        ``update`` are stages of a pipeline, for what else changes. Raises NotFound where no conversation
        has the id and fulfils ``where``.
        """
        stages = [{"$set": {"revision": {"$add": ["$revision", changes]}}}, *update]
        conversation = await Conversation.documents().find_one_and_update(
            {"_id": conversation_id, **where},
            stages,
            return_document=ReturnDocument.AFTER,
            session=self.session,
        )
        if conversation is None:
            raise NotFound(f"No record found for id '{conversation_id}'")
        newest, school_id = conversation["revision"], conversation["schoolId"]
        self.clocks[conversation_id] = conversation["clock"]
        free = self._free.setdefault(conversation_id, [])
        free.extend((revision, school_id) for revision in range(newest - changes + 1, newest + 1))
        return conversation

    def note(
        self,
        conversation_id: Any,
        path: str,
        event: str,
        record_id: Any,
        *,
        gone: dict[str, Any] | None = None,
        other: bool = False,
    ) -> int:
        """Note a change; its revision, which belongs into the record's ``revision``.

        The event of the call itself is sent by the call. One that is not, an ``other``, is sent for it after
        the commit. ``gone`` are the ids of a record that will not be there to be told of.
        """
        revision, school_id = self._free[conversation_id].pop(0)
        at = now()
        delivery = {
            "_id": ObjectId(),
            "schoolId": school_id,
            "conversationId": conversation_id,
            "revision": revision,
            "path": path,
            "event": event,
            "recordId": record_id,
            "gone": None if gone is None else {**gone, "revision": revision},
            "state": "PENDING",
            "attempts": 0,
            "createdAt": at,
            "dueAt": at + SENDING,
            "deliveredAt": None,
            "error": None,
            "expiresAt": at + self._keep,
        }
        self.noted.append(delivery)
        if path == PLACES:
            self._of_places[conversation_id] = revision
        if other:
            self.others.append(delivery)
        return revision

    async def store(self) -> None:
        """Raises RuntimeError where a revision was taken for a change that nobody has noted."""
        if any(self._free.values()):
            raise RuntimeError("a revision without a change")
        if self.noted:
            await Delivery.documents().insert_many(self.noted, session=self.session)
        for conversation_id, revision in self._of_places.items():
            await Conversation.documents().update_one(
                {"_id": conversation_id}, {"$set": {"placesRevision": revision}}, session=self.session
            )


class Journal:
    """Writes in conversations, one after the other in each; ``keep`` is how long deliveries are kept."""

    def __init__(self, app: Application, keep: timedelta) -> None:
        self._app = app
        self._keep = keep
        self.in_hand: InHand | None = None  # of a process that tells what is due
        # _clocks[conversationId] = the newest seq that was committed here; it only ever grows
        self._clocks: dict[PydanticObjectId, int] = {}
        # Own writers of one conversation take turns here instead of meeting as conflicts in the database.
        self._turns: WeakValueDictionary[PydanticObjectId, asyncio.Lock] = WeakValueDictionary()

    async def write(
        self,
        work: Callable[[Writing], Coroutine[Any, Any, T]],
        params: Params | None,
        *,
        turn: PydanticObjectId | None = None,
    ) -> T:
        """Do ``work`` in a transaction, which may repeat it, in ``turn`` with others in that conversation.

        A call that has a session joins the transaction it belongs to. Raises what ``work`` raises, and
        the framework's errors for those of the driver.
        """
        params = params or Params()
        joined: AsyncClientSession | None = params.get("session")
        others: list[dict[str, Any]] = []
        taken: list[dict[str, Any]] = []
        clocks: dict[PydanticObjectId, int] = {}
        after: list[Callable[[], object]] = []

        async def attempt(session: AsyncClientSession) -> T:
            self._let_go(taken)
            writing = Writing(session, params, self._keep)
            result = await work(writing)
            await writing.store()
            others[:], taken[:], after[:] = writing.others, writing.noted, writing.after
            clocks.update(writing.clocks)
            self._take(taken)
            return result

        try:
            with driver_errors(tenant="schoolId"):
                if joined is not None:
                    result = await attempt(joined)
                else:
                    result = await self._in_transaction(attempt, turn)
                    self._tell_time(clocks)
        except BaseException:
            self._let_go(taken)
            raise
        wait: Callable[[Callable[[], object]], object] | None = params.get("after_commit")
        if wait is None:
            self._tell(others)
            for act in after:
                act()
        else:
            wait(lambda: self._tell(others))
        return result

    def has_reached(self, conversation_id: Any, seq: int) -> bool:
        """Whether it is known here that so many messages were written; False tells nothing."""
        return self._clocks.get(conversation_id, 0) >= seq

    def turn(self, conversation_id: Any) -> asyncio.Lock:
        """For who writes in a transaction of its own, in which ``write`` takes no turn."""
        return self._turns.setdefault(conversation_id, asyncio.Lock())

    async def _in_transaction(
        self, attempt: Callable[[AsyncClientSession], Coroutine[Any, Any, T]], turn: PydanticObjectId | None
    ) -> T:
        async with AsyncExitStack() as stack:
            # While Redis is away, everything is in hand until that is certain: it is no sign of too much.
            if self.in_hand is not None and self._app.backplane.is_connected:
                await self.in_hand.room()
            if turn is not None:
                await stack.enter_async_context(self.turn(turn))
            session = await stack.enter_async_context(Conversation.session())
            try:
                return await session.with_transaction(attempt)
            except PyMongoError as error:
                if error.has_error_label(RETRIED_BY_THE_DRIVER):
                    raise Unavailable("The conversation is too busy, try again") from error
                raise

    def _tell_time(self, clocks: Mapping[PydanticObjectId, int]) -> None:
        for conversation_id, clock in clocks.items():
            self._clocks[conversation_id] = max(clock, self._clocks.pop(conversation_id, 0))
        while len(self._clocks) > CLOCKS:
            del self._clocks[next(iter(self._clocks))]

    def _take(self, noted: Sequence[Mapping[str, Any]]) -> None:
        # Before the commit: what is committed may be due at once, where all is slow.
        if self.in_hand is not None:
            self.in_hand.take(noted)

    def _let_go(self, noted: Sequence[Mapping[str, Any]]) -> None:
        if self.in_hand is not None:
            # Another writer may have got the same revision since.
            own = [one for one in noted if self.in_hand.delivery_id(key_of(one)) == one["_id"]]
            self.in_hand.let_go(map(key_of, own))

    def _tell(self, others: Sequence[Mapping[str, Any]]) -> None:
        for delivery in others:
            self._app.emit(CHANGED, delivery)


def journal(keep_days: float) -> Callable[[Application], None]:
    """Make the journal of an application, ``app.get("journal")``; goes before the services."""

    def configure(app: Application) -> None:
        app.set("journal", Journal(app, timedelta(days=keep_days)))

    return configure
