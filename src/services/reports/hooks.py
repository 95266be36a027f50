from __future__ import annotations

from functools import partial
from typing import Any, Final

from ...core.context import UNSET, HookContext, Params
from ...core.errors import Conflict, Forbidden
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.audit import audited, values_of
from ...hooks.finding import sorted_only_by
from ...hooks.ownership import by_caller, caller
from ...hooks.records import reached
from ...hooks.repeats import answer_first
from ...hooks.transactions import joined
from ...models.record import now
from .reading import may_review, oldest_open_first, present, readable
from .schema import ReportData, ReportPatch, ReportQuery

WARNING: Final = "A message of yours was reported, and it breaks the rules of the school."


async def about_message(context: HookContext) -> None:
    """The message is one that the caller sees, and another's. Raises NotFound, BadRequest.

    Who removes the own message does not get out of it; what a moderator has removed is dealt with.
    """
    if context.result is not UNSET:
        return
    data = context.data
    # As the client itself would: whoever can read a message can report it.
    message = await context.app.service("messages").get(data["messageId"], Params(context.params, query={}))
    if message["senderId"] == data["reporterId"]:
        raise invalid("messageId", "is your own message")
    if message["type"] == "system":
        raise invalid("messageId", "nobody has written this message")
    if message["expungedAt"] is not None or message["deletedBy"] not in {None, message["senderId"]}:
        raise invalid("messageId", "was removed")
    data["conversationId"], data["authorId"] = message["conversationId"], message["senderId"]


async def may_resolve(context: HookContext) -> None:
    """Raises Forbidden for who does not keep order there, Conflict where it is done."""
    user = caller(context)
    report = await reached(context)
    if not may_review(context, report):
        raise Forbidden("Only a teacher who manages the conversation or admin may resolve a report")
    if context.data["resolution"] == "suspended" and user["role"] != "admin":
        raise Forbidden("Only admin may suspend somebody")
    if report["state"] == "resolved":
        raise Conflict("The report was resolved before", {"resolution": report["resolution"]})
    if context.data["resolution"] in {"warned", "suspended"}:
        query = {"_id": report["authorId"], "$select": ["_id"]}
        if not await context.app.service("users").find(joined(context, query=query, paginate=False)):
            raise invalid("resolution", "the author is not at the school any more")


def resolve(context: HookContext) -> None:
    """Raises BadRequest for a suspension that does not say until when, and for what is none and does."""
    data, until = context.data, context.data.get("suspendUntil")
    if data["resolution"] != "suspended":
        if until is not None:
            raise invalid("suspendUntil", "is for suspensions only")
    elif until is None:
        raise invalid("suspendUntil", "Missing data for required field.")
    elif until <= now():
        raise invalid("suspendUntil", "is not in the future")
    context.data = {
        "state": "resolved",
        "resolution": data["resolution"],
        "resolutionNote": data.get("note"),
        "suspendUntil": until,
        "resolvedBy": caller(context)["_id"],
        "resolvedAt": now(),
    }


async def resolve_others(context: HookContext) -> None:
    report = context.result
    within = joined(context, tenant=report["schoolId"])
    for other in await context.service.resolve_others(report, context.data, within):
        context.params["after_commit"](partial(context.service.emit, "patched", other))


async def act(context: HookContext) -> None:
    """Do what was decided, in the name of who has decided it and in the same transaction."""
    report, service = context.result, context.app.service
    params = joined(context, user=caller(context), tenant=report["schoolId"])
    message_id, author_id, note = report["messageId"], report["authorId"], report["resolutionNote"]
    match report["resolution"]:
        case "hidden":
            message = await service("messages").get(message_id, Params(params))
            if message["deletedAt"] is None:
                await service("messages").remove(message_id, params)
        case "warned":
            warning = {"userId": author_id, "messageId": message_id, "text": note or WARNING}
            await service("warnings").create(warning, params)
        case "suspended":
            suspension = {"suspendedUntil": report["suspendUntil"], "suspendedReason": note}
            await service("users").patch(author_id, suspension, params)
        case _:
            pass


answer_existing = answer_first("messageId", "reporterId")
in_index_order = sorted_only_by(("state", "createdAt"), ("createdAt",), skip_by="createdAt")

HOOKS: dict[str, Any] = {
    "around": {"all": [present], "patch": [audited(details=values_of("resolution", "messageId"))]},
    "before": {
        "all": [validate_query(ReportQuery())],
        "find": [readable, in_index_order, oldest_open_first],
        "get": [readable],
        "create": [validate_data(ReportData()), by_caller("reporterId"), answer_existing, about_message],
        "patch": [readable, validate_data(ReportPatch()), may_resolve, resolve],
    },
    "after": {"patch": [resolve_others, act]},
    "error": {"create": [answer_existing]},
}
