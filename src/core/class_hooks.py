"""Hooks declared in a service's class; they run between the application's and the service's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from .hooks import HookFunction, HookStore

T = TypeVar("T", bound=Callable[..., Any])

DECLARED: Final = "__stonechat_hooks__"


def with_hooks(hooks: Iterable[HookFunction]) -> Callable[[T], T]:
    """Put around hooks on a method, or with a class on every method of it.

    They hold for the methods of subclasses too, before those that a subclass adds.
    """

    def declare(target: T) -> T:
        setattr(target, DECLARED, [*hooks, *vars(target).get(DECLARED, ())])
        return target

    return declare


def declared_hooks(service: object, methods: Iterable[str]) -> HookStore:
    """What the classes of ``service`` declare, those of base classes first."""
    store = HookStore()
    namespaces: list[Mapping[str, Any]] = [vars(kind) for kind in reversed(type(service).__mro__)]
    for namespace in (*namespaces, getattr(service, "__dict__", {})):
        store.add({"all": namespace.get(DECLARED, ())}, None)
        for method in methods:
            store.add({method: getattr(namespace.get(method), DECLARED, ())}, None)
    return store
