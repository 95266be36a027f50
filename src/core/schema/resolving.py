"""Hooks that resolve the data, the query or the result of a call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..context import HookContext, Params
from ..errors import BadRequest
from ..hooks import HookFunction, Next
from ..pagination import records_of, with_records
from ..shapes import is_list
from .resolver import Resolver, ResolverStatus, resolve_records


def resolve_data(*resolvers: Resolver) -> HookFunction:
    """Before or around a method: resolve ``context.data``, a list item by item."""

    async def hook(context: HookContext, next: Next | None = None) -> None:
        data = context.data
        resolved = await resolve_records(resolvers, data if is_list(data) else [data], context)
        context.data = resolved if is_list(data) else resolved[0]
        if next is not None:
            await next()

    return hook


def resolve_query(*resolvers: Resolver) -> HookFunction:
    """Before or around a method: resolve ``params.query``, for instance to force a ``userId``."""

    async def hook(context: HookContext, next: Next | None = None) -> None:
        (query,) = await resolve_records(resolvers, [context.params.query], context)
        context.params = Params(context.params, query=query)
        if next is not None:
            await next()

    return hook


def resolve_result(*resolvers: Resolver) -> HookFunction:
    """Around a method: resolve each record of the result, within a page too.

    Exactly the fields of ``$select`` remain, the id only if it is among them; ``$resolve`` names them
    likewise and never reaches the method. Nor does a ``$select`` with a virtual field: what such a
    field is made of has to be found.
    """
    virtual_names = frozenset[str]().union(*(resolver.virtual_names for resolver in resolvers))

    async def hook(context: HookContext, next: Next) -> None:
        query = dict(context.params.query)
        selected = _names(query.get("$select"))
        if any(name.partition(".")[0] in virtual_names for name in selected or ()):
            del query["$select"]
        properties = selected
        if "$resolve" in query:
            properties = _names(query.pop("$resolve"))
            if properties is None:
                raise BadRequest("$resolve must be a list of field names")
        status = replace(context.params.get("resolve") or ResolverStatus(context), properties=properties)
        context.params = Params(context.params, query=query, resolve=status)
        await next()
        records = await resolve_records(resolvers, records_of(context.result), context, status)
        context.result = with_records(context.result, records)

    return hook


def _names(value: Any) -> tuple[str, ...] | None:
    """Field names, or None for what is none: of ``$select``, that is the adapter's to refuse."""
    names = [value] if isinstance(value, str) else value
    return tuple(names) if is_list(names) and all(isinstance(name, str) for name in names) else None
