"""Resolvers: what becomes of single fields of a record, of data or of a query."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from ..context import UNSET, HookContext
from ..errors import BadRequest, FeathersError
from ..shapes import is_mapping

logger = structlog.stdlib.get_logger(__name__)

Record = Mapping[str, Any]
FieldResolver = Callable[[Any, Any, Any, "ResolverStatus"], Any]
"""``(value, obj, context, status)``, sync or async; ``value`` is UNSET where ``obj`` lacks the field."""
VirtualResolver = Callable[[Any, Any, "ResolverStatus"], Any]
Converter = Callable[[Any, Any, "ResolverStatus"], Any]


@dataclass(frozen=True, slots=True)
class ResolverStatus:
    """Where resolving has got to.

    ``properties`` are the only fields wanted, if not None; of a dotted name the whole outermost field is.
    A function that calls another service hands it on as ``Params(resolve=status)``: should that call
    come back to the same function, the field is left out instead of going round for ever.
    """

    original_context: HookContext | None = None
    properties: tuple[str, ...] | None = None
    path: tuple[str, ...] = ()
    stack: tuple[FieldResolver, ...] = ()


class Virtual:
    """A field without a stored value."""

    def __init__(self, function: VirtualResolver) -> None:
        self._function = function

    def __call__(self, value: Any, obj: Any, context: Any, status: ResolverStatus) -> Any:
        return self._function(obj, context, status)


class Resolver:
    """What ``resolve`` makes; ``virtual_names`` are the fields that a database knows nothing of."""

    def __init__(self, fields: Mapping[str, FieldResolver], converter: Converter | None = None) -> None:
        self.fields = dict(fields)
        self.converter = converter
        self.virtual_names = frozenset(name for name, of in self.fields.items() if isinstance(of, Virtual))

    async def resolve(
        self, obj: Record, context: Any = None, status: ResolverStatus | None = None
    ) -> dict[str, Any]:
        """A new record: ``obj`` with what the functions return in place of their fields.

        Raises BadRequest ``Error resolving data`` that names every field whose function failed.
        """
        return (await self.resolve_each([obj], context, status))[0]

    async def resolve_each(
        self, objs: Sequence[Record], context: Any = None, status: ResolverStatus | None = None
    ) -> list[dict[str, Any]]:
        """The same of many records, with all the fields of all of them at once."""
        status = status or ResolverStatus()
        if self.converter is not None:
            converted = [self.converter(obj, context, status) for obj in objs]
            objs = _without_failure(await _settled(converted))
        steps = {
            name: replace(status, path=(*status.path, name), stack=(*status.stack, function))
            for name, function in self.fields.items()
        }
        resolved: list[dict[str, Any]] = []
        started: list[tuple[int, str]] = []
        outcomes: list[Any] = []
        for at, obj in enumerate(objs):
            names = self._names(obj, status)
            resolved.append({name: obj.get(name, UNSET) for name in names})
            for name in filter(steps.__contains__, names):
                started.append((at, name))
                outcomes.append(self._start(name, obj, context, steps[name]))
        errors: list[dict[str, Any]] = [{} for _ in objs]
        for (at, name), outcome in zip(started, await _settled(outcomes), strict=True):
            if isinstance(outcome, _Failure):
                errors[at][name] = outcome.to_json()
            elif outcome is UNSET:
                del resolved[at][name]
            else:
                resolved[at][name] = outcome
        for failed in filter(None, errors):
            raise BadRequest("Error resolving data", failed)
        return resolved

    def _names(self, obj: Record, status: ResolverStatus) -> list[str]:
        names = dict.fromkeys((*obj, *self.fields))
        if status.properties is None:
            return list(names)
        wanted = {name.partition(".")[0] for name in status.properties}
        return [name for name in names if name in wanted]

    def _start(self, name: str, obj: Record, context: Any, status: ResolverStatus) -> Any:
        """What the function of the field came to: a value, an awaitable or a failure."""
        function = self.fields[name]
        if function in status.stack[:-1]:
            return UNSET
        try:
            return function(obj.get(name, UNSET), obj, context, status)
        except Exception as error:  # noqa: BLE001 - one field must not keep the others from being named
            return _Failure(error)


@dataclass(frozen=True, slots=True)
class _Failure:
    """An exception as a value, which no field has."""

    error: Exception

    def to_json(self) -> dict[str, Any]:
        if isinstance(self.error, FeathersError):
            return self.error.to_json()
        if not isinstance(self.error, ValueError):
            logger.error("resolver failed", exc_info=self.error)
        return {"message": str(self.error)}


def resolve(fields: Mapping[str, FieldResolver], *, converter: Converter | None = None) -> Resolver:
    """A resolver with a function ``(value, obj, context, status)`` for each field.

    What a function returns takes the field's place, UNSET removes it; fields without a function stay as
    they are. ``converter(obj, context, status)`` makes the record that the functions begin with.
    """
    return Resolver(fields, converter)


def virtual(function: VirtualResolver) -> Virtual:
    """A field that is not stored but computed, by ``(obj, context, status)``."""
    return Virtual(function)


async def resolve_records(
    resolvers: Iterable[Resolver],
    records: Iterable[Any],
    context: HookContext,
    status: ResolverStatus | None = None,
) -> list[Any]:
    """The records after all the resolvers in turn; what is no object stays as it is."""
    current = list(records)
    places = [at for at, record in enumerate(current) if is_mapping(record)]
    objects: list[Any] = [current[at] for at in places]
    for resolver in resolvers:
        objects = await resolver.resolve_each(objects, context, status)
    for at, record in zip(places, objects, strict=True):
        current[at] = record
    return current


async def _settled(outcomes: Iterable[Any]) -> list[Any]:
    """The outcomes with a value or a failure in place of everything awaitable."""
    settled = list(outcomes)
    places: list[int] = [at for at, outcome in enumerate(settled) if inspect.isawaitable(outcome)]
    if places:
        awaited: list[Awaitable[Any]] = [settled[at] for at in places]
        for at, value in zip(places, await asyncio.gather(*awaited, return_exceptions=True), strict=True):
            if isinstance(value, BaseException) and not isinstance(value, Exception):
                raise value
            settled[at] = _Failure(value) if isinstance(value, Exception) else value
    return settled


def _without_failure(outcomes: list[Any]) -> list[Any]:
    for outcome in outcomes:
        if isinstance(outcome, _Failure):
            raise outcome.error
    return outcomes
