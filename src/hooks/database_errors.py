"""What the database says of a statement, told as callers of services know it."""

from __future__ import annotations

from ..core.adapters.driver import driver_errors
from ..core.context import HookContext
from ..core.hooks import Next


async def database_errors(_: HookContext, proceed: Next) -> None:
    """An around hook: an error of the driver becomes a Feathers error, whoever made the statement."""
    with driver_errors(tenant="schoolId"):
        await proceed()
