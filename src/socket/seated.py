"""Who is in a conversation, so that not every message has to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ..core.application import Application
from ..core.context import HookContext
from ..hooks.places import PLACES_REVISION
from .newest import Newest
from .places import KEPT

CONVERSATIONS: Final = 1_000
MOST: Final = 200
"""Of a larger conversation the members are not kept."""

Record = dict[str, Any]


class _Known(NamedTuple):
    """``read_at`` is None where somebody came or went meanwhile."""

    revision: int
    places: Sequence[Record]
    read_at: datetime | None


class Seated:
    """The members that were read last, and for which revision of the conversation's places they hold.

    The write of a message tells which that is, from the same transaction: what is known is never out of date,
    whichever process has let somebody in or sent somebody away. For what passes, as receipts, what was not
    changed by any event since is good enough.
    """

    def __init__(self, app: Application, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now
        self._known: Newest[str, _Known] = Newest(CONVERSATIONS)
        self.changes = 0

    def register(self) -> None:
        for event in ("created", "updated", "patched", "removed"):
            self._app.service("members").on(event, self._changed)
        self._app.backplane.on_gap(self._missed)

    def at_time_of(self, message: Record, context: HookContext) -> Sequence[Record] | None:
        """None where they have to be read: what is sent later is for who is a member then."""
        known = self._known.get(str(message["conversationId"]))
        revision = context.params.get(PLACES_REVISION)
        return None if known is None or revision != known.revision else known.places

    def as_last_heard(self, conversation_id: Any) -> Sequence[Record] | None:
        known = self._known.get(str(conversation_id))
        if known is None or known.read_at is None or not self._app.backplane.is_connected:
            return None
        return known.places if self._now() - known.read_at < KEPT else None

    def remember(
        self, message: Record, context: HookContext, places: Sequence[Record], *, changes: int
    ) -> None:
        """``places`` were read after the message was written, when there had been so many ``changes``."""
        revision: int | None = context.params.get(PLACES_REVISION)
        if revision is not None and len(places) <= MOST:
            read_at = self._now() if changes == self.changes else None
            self._known.put(str(message["conversationId"]), _Known(revision, places, read_at))

    def _changed(self, place: Record, _: HookContext | None = None) -> None:
        self.changes += 1
        self._known.pop(str(place["conversationId"]))

    def _missed(self, _topic: str) -> None:
        self.changes += 1
        self._known = Newest(CONVERSATIONS)
