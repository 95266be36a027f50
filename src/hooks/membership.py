"""Conversations are for their members, as they are at the time of the call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..core.context import HookContext, Params
from ..core.errors import BadRequest, Forbidden, NotAuthenticated, NotFound
from ..core.schema import invalid
from ..models.record import now
from .places import MANAGERS


def caller(context: HookContext) -> dict[str, Any]:
    """For whom the call is. Raises NotAuthenticated where own code has not said it."""
    if context.params.user is None:
        raise NotAuthenticated(f"{context.path} {context.method} needs params.user")
    return context.params.user


async def place_of(context: HookContext, conversation_id: Any) -> dict[str, Any] | None:
    """The caller's member record of a conversation of the own school, or None."""
    user = context.params.user or {}
    query = {"conversationId": conversation_id, "userId": user.get("_id"), "$limit": 1}
    places: list[dict[str, Any]] = await context.app.service("members").find(
        Params(query=query, tenant=user.get("schoolId"), paginate=False)
    )
    return places[0] if places else None


async def require_place(context: HookContext, conversation_id: Any, *roles: str) -> dict[str, Any]:
    """The caller's member record, with one of ``roles`` if any are given. Raises Forbidden."""
    place = await place_of(context, conversation_id)
    if place is None:
        raise Forbidden("You are not a member of this conversation", {"conversationId": str(conversation_id)})
    if roles:
        require_role(place, *roles)
    return place


def require_role(place: dict[str, Any], *roles: str) -> None:
    """Raises Forbidden for a member of another role."""
    if place["role"] not in roles:
        raise Forbidden(f"Only a {' or '.join(roles)} of the conversation may do this")


async def require_active(context: HookContext, conversation_id: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The caller's member record and the conversation, where the caller may take part now.

    Raises Forbidden for who is not a member or is silenced, and where the conversation is archived;
    ``data`` has a ``code``.
    """
    place = await require_place(context, conversation_id)
    conversation = await conversation_of(context, place["conversationId"])
    if conversation["archivedAt"] is not None:
        raise Forbidden("The conversation is archived", {"code": "ARCHIVED"})
    until = place["silencedUntil"]
    if until is not None and until > now():
        raise Forbidden(
            f"A moderator has muted you in this conversation until {until.isoformat()}",
            {"code": "SILENCED", "until": until},
        )
    return place, conversation


async def require_writer(context: HookContext, conversation_id: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """As ``require_active``, and may write. Raises Forbidden for others than an announcement's writers."""
    place, conversation = await require_active(context, conversation_id)
    writers = conversation["writerRoles"]
    if (
        conversation["kind"] == "announcement"
        and place["role"] not in MANAGERS
        and (context.params.user or {}).get("role") not in writers
    ):
        raise Forbidden(
            "Only a moderator or admin of the conversation may write announcements", {"code": "ANNOUNCEMENT"}
        )
    return place, conversation


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

    return restrict


async def conversations_of(context: HookContext) -> list[Any]:
    user = context.params.user or {}
    places: list[dict[str, Any]] = await context.app.service("members").find(
        Params(
            query={"userId": user.get("_id"), "$select": ["conversationId"]},
            tenant=user.get("schoolId"),
            paginate=False,
        )
    )
    return [place["conversationId"] for place in places]


async def require_people(context: HookContext, field: str, ids: list[Any]) -> list[dict[str, Any]]:
    """The users of the caller's school with these ids. Raises BadRequest naming those that are not."""
    query = {"_id": {"$in": ids}, "erasedAt": None, "$select": ["_id", "role", "schoolId"]}
    school = context.params.get("tenant") or (context.params.user or {}).get("schoolId")
    found: list[dict[str, Any]] = await context.app.service("users").find(
        Params(query=query, tenant=school, paginate=False)
    )
    missing = [str(one) for one in ids if one not in {user["_id"] for user in found}]
    if missing:
        raise invalid(field, f"no such user: {', '.join(missing)}")
    return found


async def conversation_of(context: HookContext, conversation_id: Any) -> dict[str, Any]:
    """Raises NotFound where the conversation is not one of the caller's school."""
    school = context.params.get("tenant") or (context.params.user or {}).get("schoolId")
    try:
        conversation: dict[str, Any] = await context.app.service("conversations").get(
            conversation_id, Params(tenant=school) if school is not None else Params()
        )
    except NotFound:
        raise NotFound(f"No record found for id '{conversation_id}'") from None
    return conversation
