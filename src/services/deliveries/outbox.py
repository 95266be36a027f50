from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from pymongo.errors import PyMongoError

from ...core.application import Application
from ...core.background import AT_ONCE
from ...core.context import HookContext, Params
from ...core.errors import FeathersError, NotFound
from ...core.service import Service
from ...core.shapes import is_mapping
from ...models import Delivery
from ...models.in_hand import InHand, Key, key_of
from ...models.journal import SENDING
from ...models.lease import claim
from ...models.record import now

RETRIES: Final = (1, 5, 15)
"""Seconds after which an event that could not be sent is tried again."""

LEASE: Final = timedelta(seconds=30)
"""For so long nobody else sends what one process has taken out."""

SWEEP_SECONDS: Final = 1.0
FLUSH_SECONDS: Final = 0.1


class Outbox:
    """Sees to it that every change in the journal is told, by this process or after it.

    A call's own event is sent by the call, and is noted here as DELIVERED once its publisher has found the
    connections to send it to. What is still due after its time, for the process that owed it is gone, or
    what a publisher has failed at, is sent again, as the record is by then: at least once, so that a client
    may hear of a change twice, with the same ``revision``. What a live process is late with is ``in_hand``
    there, and stays its own: it makes that due later, again and again.
    """

    def __init__(self, app: Application, in_hand: InHand) -> None:
        self._app = app
        self._in_hand = in_hand
        self._delivered: list[Key] = []
        self._flushing = False

    def publishing(self, service: Service, _event: str, item: Any) -> None:
        """Listens to the application's ``publishing``."""
        if (key := _key_of(service.path, item)) is not None:
            self._in_hand.telling(key)

    def published(self, service: Service, event: str, item: Any, error: Exception | None) -> None:
        """Listens to the application's ``published``."""
        key = _key_of(service.path, item)
        if key is None or key not in self._in_hand:
            return
        if error is not None:
            _ = self._app.tasks.start(self._failed(key, error), name="note a failed delivery")
            return
        self._delivered.append(key)
        if not self._flushing:
            self._flushing = True
            _ = self._app.tasks.start(self._flush_soon(), name="note deliveries")

    def changed(self, delivery: Mapping[str, Any]) -> None:
        """Listens to the journal's ``change``: what no call tells of itself."""
        _ = self._app.tasks.start(self._send(delivery), name=f"send {delivery['path']} {delivery['event']}")

    async def send_next(self) -> float | None:
        """Send what has been due for the longest time."""
        if not self._flushing:
            await self._flush()  # what could not be noted when it was sent
        await self._renew()
        delivery = await claim(Delivery, "dueAt", now(), LEASE, {})
        if delivery is None:
            return None
        if key_of(delivery) not in self._in_hand:
            self._in_hand.take([delivery])
            await self._send(delivery)
        return AT_ONCE

    async def _renew(self) -> None:
        if old := self._in_hand.to_renew():
            await Delivery.documents().update_many(
                {"_id": {"$in": old}, "dueAt": {"$ne": None}}, {"$set": {"dueAt": now() + SENDING}}
            )

    async def _flush(self) -> None:
        """Note what was sent since the last time."""
        delivered, self._delivered = self._delivered, []
        if not delivered:
            return
        try:
            await Delivery.documents().update_many(
                {"_id": {"$in": [self._in_hand.delivery_id(key) for key in delivered]}},
                {"$set": {"state": "DELIVERED", "deliveredAt": now(), "dueAt": None, "error": None}},
            )
        except BaseException:
            self._delivered += delivered  # and stays in hand: the database may be away
            raise
        self._in_hand.let_go(delivered)

    async def _flush_soon(self) -> None:
        # The database is not closed before this task has come to its end.
        await asyncio.sleep(FLUSH_SECONDS)
        self._flushing = False
        await self._flush()

    async def _send(self, delivery: Mapping[str, Any]) -> None:
        """Tell the record as it is now under the revision that is owed: each of them is told by an event."""
        try:
            await self._tell(delivery)
        except BaseException:
            self._in_hand.let_go([key_of(delivery)])
            raise

    async def _tell(self, delivery: Mapping[str, Any]) -> None:
        service, key = self._app.service(delivery["path"]), key_of(delivery)
        if delivery["gone"] is not None:
            service.emit(delivery["event"], delivery["gone"])
            return
        context = HookContext(service, "get", id=delivery["recordId"], params=Params())
        try:
            await service.run(context)
        except NotFound:
            # What is gone by now has told of that itself.
            self._delivered.append(key)
            await self._flush()
        except FeathersError as error:
            await self._failed(key, error)
        else:
            revision = {"revision": delivery["revision"]}
            context.dispatch = {**context.outcome, **revision}
            context.result = {**context.result, **revision}
            service.emit(delivery["event"], context.result, context)

    async def _failed(self, key: Key, error: Exception) -> None:
        waits = [
            {"case": {"$eq": ["$attempts", failed]}, "then": wait * 1000}
            for failed, wait in enumerate(RETRIES)
        ]
        due = {"$add": [now(), {"$switch": {"branches": waits, "default": 0}}]}
        is_last = {"$gte": ["$attempts", len(RETRIES)]}
        # Where the database is away, the delivery stays due.
        with suppress(PyMongoError):
            await Delivery.documents().update_one(
                {"_id": self._in_hand.delivery_id(key)},
                [
                    {
                        "$set": {
                            "state": {"$cond": [is_last, "FAILED", "RETRY"]},
                            "attempts": {"$add": ["$attempts", 1]},
                            "dueAt": {"$cond": [is_last, None, due]},
                            "error": {"$literal": f"{type(error).__name__}: {error}"[:500]},
                        }
                    }
                ],
            )
        self._in_hand.let_go([key])


def _key_of(path: str, item: Any) -> Key | None:
    if not is_mapping(item) or "revision" not in item:
        return None
    conversation = item["_id"] if path == "conversations" else item.get("conversationId")
    return None if conversation is None else (conversation, item["revision"])
