"""Which fields of a place are whose to see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...core.context import UNSET, HookContext
from ...core.hooks import Next
from ...core.pagination import records_of, with_records
from ...hooks.places import MANAGERS, visible_place
from ...hooks.records import records

Place = dict[str, Any]


async def show_what_is_ones_own(context: HookContext, proceed: Next) -> None:
    """Answer with the whole of one's own place, and of others' with what ``visible_place`` leaves."""
    await proceed()
    if context.result is UNSET or context.result is None:
        return
    if context.method == "find" and not context.params.provider:
        return  # own code reads the result, and there may be many in a conversation
    user = context.params.user
    reader = None if user is None else user["_id"]
    places: list[Place] = records_of(context.result)
    managed = await _managed(context, reader, places)

    def shown(place: Place) -> Place:
        own = reader is not None and place.get("userId") == reader
        return visible_place(place, own=own, manages=place.get("conversationId") in managed)

    context.dispatch = with_records(context.result, [shown(place) for place in places])


async def _managed(context: HookContext, reader: Any, places: Iterable[Mapping[str, Any]]) -> set[Any]:
    """Those of the conversations that the reader manages, as far as that matters."""
    asked = {
        place["conversationId"]
        for place in places
        if "silencedUntil" in place and place.get("userId") != reader and "conversationId" in place
    }
    if reader is None or not asked:
        return set()
    query = {"userId": reader, "conversationId": {"$in": list(asked)}, "role": {"$in": list(MANAGERS)}}
    return {place["conversationId"] for place in await records(context, "members", query)}
