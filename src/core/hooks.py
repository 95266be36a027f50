"""Hooks: how they are registered, and how a chain of them is composed once per (service, method).

The order is Feathers' (spec: its section on hooks)::

    app.around.all > app.around.M > app.before.all > app.before.M
     service.around.all > service.around.M > service.before.all > service.before.M
       METHOD
     service.after.all > service.after.M
    app.after.all > app.after.M

A block catches only what happens inside it: an exception in ``before.all`` reaches ``error.all``
but not ``error.M``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from .context import UNSET, HookContext
from .shapes import is_mapping

Next = Callable[[], Awaitable[None]]
Step = Callable[[HookContext], Awaitable[None]]
HookFunction = Callable[..., Any]
HookList = HookFunction | Iterable[HookFunction]
HookMap = Mapping[str, "HookList | Mapping[str, HookList]"] | Iterable[HookFunction]

TYPES: Final = ("around", "before", "after", "error")
Phase = Literal["before", "after", "error"]


@dataclass(slots=True)
class HookStore:
    """The hooks of an application or a service: ``{type: {method or 'all': [hook, ...]}}``."""

    hooks: dict[str, dict[str, list[HookFunction]]] = field(
        default_factory=lambda: {kind: {} for kind in TYPES}
    )

    def add(self, registration: HookMap, methods: Iterable[str] | None) -> None:
        """Add hooks in any of Feathers' forms; ``methods`` are the names that may have hooks (None: any).

        Raises ValueError for an unknown hook type and for a method that has no hooks.
        """
        if not isinstance(registration, Mapping):
            self._extend("around", "all", registration, methods)
        elif any(kind in registration for kind in TYPES):
            for kind, value in cast("Mapping[str, Any]", registration).items():
                if kind not in self.hooks:
                    raise ValueError(f"'{kind}' is not a valid hook type")
                by_method = (
                    cast("Mapping[str, HookList]", value) if isinstance(value, Mapping) else {"all": value}
                )
                for method, hooks in by_method.items():
                    self._extend(kind, method, hooks, methods)
        else:
            for method, hooks in cast("Mapping[str, Any]", registration).items():
                if isinstance(hooks, Mapping):
                    raise ValueError(f"'{method}' is not a valid hook type")
                self._extend("around", method, hooks, methods)

    def of(self, kind: str, method: str) -> list[HookFunction]:
        return self.hooks[kind].get(method, [])

    def _extend(self, kind: str, method: str, hooks: HookList, methods: Iterable[str] | None) -> None:
        if methods is not None and method != "all" and method not in methods:
            raise ValueError(f"Method {method} is not a Feathers hooks enabled service method")
        added = [hooks] if callable(hooks) else list(hooks)
        self.hooks[kind].setdefault(method, []).extend(added)


@dataclass(frozen=True, slots=True)
class Block:
    """Before and after hooks around whatever is inside, and the error hooks that watch over both."""

    before: tuple[HookFunction, ...] = ()
    after: tuple[HookFunction, ...] = ()
    error: tuple[HookFunction, ...] = ()


def compile_chain(method: str, stores: Iterable[HookStore], innermost: Step) -> Step:
    """Compose the hooks of ``stores`` (outermost first) around ``innermost``."""
    layers: list[HookFunction | Block] = []
    for store in stores:
        layers += [*store.of("around", "all"), *store.of("around", method)]
        # after.all runs before after.M, yet error.M watches over both: both belong to the inner block.
        outer = Block(before=tuple(store.of("before", "all")), error=tuple(store.of("error", "all")))
        inner = Block(
            before=tuple(store.of("before", method)),
            after=(*store.of("after", "all"), *store.of("after", method)),
            error=tuple(store.of("error", method)),
        )
        for block in (outer, inner):
            previous = layers[-1] if layers else None
            if isinstance(previous, Block) and not block.error:
                before, after = previous.before + block.before, block.after + previous.after
                layers[-1] = Block(before, after, previous.error)
            elif block != Block():
                layers.append(block)
    step = innermost
    for layer in reversed(layers):
        step = _block_step(layer, step) if isinstance(layer, Block) else _around_step(layer, step)
    return step


def call_method(method: Callable[..., Any], name: str) -> Step:
    """The innermost step: call the service's own method, unless a hook has set the result already."""
    takes_id = name in {"get", "update", "patch", "remove"}
    takes_data = name not in {"find", "get", "remove"}
    is_async = inspect.iscoroutinefunction(method)

    async def call(context: HookContext) -> None:
        if context.result is not UNSET:
            return
        if takes_id and takes_data:
            result = method(context.id, context.data, context.params)
        elif takes_id:
            result = method(context.id, context.params)
        elif takes_data:
            result = method(context.data, context.params)
        else:
            result = method(context.params)
        context.result = await result if is_async or inspect.isawaitable(result) else result

    return call


def _around_step(hook: HookFunction, inner: Step) -> Step:
    """A hook whose attribute ``repeats`` is true may call ``next`` again, as a transaction does."""
    once = not getattr(hook, "repeats", False)

    async def step(context: HookContext) -> None:
        called = False

        async def proceed() -> None:
            nonlocal called
            if called and once:
                raise RuntimeError("next() called multiple times")
            called = True
            context.type = "around"
            try:
                await inner(context)
            finally:
                context.type = "around"

        outcome = hook(context, proceed)
        if inspect.isawaitable(outcome):
            await outcome

    return step


def _block_step(block: Block, inner: Step) -> Step:
    before = _sequence("before", block.before)
    after = _sequence("after", block.after)

    async def step(context: HookContext) -> None:
        if before:
            await before(context)
        await inner(context)
        if after:
            await after(context)

    return _watched(step, block.error) if block.error else step


def _watched(step: Step, hooks: tuple[HookFunction, ...]) -> Step:
    handle = _sequence("error", hooks)

    async def watched(context: HookContext) -> None:
        try:
            await step(context)
        except Exception as error:  # noqa: BLE001 - error hooks are for any of them
            if context.original is None or context.error is not error:
                context.original = context.snapshot()
            context.error = error
            context.result = UNSET
            failure = await _handle(context, error, handle)
            if context.result is UNSET:
                raise failure from failure.__cause__
            context.error = None

    return watched


async def _handle(context: HookContext, error: Exception, handle: Step | None) -> BaseException:
    """The error as the hooks leave it. What one of them raises replaces it, and ``original`` stays."""
    if handle:
        try:
            await handle(context)
        except Exception as replaced:
            context.error = replaced
            raise
    return context.error or error


def _sequence(phase: Phase, hooks: tuple[HookFunction, ...]) -> Step | None:
    if not hooks:
        return None
    known = tuple((hook, inspect.iscoroutinefunction(hook)) for hook in hooks)

    async def run(context: HookContext) -> None:
        context.type = phase
        for hook, is_async in known:
            outcome = hook(context)
            if is_async or inspect.isawaitable(outcome):
                outcome = await outcome
            if outcome is not None and outcome is not context:
                if not is_mapping(outcome):
                    kind = type(outcome).__name__
                    raise TypeError(f"a hook returns nothing, the context or a mapping, not {kind}")
                for key, value in outcome.items():
                    setattr(context, key, value)
        context.type = "around"

    return run
