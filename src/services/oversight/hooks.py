from __future__ import annotations

from typing import Any, Final

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.pagination import records_of
from ...core.schema import invalid, validate_query
from ...core.schema.problems import MISSING
from ...core.shapes import is_mapping
from ...hooks.audit import audited
from ...hooks.finding import sorted_only_by
from ...hooks.membership import conversation_of
from ...hooks.ownership import caller
from .schema import OversightQuery

ALLOWED: Final = frozenset({"conversationId", "reason", "seq", "$limit", "$skip", "$sort"})

check_query = validate_query(OversightQuery())


def admins_only(context: HookContext) -> None:
    """Own code reads for an admin too: nobody reads unseen. Raises NotAuthenticated, Forbidden."""
    if caller(context)["role"] != "admin":
        raise Forbidden("Only admin may read conversations of others")


async def with_a_reason(context: HookContext) -> None:
    """One conversation of the school, and why. Raises BadRequest naming the field, NotFound."""
    query = check_query.syntax.check(context.params.query)
    for name in sorted(query.keys() - ALLOWED):
        raise invalid(name, "cannot be asked for here")
    for name in ("conversationId", "reason"):
        if query.get(name) is None:
            raise invalid(name, MISSING)
        if is_mapping(query[name]):
            raise invalid(name, "must be said itself")
    context.params["tenant"] = caller(context)["schoolId"]
    await conversation_of(context, query["conversationId"])
    context.params["reason"] = query.pop("reason")
    context.params.query = query


def conversation_read(context: HookContext, _: dict[str, Any]) -> tuple[str, Any]:
    return "conversations", context.params.query["conversationId"]


def what_was_read(context: HookContext, page: dict[str, Any]) -> dict[str, Any]:
    seqs = [message["seq"] for message in records_of(page)]
    found = {"from": min(seqs), "to": max(seqs)} if seqs else {}
    return {"reason": context.params["reason"], "messages": len(seqs), **found}


in_index_order = sorted_only_by(("seq",), skip_by="seq")

HOOKS: dict[str, Any] = {
    "around": {
        "find": [audited("conversations.read", subject=conversation_read, details=what_was_read)],
    },
    "before": {"find": [admins_only, check_query, in_index_order, with_a_reason]},
}
