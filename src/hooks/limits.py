"""How often one caller may do something: what the settings say under ``limits``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..core.context import HookContext
from ..core.rate_limit import Key, rate_limit


def limited(name: str, *, key: Key | None = None) -> Callable[[HookContext], Awaitable[None]]:
    """Let each caller go on as often as the setting ``limits.<name>`` has it; without end where it is empty.

    All methods with the same ``name`` count together. Raises TooManyRequests: see ``rate_limit``.
    """

    async def check(context: HookContext) -> None:
        limit: str = context.app.settings["limits"][name]
        if limit:
            await rate_limit(limit, key=key, name=name)(context)

    return check


def of_school(context: HookContext) -> str:
    """The key of what a whole school shares."""
    return f"school {context.params['tenant']}"
