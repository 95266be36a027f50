"""Conversations are for their members, as they are at the time of the call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..core.context import HookContext, Params
from ..core.errors import BadRequest, Forbidden, NotFound
from ..core.pagination import records_of, with_records
from ..core.schema import invalid
from ..models import Member
from ..models.record import now
from .blocking import require_free_to_write
from .places import MANAGERS
from .records import first, records
from .seats import Seat, no_conversation, not_a_member, seat_of
from .team_rights import require_right

CHECKED_AT: Final = "membershipCheckedAt"
BEGINNING: Final = datetime.fromtimestamp(0, UTC)
CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""How much the clocks of two nodes may be apart, at most."""


async def place_of(context: HookContext, conversation_id: Any) -> dict[str, Any] | None:
    """The caller's member record of a conversation of the own school, or None."""
    user = context.params.user or {}
    query = {"conversationId": conversation_id, "userId": user.get("_id")}
    return await first(context, "members", query)


async def require_place(context: HookContext, conversation_id: Any, *roles: str) -> dict[str, Any]:
    """The caller's member record, with one of ``roles`` if any are given. Raises Forbidden."""
    place = await place_of(context, conversation_id)
    if place is None:
        raise not_a_member(conversation_id)
    if roles:
        require_role(place, *roles)
    return place


def require_role(place: dict[str, Any], *roles: str) -> None:
    """Raises Forbidden for a member of another role."""
    if place["role"] not in roles:
        message = f"Only a {' or '.join(roles)} of the conversation may do this"
        raise Forbidden(message, {"code": "PERMISSION_DENIED"})


