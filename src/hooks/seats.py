"""Seats: what a member is in a conversation, and the conversation, by one statement."""

from __future__ import annotations

from typing import Any, Final

from ..core.context import HookContext
from ..core.errors import Forbidden, NotFound
from ..models import Conversation
from .records import school_of
from .transactions import joined

Seat = tuple[dict[str, Any], dict[str, Any]]
"""A member record, and the conversation it is a place in."""

REHEARSAL: Final = "rehearsal"
"""The param of a call whose rules are all judged by hooks, for its write never comes."""


async def seat_of(context: HookContext, conversation_id: Any) -> Seat:
    """The caller's member record and the conversation, read as one.

    Raises Forbidden for who is not a member, NotFound where the conversation is gone.
    """
    query = {"conversationId": conversation_id, "userId": (context.params.user or {}).get("_id")}
    params = joined(context, query=query, tenant=school_of(context), paginate=False)
    params["pipeline"] = [_with_conversation()]
    places: list[dict[str, Any]] = await context.app.service("members").find(params)
    if not places:
        raise not_a_member(conversation_id)
    (place,) = places
    conversations: list[dict[str, Any]] = place.pop("conversations")
    for conversation in conversations:
        if conversation["schoolId"] == place["schoolId"]:
            return place, conversation
    raise no_conversation(conversation_id)


def _with_conversation() -> dict[str, Any]:
    return {
        "$lookup": {
            "from": Conversation.documents().name,
            "localField": "conversationId",
            "foreignField": "_id",
            "as": "conversations",
        }
    }


def not_a_member(conversation_id: Any) -> Forbidden:
    return Forbidden(
        "You are not a member of this conversation",
        {"code": "PERMISSION_DENIED", "conversationId": str(conversation_id)},
    )


def no_conversation(conversation_id: Any) -> NotFound:
    return NotFound(f"No record found for id '{conversation_id}'")
