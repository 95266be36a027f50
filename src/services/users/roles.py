"""What a school needs of somebody's role, and what ends with it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from ...core.context import HookContext
from ...core.errors import BadRequest
from ...hooks.access import PLACES
from ...hooks.leaving import require_another_admin, require_not_held
from ...hooks.places import LED_BY_STAFF, MANAGERS
from ...hooks.transactions import joined
from ...models.user import STAFF

ABOUT: Final = "about"
"""In params: the users whom the call is about, as they were before it."""


async def read_before(context: HookContext) -> None:
    query = context.params.query if context.id is None else {"_id": context.id}
    bounds = {name: context.params[name] for name in ("tenant", "restrict") if name in context.params}
    asked = {**query, "$select": ["_id", "schoolId", "role"]}
    context.params[ABOUT] = []
    if context.params.provider and context.id is None:
        return  # clients change accounts one by one, which the adapter tells them
    with suppress(BadRequest):  # what is no id at all is the id of nobody
        context.params[ABOUT] = await context.service.find(
            joined(context, query=asked, paginate=False, **bounds)
        )


async def keep_an_admin(context: HookContext) -> None:
    """Behind ``read_before``. Raises Conflict."""
    if context.method == "patch" and context.data.get("role", "admin") == "admin":
        return
    by_school: dict[Any, list[Any]] = {}
    for user in context.params[ABOUT]:
        if user["role"] == "admin":
            by_school.setdefault(user["schoolId"], []).append(user["_id"])
    for school_id, ids in by_school.items():
        await require_another_admin(school_id, ids, context.params["session"])


async def not_held(context: HookContext) -> None:
    """Behind ``read_before``. Raises Conflict: who is removed cannot be found by a hold any more."""
    for user in context.params[ABOUT]:
        await require_not_held(user, context.params["session"])


async def leave_places_of_other_roles(context: HookContext) -> None:
    """Teachers teach classes and students are enrolled in them: who becomes something else does not stay."""
    if "role" not in context.data:
        return
    for role in PLACES.keys() - {context.result["role"]}:
        params = joined(context, query={"userId": context.result["_id"]}, adapter={"multi": True})
        await context.app.service(PLACES[role]).remove(None, params)


async def manage_no_more(context: HookContext) -> None:
    """Who was of the staff is an ordinary member of what staff leads. Teams lead themselves."""
    lost = [user["_id"] for user in context.params[ABOUT] if user["role"] in STAFF]
    if not lost or context.data.get("role", STAFF[0]) in STAFF:
        return
    members, conversations = context.app.service("members"), context.app.service("conversations")
    managed = {"userId": {"$in": lost}, "role": {"$in": list(MANAGERS)}}
    places: list[dict[str, Any]] = await members.find(joined(context, query=managed, paginate=False))
    ids = [place["conversationId"] for place in places]
    kinds = {"$in": list(LED_BY_STAFF)}
    query = {"_id": {"$in": ids}, "kind": kinds, "teamId": None, "$select": ["_id"]}
    found: list[dict[str, Any]] = await conversations.find(joined(context, query=query, paginate=False))
    led = {conversation["_id"] for conversation in found}
    for place in places:
        if place["conversationId"] in led:
            await members.patch(place["_id"], {"role": "member"}, joined(context))
