"""Which messages of a school are too old to be kept, and taking them out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, get_args

from pymongo.asynchronous.client_session import AsyncClientSession

from ...core.application import Application
from ...models import Conversation, Message
from ...models.conversation import Kind
from ...models.expunging import expunge
from ...models.journal import Journal, Writing
from ...models.legal_hold import Held
from ...models.record import now

BATCH: Final = 200
BY_AGE: Final = "conversationId_expungedAt_createdAt"
"""The index without what is gone: any other by age would be walked through from the beginning every night."""

EVER: Final = datetime.fromtimestamp(0, UTC)
KINDS: Final = get_args(Kind)


class Progress(Protocol):
    async def __call__(self, messages: int, conversations: int) -> None:
        """Told after every batch how many messages were too old so far, of how many conversations."""
        ...


@dataclass(slots=True)
class Expired:
    """``messages`` that were taken out, or would be, of so many ``conversations``."""

    messages: int = 0
    conversations: int = 0


def days_by_kind(settings: Mapping[str, Any]) -> dict[str, int]:
    """How many days messages are kept, by kind of conversation; kinds that are kept for ever are left out."""
    whole: int | None = settings.get("retentionDays")
    own: Mapping[str, int | None] = settings.get("retention") or {}
    days = {kind: own.get(kind, whole) for kind in KINDS}
    return {kind: kept for kind, kept in days.items() if kept is not None}


async def expunge_expired(
    app: Application, school: Mapping[str, Any], progress: Progress, *, dry_run: bool = False
) -> Expired:
    """Take out what the school no longer keeps, batch by batch; run again, it goes on where it ended.

    ``dry_run`` counts only.
    """
    expired = Expired()
    for kind, days in days_by_kind(school["settings"]).items():
        until = now() - timedelta(days=days)
        of_kind = {"schoolId": school["_id"], "kind": kind}
        async for conversation in Conversation.documents().find(of_kind, {"schoolId": 1}):
            work = _count(conversation, until) if dry_run else _expunge(app, conversation, until)
            there_are = 0
            async for count in work:
                there_are += count
                expired.messages += count
                await progress(expired.messages, expired.conversations + bool(there_are))
            expired.conversations += bool(there_are)
    return expired


async def _count(conversation: Mapping[str, Any], until: datetime) -> AsyncIterator[int]:
    old = await _too_old(conversation, until)
    if old is not None:
        yield await Message.documents().count_documents(old, hint=BY_AGE)


async def _expunge(app: Application, conversation: Mapping[str, Any], until: datetime) -> AsyncIterator[int]:
    """How many were taken out, batch by batch."""
    journal: Journal = app.get("journal")
    since = EVER
    while (old := await _too_old(conversation, until, since)) is not None:
        oldest = Message.documents().find(old, {"createdAt": 1}).hint(BY_AGE).sort("createdAt")
        batch = await oldest.limit(BATCH).to_list()
        if not batch:
            return
        # What a hold keeps is not walked through again at each batch.
        since = batch[-1]["createdAt"]
        ids = [message["_id"] for message in batch]

        async def work(writing: Writing, ids: list[Any] = ids) -> int:
            still = await _too_old(conversation, until, session=writing.session)
            if still is None:
                return 0
            these = {**still, "_id": {"$in": ids}}
            found = await Message.documents().find(these, session=writing.session).to_list()
            if found:
                await expunge(writing, conversation["_id"], found, now())
            return len(found)

        yield await journal.write(work, None, turn=conversation["_id"])


async def _too_old(
    conversation: Mapping[str, Any],
    until: datetime,
    since: datetime = EVER,
    session: AsyncClientSession | None = None,
) -> dict[str, Any] | None:
    """What to take out of the conversation, by the holds of the moment; None where one keeps all of it."""
    held = await Held.of_school(conversation["schoolId"], session)
    if conversation["_id"] in held.conversations:
        return None
    return {
        "conversationId": conversation["_id"],
        "expungedAt": None,
        "createdAt": {"$gte": since, "$lt": until},
        "senderId": {"$nin": list(held.users)},
    }
