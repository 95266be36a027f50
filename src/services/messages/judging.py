"""Who may write a message: judged where it is written, or before that where something hangs on it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from ...core.context import UNSET, HookContext
from ...core.errors import BadRequest, Forbidden, TooManyRequests
from ...core.schema import invalid
from ...hooks.idempotency import Idempotency
from ...hooks.membership import place_of, refuse_writing
from ...hooks.places import MANAGERS
from ...hooks.seats import REHEARSAL, seat_of
from .pace import refuse_too_fast
from .service import JUDGE

once = Idempotency("senderId")


def of_a_kind_people_write(context: HookContext) -> None:
    """Raises BadRequest for a client's ``system`` message: those are own code's."""
    if context.params.provider and context.data["type"] == "system":
        raise invalid("type", "must be of a kind that people write")


async def refuse_first(context: HookContext) -> None:
    """Raises what a message that refers to something, or is rehearsed, is refused for.

    Who was a member hears nothing more, not even of what was said oneself or of what there is to answer; who
    still is one is answered a repeat, which was allowed when it came first. All other messages are judged
    where they are written, by ``may_write``: that takes no statement.
    """
    data = context.data
    refers = data.get("replyTo") is not None or "forwardOf" in data or data.get("mentions")
    refers = refers or any("attachmentId" in file for file in data.get("attachments") or ())
    if not context.params.provider:
        await once.answer_repeat(context)
    elif refers or context.params.get(REHEARSAL):
        await _judge_now(context)


def judged_by_rules(context: HookContext) -> None:
    if context.params.provider:
        context.params[JUDGE] = partial(may_write, context)


async def may_write(
    context: HookContext, place: dict[str, Any], conversation: dict[str, Any], at: datetime
) -> None:
    """Raises Forbidden: see ``require_writer``, and TooManyRequests for who is no manager and is too fast."""
    await refuse_writing(context, place, conversation)
    if place["role"] not in MANAGERS:
        refuse_too_fast(place, conversation, at)


async def answer_refused(context: HookContext) -> None:
    """On error: a member's repeat was allowed when it came first.

    What other hooks find wrong with the content, they find before it is judged who writes: who may not is
    told that, and not what they look for.
    """
    if context.params.pop(JUDGE, None) is None:
        return
    if isinstance(context.error, BadRequest):
        await _judge_now(context)
    elif (
        isinstance(context.error, Forbidden | TooManyRequests)
        and await place_of(context, context.data["conversationId"]) is not None
    ):
        await once.answer_repeat(context)


async def _judge_now(context: HookContext) -> None:
    seat = await seat_of(context, context.data["conversationId"])
    await once.answer_repeat(context)
    if context.result is UNSET:
        await refuse_writing(context, *seat)