async def require_manager(context: HookContext, conversation: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's place, that of somebody who may change the conversation's settings. Raises Forbidden."""
    if conversation.get("teamId") is None:
        return await require_place(context, conversation["_id"], *MANAGERS)
    place = await require_place(context, conversation["_id"])
    require_right(context, place["teamRole"], "manage_channels")
    return place


async def require_active(context: HookContext, conversation_id: Any) -> Seat:
    """The caller's member record and the conversation, where the caller may take part now.

    Raises Forbidden for who is not a member or is silenced, where the conversation is archived, and between
    two people one of whom has blocked the other; ``data`` has a ``code``.
    """
    seat = await seat_of(context, conversation_id)
    await _refuse_inactive(context, *seat)
    return seat


async def _refuse_inactive(
    context: HookContext, place: Mapping[str, Any], conversation: Mapping[str, Any]
) -> None:
    refuse_archived(conversation)
    refuse_silenced(place)
    await require_free_to_write(context, conversation)


async def still_active(conversation: Mapping[str, Any], params: Params) -> None:
    """As ``require_active`` for a client, within a write: its session is in ``params``. Raises Forbidden.

    ``conversation`` is what the write has locked: who is removed or silenced, or what is archived, at the
    same moment is either before the write or after it.
    """
    if not params.provider:
        return
    refuse_archived(conversation)
    user_id = (params.user or {}).get("_id")
    place = await Member.documents().find_one(
        {"conversationId": conversation["_id"], "userId": user_id}, session=params["session"]
    )
    if place is None:
        raise Forbidden("You are not a member of this conversation")
    refuse_silenced(place)


def refuse_archived(conversation: Mapping[str, Any]) -> None:
    """Raises Forbidden."""
    if conversation["archivedAt"] is not None:
        raise Forbidden("The conversation is archived", {"code": "ARCHIVED"})


def refuse_silenced(place: Mapping[str, Any]) -> None:
    """Raises Forbidden."""
    until: datetime | None = place["silencedUntil"]
    if until is not None and until > now():
        raise Forbidden(
            f"A moderator has muted you in this conversation until {until.isoformat()}",
            {"code": "SILENCED", "until": until},
        )


async def require_writer(context: HookContext, conversation_id: Any) -> Seat:
    """As ``require_active``, and may write. Raises Forbidden for others than an announcement's writers."""
    seat = await seat_of(context, conversation_id)
    await refuse_writing(context, *seat)
    return seat


async def refuse_writing(
    context: HookContext, place: Mapping[str, Any], conversation: Mapping[str, Any]
) -> None:
    """As ``require_writer``, for who has looked up both."""
    await _refuse_inactive(context, place, conversation)
    if place.get("teamRole") is not None:
        announces = conversation["kind"] == "announcement"
        require_right(context, place["teamRole"], "post_announcement" if announces else "post")
        return
    writers = conversation["writerRoles"]
    if (
        conversation["kind"] == "announcement"
        and place["role"] not in MANAGERS
        and (context.params.user or {}).get("role") not in writers
    ):
        raise Forbidden(
            "Only a moderator or admin of the conversation may write announcements", {"code": "ANNOUNCEMENT"}
        )


async def readable_message(context: HookContext, message_id: Any) -> dict[str, Any]:
    """The message, also one that was removed; own code reads every one of the school.

    Raises Forbidden, the same for who may not read it and for what does not exist: nobody learns more.
    """
    message = await first(context, "messages", {"_id": message_id})
    if message is not None and (
        not context.params.provider or await place_of(context, message["conversationId"]) is not None
    ):
        return message
    raise Forbidden("You cannot read this message", {"code": "PERMISSION_DENIED"})


def only_own(field: str) -> Callable[[HookContext], Awaitable[None]]:
    """Let clients see only records whose ``field`` is a conversation that they are a member of."""

    async def restrict(context: HookContext) -> None:
        if not context.params.provider:
            return
        asked = context.id if field == "_id" and context.id is not None else context.params.query.get(field)
        if asked is not None and not isinstance(asked, dict):
            # One conversation is asked for: one look-up in the index, whatever the number of one's own.
            try:
                place = await place_of(context, asked)
            except BadRequest:  # what is no id at all is the id of nothing
                place = None
            own = [] if place is None else [place["conversationId"]]
        else:
            own = await conversations_of(context)
        context.params["restrict"] = {field: {"$in": own}}
        context.params[CHECKED_AT] = now()

    return restrict


async def still_own(context: HookContext) -> None:
    """After a read behind ``only_own``: leave out what is newer than the check, if it no longer holds.

    Who is removed between the check and the read must not learn what was written after that. Raises
    NotFound.
    """
    checked: datetime | None = context.params.get(CHECKED_AT)
    if checked is None:
        return
    since = checked - CLOCKS_DIFFER
    fresh = {
        record["conversationId"]
        for record in records_of(context.result)
        if record.get("createdAt", since) >= since or (record.get("editedAt") or BEGINNING) >= since
    }
    if not fresh:
        return
    lost = fresh.difference(await conversations_of(context, list(fresh)))
    if lost:
        kept = [one for one in records_of(context.result) if one["conversationId"] not in lost]
        if context.method == "get":
            raise NotFound(f"No record found for id '{context.id}'")
        context.result = with_records(context.result, kept)


async def conversations_of(context: HookContext, among: list[Any] | None = None) -> list[Any]:
    """The ids of the caller's conversations, of all or of those given."""
    user = context.params.user or {}
    given = {} if among is None else {"conversationId": {"$in": among}}
    query = {"userId": user.get("_id"), **given, "$select": ["conversationId"]}
    places = await records(context, "members", query)
    return [place["conversationId"] for place in places]


async def require_people(
    context: HookContext, field: str, ids: list[Any], *, leaving: bool = False
) -> list[dict[str, Any]]:
    """The users of the caller's school with these ids, those who are being erased only with ``leaving``.

    Raises BadRequest naming those that are not.
    """
    query: dict[str, Any] = {"_id": {"$in": ids}, "$select": ["_id", "role", "schoolId"]}
    query["erasedAt" if leaving else "erasingAt"] = None
    found = await records(context, "users", query)
    missing = [str(one) for one in ids if one not in {user["_id"] for user in found}]
    if missing:
        raise invalid(field, f"no such user: {', '.join(missing)}")
    return found


async def conversation_of(context: HookContext, conversation_id: Any) -> dict[str, Any]:
    """Raises NotFound where the conversation is not one of the caller's school."""
    conversation = await first(context, "conversations", {"_id": conversation_id})
    if conversation is None:
        raise no_conversation(conversation_id)
    return conversation
