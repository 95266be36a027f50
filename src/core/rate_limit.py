"""A before hook that refuses calls which come too often."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable

from .context import HookContext
from .errors import TooManyRequests
from .throttle import network_of, parse_limit, throttle_of

Key = Callable[[HookContext], str | Awaitable[str | None] | None]


def rate_limit(
    limit: str, *, key: Key | None = None, name: str | None = None
) -> Callable[[HookContext], Awaitable[None]]:
    """Before a method: let each caller make ``limit`` calls (``60/minute``) from outside, over any transport.

    ``key`` tells callers apart and may be a coroutine function; a call for which it answers None is not
    limited. Without one it is ``caller_key``. Methods count apart, unless the hooks are given one ``name``.

    Raises TooManyRequests with ``{"retryAfter": seconds}``, which over REST is the header ``Retry-After``
    too; ValueError, when it is made, for a limit that is none.
    """
    parse_limit(limit)
    choose = key or caller_key

    async def hook(context: HookContext) -> None:
        if context.params.provider is None:
            return
        answer = choose(context)
        caller = await answer if inspect.isawaitable(answer) else answer
        if caller is None:
            return
        counted = name or f"{context.path} {context.method}"
        wait = await throttle_of(context.app).hit(limit, counted, caller)
        if wait is not None:
            raise TooManyRequests(
                f"Only {limit} of {counted} are let pass",
                {"retryAfter": math.ceil(wait)},
            )

    return hook


def caller_key(context: HookContext) -> str:
    """The user who calls, else the address that the call comes from."""
    user = context.params.user
    if user is not None:
        return f"user {user['_id'] if '_id' in user else user['id']}"
    return address_key(context)


def address_key(context: HookContext) -> str:
    """The client's address; of IPv6 its network."""
    return network_of(context.params.get("address") or "")
