"""What exists once is answered again, however often it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..core.context import HookContext
from ..core.errors import Conflict
from .records import first


def answered(context: HookContext, record: dict[str, Any]) -> None:
    """Answer with what is so already: nobody is told of it again, and over REST it is 200."""
    context.result = record
    context.event = None
    context.http.status = 200


def answer_first(*fields: str) -> Callable[[HookContext], Awaitable[None]]:
    """Before a create, and on its error: a record with these fields that is there already is the answer.

    ``fields`` are what is unique of a record; one that lacks any of them is like no other.
    """

    async def answer(context: HookContext) -> None:
        if context.error is not None and not isinstance(context.error, Conflict):
            return
        query = {name: context.data.get(name) for name in fields}
        if None in query.values():
            return
        found = await first(context, context.path, query)
        if found is not None:
            answered(context, found)

    return answer
