"""What clients may see of a result: the dispatch, made once and kept with each record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..context import HookContext, Params
from ..hooks import HookFunction, Next
from ..pagination import records_of, with_records
from ..shapes import is_list, is_mapping
from .resolver import Resolver, ResolverStatus, resolve_records


class Dispatched(dict[str, Any]):
    """A record as own code sees it, with the ``dispatch`` that goes out in its place.

    It equals the plain dict. A new dict made from it is plain and has forgotten the dispatch.
    """

    __slots__ = ("dispatch",)

    def __init__(self, record: Mapping[str, Any], dispatch: dict[str, Any]) -> None:
        super().__init__(record)
        self.dispatch = dispatch


def resolve_external(*resolvers: Resolver) -> HookFunction:
    """Around a method, the outermost: resolve what REST, acknowledgements and events carry.

    ``context.result`` stays whole for own code. A record that was dispatched in a nested call goes out
    as it was dispatched there, wherever in the result it has been put.
    """

    async def hook(context: HookContext, next: Next) -> None:
        outer: ResolverStatus | None = context.params.get("resolve")
        if outer is not None:  # which fields were wanted of the outer call's records says nothing of these
            context.params = Params(context.params, resolve=replace(outer, properties=None))
        await next()
        records = records_of(context.result)
        fresh = [at for at, one in enumerate(records) if is_mapping(one) and not isinstance(one, Dispatched)]
        status = context.params.get("resolve")
        seen = await resolve_records(resolvers, [records[at] for at in fresh], context, status)
        kept = list(records)
        for at, dispatch in zip(fresh, seen, strict=True):
            kept[at] = Dispatched(records[at], dispatch_of(dispatch))
        context.result = with_records(context.result, kept)
        context.dispatch = with_records(context.result, dispatch_of(kept))

    return hook


resolve_dispatch = resolve_external


def dispatch_of(value: Any) -> Any:
    """``value`` as it may go out: every dispatched record in it replaced by its dispatch."""
    if isinstance(value, Dispatched):
        return value.dispatch
    if is_list(value):
        return [dispatch_of(element) for element in value]
    if is_mapping(value):
        return {name: dispatch_of(part) for name, part in value.items()}
    return value
