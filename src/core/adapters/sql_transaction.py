"""A transaction of PostgreSQL around a call, as a hook."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ..context import HookContext, Params
from ..errors import Unavailable
from .sql_errors import CLASHES, sql_errors, state_of

logger = structlog.stdlib.get_logger(__name__)

ATTEMPTS: Final = 8
LONGEST_WAIT: Final = 0.5  # seconds

Act = Callable[[], object]


def sql_transaction(engine: AsyncEngine) -> SqlTransactionHook:
    """An around hook: all that the call does in PostgreSQL happens together or not at all.

    Inside, ``params["transaction"]`` is the connection that adapters use; nested calls join by passing
    ``params.internal()`` on, one after the other. Whatever is raised inside takes everything back; else it
    is committed when the hook ends. After an error of the database nothing more can be done in the
    transaction: what may exist is to be looked for, or upserted, not to be tried.

    ``params["after_commit"]`` takes functions to call once that is done, as the hook ``transaction`` of
    MongoDB has it; inside such a one they wait for it too. Where transactions clash, what is inside the
    hook is run again, a few times, with id, data, params and result as they were before. Raises Unavailable
    when they keep clashing.
    """
    return SqlTransactionHook(engine)


@dataclass(frozen=True, slots=True)
class SqlTransactionHook:
    """The hook of ``sql_transaction``."""

    repeats: ClassVar[bool] = True
    """It may call ``next`` more than once."""

    engine: AsyncEngine

    async def __call__(self, context: HookContext, proceed: Callable[[], Awaitable[None]]) -> None:
        if context.params.get("transaction") is not None:
            await proceed()
            return
        params, id, data, result = context.params, context.id, context.data, context.result  # noqa: A001
        waiting: list[Act] = []
        try:
            for attempt in range(ATTEMPTS):
                waiting.clear()
                context.id, context.data, context.result = id, data, result
                if await self._attempt(context, params, waiting, proceed):
                    break
                await asyncio.sleep(random.uniform(0, LONGEST_WAIT * 2.0 ** (attempt - ATTEMPTS)))  # noqa: S311
            else:
                raise Unavailable("The records are too busy, try again")
        finally:
            after = Params(context.params)
            after.pop("transaction", None)
            after.pop("after_commit", None)
            if "after_commit" in params:
                after["after_commit"] = params["after_commit"]
            context.params = after
        later: Callable[[Act], object] = params.get("after_commit") or _run
        for act in waiting:
            later(act)

    async def _attempt(
        self,
        context: HookContext,
        params: Params,
        waiting: list[Act],
        proceed: Callable[[], Awaitable[None]],
    ) -> bool:
        """Whether it was committed; not where it clashed with another transaction."""
        with sql_errors({}):
            connection = await self.engine.connect()
        try:
            context.params = Params(params, transaction=connection, after_commit=waiting.append)
            await proceed()
            with sql_errors({}, joined=True):
                await connection.commit()
        except DBAPIError as error:
            if state_of(error) not in CLASHES:
                raise
            return False
        finally:
            await connection.close()
        return True


def _run(act: Act) -> None:
    """A failure must not undo the caller's success, which is committed."""
    try:
        act()
    except Exception:
        logger.exception("a function for after the commit failed")
