"""Who has blocked another hears nothing from them between the two, and says nothing either.

Staff cannot be blocked: a block of somebody who has become staff since has no effect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from ..core.context import UNSET, HookContext
from ..core.errors import Forbidden
from ..core.shapes import is_list
from ..models.user import STAFF
from .ownership import caller
from .records import records


async def require_not_blocked(context: HookContext, user_id: Any, other_ids: Iterable[Any]) -> None:
    """Raises Forbidden where ``user_id`` has blocked one of the others, or one of them ``user_id``.

    Which of the two it was, and whom of several it is about, is not told.
    """
    others = [one for one in other_ids if str(one) != str(user_id)]
    if not others:
        return
    by_one = {"userId": user_id, "blockedId": {"$in": others}}
    of_one = {"userId": {"$in": others}, "blockedId": user_id}
    blocks = await records(context, "blocks", {"$or": [by_one, of_one]})
    if not blocks:
        return
    blocked = {"_id": {"$in": [block["blockedId"] for block in blocks]}, "$select": ["role"]}
    if any(user["role"] not in STAFF for user in await records(context, "users", blocked)):
        raise Forbidden("You cannot write to this person", {"code": "BLOCKED"})


async def require_free_to_write(context: HookContext, conversation: Mapping[str, Any]) -> None:
    """Raises Forbidden where the caller and the other of a direct conversation are kept apart by a block."""
    if conversation["kind"] == "direct":
        pair = str(conversation["directKey"]).split(":")
        await require_not_blocked(context, caller(context)["_id"], pair)


def not_blocked(field: str) -> Callable[[HookContext], Awaitable[None]]:
    """Before a client's create: nothing is between the caller and those whom the data names in ``field``.

    What an earlier hook has answered, such as a conversation that is there already, is not refused. Nor is
    the conversation of a class: the school decides who is in that.
    """

    async def check(context: HookContext) -> None:
        of_class = context.data.get("kind") == "class"
        if context.params.provider and context.result is UNSET and not of_class:
            named = context.data.get(field)
            others: list[Any] = named if is_list(named) else [named]
            await require_not_blocked(context, caller(context)["_id"], others)

    return check
