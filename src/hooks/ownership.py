"""Whose a call is, and what is the caller's own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ..core.context import HookContext
from ..core.errors import NotAuthenticated

Check = Callable[[HookContext], None]


def caller(context: HookContext) -> dict[str, Any]:
    """For whom the call is. Raises NotAuthenticated where own code has not said it."""
    if context.params.user is None:
        raise NotAuthenticated(f"{context.path} {context.method} needs params.user")
    return context.params.user


def own_only(field: str, *, but: Collection[str] = ()) -> Check:
    """Let clients reach what names them in ``field``, and those of the roles ``but`` everything."""

    def restrict(context: HookContext) -> None:
        if context.params.provider and caller(context)["role"] not in but:
            context.params["restrict"] = {field: caller(context)["_id"]}

    return restrict


def by_caller(field: str) -> Check:
    """Whoever calls is who ``field`` names. Own code says for whom it calls by ``params.user``."""

    def name(context: HookContext) -> None:
        context.data[field] = caller(context)["_id"]

    return name


def sorted_by(**order: int) -> Check:
    """What clients get comes in this order, unless they ask for another."""

    def sort(context: HookContext) -> None:
        if context.params.provider:
            context.params.query.setdefault("$sort", dict(order))

    return sort
