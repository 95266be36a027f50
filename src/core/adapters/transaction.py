"""A transaction of MongoDB around a call, as a hook."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeGuard, cast

import structlog
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError

from ..context import HookContext, Params
from ..errors import Unavailable
from .driver import RETRIED_BY_THE_DRIVER, driver_errors

logger = structlog.stdlib.get_logger(__name__)

Client = AsyncMongoClient[dict[str, Any]]
Act = Callable[[], object]


def transaction(client: Client | Callable[[HookContext], Client]) -> TransactionHook:
    """An around hook: all that the call does in MongoDB happens together or not at all.

    ``client`` may be a function of the context, for a client that is there only when the server runs.
    Inside, ``params["session"]`` is the session, which adapters use; nested calls join by passing
    ``params.internal()`` on, one after the other, as a session does one thing at a time. Whatever is
    raised inside, by an after hook too, takes everything back; else it is committed when the hook ends.

    ``params["after_commit"]`` takes functions to call once that is done. The events of nested calls
    that have joined wait there too; those of the call itself come after all hooks anyway.

    Where transactions clash, the driver repeats for up to two minutes what is inside this hook: hooks
    and service methods may run several times and should not touch anything outside of MongoDB, which
    is what ``after_commit`` is for. Id, data, params and result of the context are then what they were
    before (data that was changed in place excepted). Raises Unavailable when they keep clashing.

    MongoDB has transactions on replica sets and sharded clusters only.
    """
    return TransactionHook(client)


@dataclass(frozen=True, slots=True)
class TransactionHook:
    """The hook of ``transaction``."""

    repeats: ClassVar[bool] = True
    """It may call ``next`` more than once."""

    client: Client | Callable[[HookContext], Client]

    async def __call__(self, context: HookContext, proceed: Callable[[], Awaitable[None]]) -> None:
        if context.params.get("session") is not None:
            await proceed()
            return
        params, id, data, result = context.params, context.id, context.data, context.result  # noqa: A001
        waiting: list[Act] = []

        async def attempt(session: AsyncClientSession) -> None:
            waiting.clear()
            context.id, context.data, context.result = id, data, result
            context.params = Params(params, session=session, after_commit=waiting.append)
            await proceed()

        try:
            async with _client(self.client, context).start_session() as session:
                await session.with_transaction(attempt)
        except PyMongoError as error:
            with driver_errors():
                if error.has_error_label(RETRIED_BY_THE_DRIVER):
                    raise Unavailable("The records are too busy, try again") from error
                raise
        finally:
            outer = Params(context.params)
            outer.pop("session", None)
            outer.pop("after_commit", None)
            context.params = outer
        for act in waiting:
            _run(act)


def _client(client: Client | Callable[[HookContext], Client], context: HookContext) -> Client:
    return client if _is_client(client) else cast("Callable[[HookContext], Client]", client)(context)


def _is_client(client: object) -> TypeGuard[Client]:
    return isinstance(client, AsyncMongoClient)


def _run(act: Act) -> None:
    """A failure must not undo the caller's success, which is committed."""
    try:
        act()
    except Exception:
        logger.exception("a function for after the commit failed")
