"""Fields that never leave the server."""

from __future__ import annotations

from typing import Any

from .context import UNSET, HookContext
from .hooks import HookFunction, Next
from .pagination import records_of, with_records
from .shapes import is_mapping


def protect(*fields: str) -> HookFunction:
    """After or around a method: leave ``fields`` out of every response, acknowledgement and event.

    ``context.result`` stays whole for own code. A dispatch that another hook has made is taken as
    it is, without the fields; only the items themselves are looked at, not what is nested in them.
    """
    hidden = frozenset(fields)

    async def hook(context: HookContext, next: Next | None = None) -> None:
        if next is not None:
            await next()
        whole = context.result if context.dispatch is UNSET else context.dispatch
        if whole is not UNSET and whole is not None:
            context.dispatch = with_records(whole, [_without(hidden, one) for one in records_of(whole)])

    return hook


def _without(hidden: frozenset[str], record: Any) -> Any:
    if not is_mapping(record):
        return record
    return {key: part for key, part in record.items() if key not in hidden}
