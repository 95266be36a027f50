"""What a new message refers to: the message it answers, the one it forwards, the people it mentions."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from ...core.context import UNSET, HookContext
from ...core.errors import Forbidden
from ...core.schema import invalid
from ...hooks.membership import conversation_of, place_of
from ...hooks.ownership import caller
from ...hooks.places import MANAGERS
from ...hooks.records import first, records
from ...hooks.seats import REHEARSAL
from .schema import OF_FILES

AMONG_EQUALS = frozenset({"direct", "group"})


async def find_thread(context: HookContext) -> None:
    """A reply is to a message of the conversation, and belongs to the thread of that. Raises BadRequest."""
    data = context.data
    if context.result is not UNSET or data.get("replyTo") is None:
        return
    query = {"_id": data["replyTo"], "conversationId": data["conversationId"]}
    answered = await first(context, "messages", query)
    if answered is None:
        raise invalid("replyTo", "no such message in the conversation")
    if answered["deletedAt"] is not None:
        raise invalid("replyTo", "the message was removed")
    data["threadId"] = answered["threadId"] or answered["_id"]


async def copy_forwarded(context: HookContext) -> None:
    """Say again what a message says that the caller may read. Raises BadRequest."""
    data = context.data
    if context.result is not UNSET or "forwardOf" not in data:
        return
    source = await first(context, "messages", {"_id": data.pop("forwardOf")})
    if source is None or await place_of(context, source["conversationId"]) is None:
        raise invalid("forwardOf", "no such message in your conversations")
    if source["deletedAt"] is not None:
        raise invalid("forwardOf", "the message was removed")
    if source["type"] == "system":
        raise invalid("forwardOf", "nobody has written this message")
    data["content"] = source["content"]
    data["attachments"] = await _copied_files(context, source["attachments"])
    data["type"] = source["type"] if source["type"] in OF_FILES else "text"
    own = {"messageId": source["_id"], "senderId": source["senderId"], "createdAt": source["createdAt"]}
    data["forwardedFrom"] = source["forwardedFrom"] or own


async def _copied_files(context: HookContext, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Copies of the caller's, in the other conversation: what becomes of the first message is not theirs."""
    if context.params.get(REHEARSAL) or not any(file.get("attachmentId") for file in files):
        return files
    user = caller(context)
    conversation = {"schoolId": user["schoolId"], "conversationId": context.data["conversationId"]}
    copies: list[dict[str, Any]] = await context.app.service("attachments").copies(
        files, {**conversation, "userId": user["_id"]}
    )
    return copies


async def check_mentions(context: HookContext) -> None:
    """Members are mentioned by their ids; roles and all, in large conversations, by who manages or teaches.

    A repeat was checked when it came first: who was mentioned then may have left since. Raises BadRequest,
    Forbidden.
    """
    mentioned: list[Any] = context.data.get("mentions") or []
    if context.result is not UNSET or not mentioned:
        return
    context.data["mentions"] = mentioned = list(dict.fromkeys(mentioned))
    # An edit does not name the conversation: its message, which was looked up, does.
    where = context.data if context.method == "create" else context.params.get("message")
    if where is None:
        return
    here = {"conversationId": where["conversationId"]}
    people = [one for one in mentioned if isinstance(one, ObjectId)]
    if people:
        query = {**here, "userId": {"$in": people}, "$select": ["userId"]}
        members = await records(context, "members", query)
        if missing := set(people) - {member["userId"] for member in members}:
            raise invalid("mentions", f"not members: {', '.join(sorted(map(str, missing)))}")
    if len(people) < len(mentioned) and context.params.provider:
        await _require_voice(context, here["conversationId"])


async def _require_voice(context: HookContext, conversation_id: Any) -> None:
    user = context.params.user
    if user is None or user["role"] != "student":
        return
    conversation = await conversation_of(context, conversation_id)
    place = await place_of(context, conversation_id)
    if conversation["kind"] not in AMONG_EQUALS and (place is None or place["role"] not in MANAGERS):
        raise Forbidden("Only staff and managers of the conversation may mention a role or all")
