"""Records as they are stored: of the caller's school, in the transaction of the call if it is in one."""

from __future__ import annotations

from typing import Any

from ..core.context import HookContext
from .transactions import joined

Record = dict[str, Any]


def school_of(context: HookContext) -> Any:
    """The id of the school that the call is for, or None for own code that names none."""
    return context.params.get("tenant") or (context.params.user or {}).get("schoolId")


async def records(context: HookContext, path: str, query: dict[str, Any]) -> list[Record]:
    """All that match, whoever may see them."""
    params = joined(context, query=query, tenant=school_of(context), paginate=False)
    found: list[Record] = await context.app.service(path).find(params)
    return found


async def first(context: HookContext, path: str, query: dict[str, Any]) -> Record | None:
    found = await records(context, path, {**query, "$limit": 1})
    return found[0] if found else None


async def reached(context: HookContext, id: Any = None) -> Record:
    """The whole record that a call names, by its id or by ``id``, within the bounds of the call.

    Raises NotFound.
    """
    bounds = {"tenant": school_of(context), "restrict": context.params.get("restrict")}
    record: Record = await context.service.get(context.id if id is None else id, joined(context, **bounds))
    return record
