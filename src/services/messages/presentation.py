"""What clients get of a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from ...core.context import HookContext
from ...core.pagination import records_of, with_records
from ...hooks.files import shown_files
from ...models import Member

HIDDEN: Final = frozenset({"fingerprint", "words", "feedAt", "expungedAt"})
NOTHING: Final[dict[str, Any]] = {
    "content": None,
    "attachments": [],
    "mentions": [],
    "reactions": [],
    "forwardedFrom": None,
}
"""What is shown of a message that was removed."""


async def present(context: HookContext, proceed: Callable[[], Awaitable[None]]) -> None:
    """Hide what was removed, and tell the caller how far the own messages have come.

    ``status`` is derived from the other members' cursors: ``sent``, ``delivered`` or ``read`` once
    every one of them has got there. It is the caller's, so events do not carry it.
    """
    await proceed()
    if context.method == "seen":
        return
    user = context.params.user
    shown = [_shown(message) for message in records_of(context.result)]
    for message in shown:
        if message.get("attachments"):
            message["attachments"] = await shown_files(context.app, message["attachments"], message)
    if user is not None and context.method in {"find", "get"}:
        await _add_status(shown, user["_id"])
    context.dispatch = with_records(context.result, shown)


def _shown(message: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in message.items() if name not in HIDDEN}
    if message.get("deletedAt") is not None:
        shown.update({name: value for name, value in NOTHING.items() if name in shown})
    return shown


async def _add_status(messages: list[dict[str, Any]], user_id: Any) -> None:
    own = [m for m in messages if m.get("senderId") == user_id and "seq" in m and "conversationId" in m]
    if not own:
        return
    conversations = list({message["conversationId"] for message in own})
    cursors = await Member.documents().aggregate(
        [
            {"$match": {"conversationId": {"$in": conversations}, "userId": {"$ne": user_id}}},
            {
                "$group": {
                    "_id": "$conversationId",
                    "delivered": {"$min": "$deliveredSeq"},
                    "read": {"$min": "$readSeq"},
                }
            },
        ]
    )
    reached = {one["_id"]: one async for one in cursors}
    for message in own:
        least = reached.get(message["conversationId"], {"delivered": 0, "read": 0})
        seq = message["seq"]
        message["status"] = (
            "read" if least["read"] >= seq else "delivered" if least["delivered"] >= seq else "sent"
        )
