from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema

from ...core.context import HookContext
from ...core.errors import BadRequest
from ...core.protect import protect
from ...core.schema import validate_data, validate_query
from ...core.shapes import is_list, is_mapping
from ...hooks.files import with_plain_files
from ...hooks.ownership import by_caller, own_only, sorted_by
from ...hooks.records import reached
from .rehearsal import rehearse
from .schema import OF_MESSAGE, ScheduledMessageQuery, scheduled_data, scheduled_patch
from .service import HIDDEN


async def may_be_sent(context: HookContext) -> None:
    """What could not be sent now is not scheduled either. Raises what the rules of messages raise."""
    await rehearse(context.app, message_of(context.data), context.params)


async def only_while_waiting(context: HookContext) -> None:
    """Raises BadRequest for what is being sent, was sent or has failed; NotFound for another's."""
    if not context.params.provider:
        return
    scheduled = await reached(context)
    if scheduled["state"] != "WAITING":
        raise BadRequest("The message is not waiting any more", {"state": scheduled["state"]})
    context.params["scheduled"] = scheduled
    # Whoever takes it out between this check and the write wins.
    context.params["restrict"] = {**context.params["restrict"], "state": "WAITING"}


async def may_still_be_sent(context: HookContext) -> None:
    """A change is judged as the whole message that it makes."""
    if context.params.provider:
        changed = {**context.params["scheduled"], **context.data}
        await rehearse(context.app, message_of(changed), context.params)


def due_when_it_is_sent(context: HookContext) -> None:
    if "sendAt" in context.data:
        context.data["dueAt"] = context.data["sendAt"]


def message_of(scheduled: Mapping[str, Any]) -> dict[str, Any]:
    """The data that a message is made of; without what is null, as clients leave it out."""
    message: dict[str, Any] = _said({name: scheduled.get(name) for name in OF_MESSAGE})
    return message


def _said(value: Any) -> Any:
    if is_mapping(value):
        return {name: _said(part) for name, part in value.items() if part is not None and part != []}
    return [_said(part) for part in value] if is_list(value) else value


def hooks(message: Schema) -> dict[str, Any]:
    """``message`` is what the data of a new message is checked against."""
    return {
        "around": {"all": [protect(*HIDDEN), with_plain_files]},
        "before": {
            "all": [validate_query(ScheduledMessageQuery()), own_only("userId")],
            "find": [sorted_by(sendAt=1)],
            "create": [
                validate_data(scheduled_data(message)),
                by_caller("userId"),
                may_be_sent,
                due_when_it_is_sent,
            ],
            "patch": [
                validate_data(scheduled_patch(message), partial=True),
                only_while_waiting,
                may_still_be_sent,
                due_when_it_is_sent,
            ],
            "remove": [only_while_waiting],
        },
    }
