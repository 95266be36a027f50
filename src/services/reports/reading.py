"""Who sees which reports, and how much of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ...core.context import UNSET, HookContext, Params
from ...core.hooks import Next
from ...core.pagination import records_of, with_records
from ...hooks.files import shown_files
from ...hooks.ownership import caller
from ...hooks.places import MANAGERS
from ...hooks.reports import as_reporter_reads

OF_MESSAGE: Final = ("type", "content", "attachments", "seq", "createdAt", "editedAt", "deletedAt")
TAKEN_BACK: Final[Mapping[str, Any]] = {"content": None, "attachments": []}
REVIEWED: Final = "reviewed"
"""In params: the ids of the conversations whose reports the caller resolves; None for all."""


async def readable(context: HookContext) -> None:
    """What was reported of oneself is never shown, whatever one may see else."""
    if not context.params.provider:
        context.params[REVIEWED] = None
        return
    user = caller(context)
    own = {"reporterId": user["_id"]}
    if user["role"] == "student":
        context.params[REVIEWED] = frozenset[Any]()
        context.params["restrict"] = own
        return
    restriction: dict[str, Any] = {"authorId": {"$ne": user["_id"]}}
    reviewed = None if user["role"] == "admin" else await _managed_by(context, user)
    if reviewed is not None:
        restriction["$or"] = [{"conversationId": {"$in": list(reviewed)}}, own]
    context.params[REVIEWED] = reviewed
    context.params["restrict"] = restriction


def may_review(context: HookContext, report: Mapping[str, Any]) -> bool:
    """Whether the caller resolves such reports; ``readable`` goes before."""
    reviewed: frozenset[Any] | None = context.params.get(REVIEWED, frozenset())
    return reviewed is None or report.get("conversationId") in reviewed


def oldest_open_first(context: HookContext) -> None:
    if context.params.provider:
        context.params.query.setdefault("$sort", {"state": 1, "createdAt": 1})


async def present(context: HookContext, proceed: Next) -> None:
    """Reporters do not learn who has resolved a report, and who resolves it sees what it is about."""
    await proceed()
    if not context.params.provider or context.result is UNSET:
        return
    records = records_of(context.result)
    reviewed = [one for one in records if may_review(context, one)]
    messages: dict[Any, dict[str, Any]] = {}
    with_message = context.method in {"find", "get"} and "$select" not in context.params.query
    if with_message and reviewed:
        messages = await _messages(context, [one["messageId"] for one in reviewed])
    shown: list[dict[str, Any]] = []
    for record in records:
        if not may_review(context, record):
            shown.append(as_reporter_reads(record))
        elif with_message:
            message = messages.get(record["messageId"])
            if message is not None and not _may_read(context, record, message):
                message = {**message, **TAKEN_BACK}
            elif message is not None and message["attachments"]:
                message = {**message, "attachments": await _files(context, record, message)}
            shown.append({**record, "message": message})
        else:
            shown.append(record)
    context.dispatch = with_records(context.result, shown)


async def _files(context: HookContext, report: Mapping[str, Any], message: Mapping[str, Any]) -> list[Any]:
    revoked = message["deletedAt"] is not None
    return [*await shown_files(context.app, message["attachments"], report, revoked=revoked)]


def _may_read(context: HookContext, report: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """What the author has taken back before it was reported is for admins alone, who may restore it."""
    deleted: datetime | None = message["deletedAt"]
    return deleted is None or report["createdAt"] < deleted or caller(context)["role"] == "admin"


async def _managed_by(context: HookContext, user: Mapping[str, Any]) -> frozenset[Any]:
    query = {"userId": user["_id"], "role": {"$in": list(MANAGERS)}, "$select": ["conversationId"]}
    places: list[dict[str, Any]] = await context.app.service("members").find(
        Params(query=query, tenant=user["schoolId"], paginate=False)
    )
    return frozenset(place["conversationId"] for place in places)


async def _messages(context: HookContext, ids: list[Any]) -> dict[Any, dict[str, Any]]:
    found: list[dict[str, Any]] = await context.app.service("messages").find(
        Params(query={"_id": {"$in": ids}, "$select": [*OF_MESSAGE]}, paginate=False)
    )
    return {one["_id"]: {name: one[name] for name in OF_MESSAGE} for one in found}
