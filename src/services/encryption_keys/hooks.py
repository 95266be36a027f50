from __future__ import annotations

from typing import Any, Final

from bson import ObjectId

from ...core.context import HookContext
from ...core.protect import protect
from ...core.schema import validate_data, validate_query
from ...core.shapes import is_mapping
from ...hooks.audit import audited, values_of
from ...hooks.limits import limited
from ...hooks.membership import only_own, require_active, require_manager
from ...hooks.ownership import by_caller, sorted_by
from ...hooks.turns import in_turn_of_conversation
from .schema import EncryptionKeyData, EncryptionKeyQuery

KEY_MATERIAL: Final = ("wrapped", "masterId")


async def by_who_manages(context: HookContext) -> None:
    """Whoever manages the conversation, and either of two people in theirs. Raises Forbidden."""
    if not context.params.provider:
        return
    _, conversation = await require_active(context, context.data["conversationId"])
    if conversation["kind"] != "direct":
        await require_manager(context, conversation)


async def conversation_named(context: HookContext) -> ObjectId | None:
    named: Any = context.data.get("conversationId") if is_mapping(context.data) else None
    return ObjectId(named) if ObjectId.is_valid(named) else None


def of_conversation(_: HookContext, key: dict[str, Any]) -> tuple[str, Any]:
    return "conversations", key["conversationId"]


entered = audited(subject=of_conversation, details=values_of("version"))
own = only_own("conversationId")
named = validate_data(EncryptionKeyData())
not_too_often = limited("changes")

HOOKS: dict[str, Any] = {
    "around": {
        "all": [protect(*KEY_MATERIAL)],
        "create": [entered, in_turn_of_conversation(conversation_named)],
        "rotate": [entered, in_turn_of_conversation(conversation_named)],
    },
    "before": {
        "all": [validate_query(EncryptionKeyQuery())],
        "find": [own, sorted_by(conversationId=1, version=1)],
        "get": [own],
        "create": [named, not_too_often, by_who_manages, by_caller("createdBy")],
        "rotate": [named, not_too_often, by_who_manages, by_caller("createdBy")],
    },
}
