"""What a conversation keeps of its newest message: the numbers, and the beginning of what it says."""

from __future__ import annotations

from typing import Any, Final

from ...models import Conversation
from ...models.conversation import PREVIEW
from ...models.journal import Writing

MAX_AHEAD: Final = 1000


def appended(message: dict[str, Any], content: str | None, lamport: int) -> list[dict[str, Any]]:
    """The stages that make ``message`` the newest of its conversation, which shows the ``content``.

    One that is encrypted shows nothing of it: that is to be sealed first, by a key of the version which these
    stages return. ``seq`` has no gaps, so the clock of a client is merged into a clock of its own:
    ``max + 1``, and only up to 1,000 ahead, or a client could push it away for everybody.
    """
    ahead = {"$and": [{"$gt": [lamport, "$lamport"]}, {"$lte": [lamport, {"$add": ["$lamport", MAX_AHEAD]}]}]}
    last = {
        "seq": "$clock",
        "senderId": message["senderId"],
        "type": {"$literal": message.get("type", "text")},
        "content": {"$cond": [{"$gt": ["$keyVersion", 0]}, None, {"$literal": _beginning(content)}]},
        "createdAt": message["createdAt"],
    }
    return [
        {
            "$set": {
                "clock": {"$add": ["$clock", 1]},
                "lamport": {"$add": [{"$cond": [ahead, lamport, "$lamport"]}, 1]},
            }
        },
        {"$set": {"lastMessage": last, "lastMessageAt": message["createdAt"]}},
    ]


async def preview_again(message: dict[str, Any], content: str | bytes | None, writing: Writing) -> None:
    """Show what the message says now, sealed where it is, if it is the newest."""
    await Conversation.documents().update_one(
        {"_id": message["conversationId"], "lastMessage.seq": message["seq"]},
        {"$set": {"lastMessage.content": _beginning(content)}},
        session=writing.session,
    )


def _beginning(content: str | bytes | None) -> str | bytes | None:
    return content[:PREVIEW] if isinstance(content, str) else content
