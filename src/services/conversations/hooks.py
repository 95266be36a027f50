from __future__ import annotations

from typing import Any

from ...core.context import UNSET, HookContext
from ...core.pagination import records_of
from ...core.schema import validate_data, validate_query
from ...hooks.audit import audited
from ...hooks.blocking import not_blocked
from ...hooks.limits import limited
from ...hooks.membership import only_own
from ...hooks.ownership import by_caller
from ...hooks.repeats import answer_first
from ...hooks.turns import in_turn_of_conversation
from ...models.inbox import own_views
from .changes import (
    change_as_manager,
    changing,
    find_archived,
    let_in_who_may,
    own_id,
    tell_of_change,
    what_has_changed,
)
from .creation import check_shape, kinds_by_role
from .schema import ConversationData, ConversationPatch, ConversationQuery


async def add_own_view(context: HookContext) -> None:
    """What the caller has read of each conversation, how many messages are new, and how many mention one."""
    user = context.params.user
    if not context.params.provider or user is None or context.result is UNSET:
        return
    if context.method == "create" and context.event is not None:
        return  # everybody is told of a new conversation, and nothing in it is read yet
    items = [item for item in records_of(context.result) if "_id" in item]
    views = await own_views(user, [item["_id"] for item in items])
    for item in items:
        item.update(views.get(item["_id"], {}))


async def not_too_many(context: HookContext) -> None:
    """Raises TooManyRequests. To open a conversation that is there already is not to create one."""
    if context.result is UNSET:
        await limited("conversations")(context)


# Two people have one direct conversation.
answer_existing = answer_first("directKey")

HOOKS: dict[str, Any] = {
    "around": {
        "patch": [
            tell_of_change,
            audited(details=what_has_changed, when=changing),
            in_turn_of_conversation(own_id),
        ]
    },
    "before": {
        "all": [validate_query(ConversationQuery())],
        "find": [only_own("_id"), find_archived],
        "get": [only_own("_id")],
        "create": [
            validate_data(ConversationData()),
            by_caller("createdBy"),
            kinds_by_role,
            check_shape,
            answer_existing,
            not_too_many,
            not_blocked("memberIds"),
        ],
        "patch": [
            limited("changes"),
            only_own("_id"),
            validate_data(ConversationPatch(), partial=True),
            change_as_manager,
        ],
    },
    "after": {
        "find": [add_own_view],
        "get": [add_own_view],
        "create": [add_own_view],
        "patch": [let_in_who_may],
    },
    "error": {"create": [answer_existing, add_own_view]},
}
