from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from ...core.context import HookContext
from ...core.errors import Forbidden
from ...core.schema import invalid, validate_data, validate_query
from ...hooks.edit_window import within_window
from ...hooks.finding import sorted_only_by
from ...hooks.limits import limited
from ...hooks.membership import only_own, require_active, require_place, require_writer
from ...hooks.ownership import by_caller, caller
from ...hooks.records import first, reached
from ...hooks.team_rights import keeps_order
from .names import clean_name, ends_otherwise
from .presentation import NEEDED, present
from .schema import AttachmentData, AttachmentName, AttachmentQuery

OWN_STATES: Final = ("WAITING", "CHECKING", "READY")


async def of_a_writer(context: HookContext) -> None:
    """Raises Forbidden for who may not write in the conversation."""
    if context.params.provider:
        await require_writer(context, context.data["conversationId"])


async def of_its_writer(context: HookContext) -> None:
    """The caller's own, in a conversation in which the caller may write still. Raises NotFound, Forbidden."""
    if context.params.provider:
        context.params["restrict"] = {"userId": caller(context)["_id"], "state": {"$ne": "GONE"}}
        record = await reached(context, context.data["attachmentId"])
        await require_writer(context, record["conversationId"])


def in_messages(context: HookContext) -> None:
    """A conversation's files are those of its messages: what is being uploaded is found by its id alone."""
    if not context.params.provider:
        return
    if context.params.query.get("conversationId") is None:
        raise invalid("conversationId", "Missing data for required field.")
    context.params["restrict"] = {**context.params["restrict"], "state": "ATTACHED"}
    context.params.query.setdefault("$sort", {"attachedAt": -1, "_id": -1})


def shown_or_own(context: HookContext) -> None:
    if context.params.provider:
        own = {"userId": caller(context)["_id"], "state": {"$in": list(OWN_STATES)}}
        context.params["restrict"] = {**context.params["restrict"], "$or": [{"state": "ATTACHED"}, own]}


async def own_or_as_manager(context: HookContext) -> None:
    """What is in a message goes as the message would: within the school's window. Raises Forbidden."""
    if not context.params.provider:
        return
    record = await reached(context)
    is_own = record["userId"] == caller(context)["_id"]
    if record["state"] != "ATTACHED":
        return
    if keeps_order(context, await require_place(context, record["conversationId"])):
        return
    if not is_own:
        raise Forbidden("Only who has uploaded a file, or manages the conversation, may remove it")
    await require_active(context, record["conversationId"])
    message = await first(context, "messages", {"_id": record["messageId"]})
    if message is not None:
        await within_window(context, message, "removed")


def with_what_is_needed(context: HookContext) -> None:
    selected = context.params.query.get("$select")
    if context.params.provider and selected is not None:
        names: list[str] = [selected] if isinstance(selected, str) else selected
        context.params.query["$select"] = [*names, *NEEDED]


def hooks(max_bytes: int, types: Collection[str]) -> dict[str, Any]:
    """``max_bytes`` of a file; ``types`` are the media types that may be uploaded."""

    def of_a_kind(context: HookContext) -> None:
        """Raises BadRequest naming the field."""
        data = context.data
        kind = data["mediaType"] = data["mediaType"].strip().lower()
        if kind not in types:
            raise invalid("mediaType", f"is none of {', '.join(sorted(types))}")
        if not 1 <= data["size"] <= max_bytes:
            raise invalid("size", f"is from 1 to {max_bytes} bytes")
        data["name"] = clean_name(data["name"])
        if ends_otherwise(data["name"], kind):
            raise invalid("name", f"has an ending that is none of {kind}")

    checked, own = validate_query(AttachmentQuery()), only_own("conversationId")
    in_index_order = sorted_only_by(("attachedAt",), ("attachedAt", "_id"), ("_id",), skip_by="attachedAt")
    return {
        "around": {"all": [present]},
        "before": {
            "find": [checked, in_index_order, own, in_messages, with_what_is_needed],
            "get": [checked, own, shown_or_own, with_what_is_needed],
            "create": [
                checked,
                limited("uploads"),
                validate_data(AttachmentData()),
                of_a_writer,
                of_a_kind,
                by_caller("userId"),
            ],
            "complete": [limited("uploads"), validate_data(AttachmentName()), of_its_writer],
            "remove": [
                checked,
                limited("changes"),
                own,
                shown_or_own,
                own_or_as_manager,
                with_what_is_needed,
            ],
        },
    }
