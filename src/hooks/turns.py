"""Turns for calls that would clash in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakValueDictionary

from ..core.context import HookContext
from ..core.hooks import Next
from ..models.journal import Journal

Hook = Callable[[HookContext, Next], Awaitable[None]]

# _turns[schoolId]; of this process alone: between processes it is the database that decides.
_turns: Final[WeakValueDictionary[Any, asyncio.Lock]] = WeakValueDictionary()


async def in_turn(context: HookContext, proceed: Next) -> None:
    """An around hook, before that of a transaction: a school's clients make such calls one after the other.

    Transactions that write the same record would be repeated until each has got through alone, which takes
    the longer the more there are.
    """
    school = context.params.get("tenant")
    if not context.params.provider or school is None or context.params.get("session") is not None:
        await proceed()
        return
    async with _turns.setdefault(school, asyncio.Lock()):
        await proceed()


def in_turn_of_conversation(find: Callable[[HookContext], Awaitable[Any]]) -> Hook:
    """An around hook, behind ``audited``: a client's call takes turns with whoever writes in a conversation.

    ``find`` tells the conversation's id, or None. Without, who moderates a conversation in which many write
    would have to wait until nobody does.
    """

    async def hook(context: HookContext, proceed: Next) -> None:
        conversation_id = await find(context) if context.params.provider else None
        if conversation_id is None:
            await proceed()
            return
        journal: Journal = context.app.get("journal")
        async with journal.turn(conversation_id):
            await proceed()

    return hook
