"""Hooks that check what comes in against a marshmallow schema, whose field names are the wire's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from marshmallow import RAISE, Schema, ValidationError, fields

from ..context import HookContext
from ..errors import MethodNotAllowed
from ..shapes import is_list, is_mapping
from .problems import Path, reasons_of, validation_failed
from .syntax import QuerySyntax, query_syntax


@dataclass(frozen=True, slots=True)
class DataCheck:
    """The hook of ``validate_data``. Whoever describes a service reads its schema off the hook."""

    schema: Schema
    partial: bool
    many: bool

    def __call__(self, context: HookContext) -> None:
        data = context.data
        if not is_list(data):
            context.data = self._load(data)
        elif self.many:
            context.data = [self._load(item) for item in data]
        else:
            raise MethodNotAllowed(f"Can not {context.method} multiple entries")

    def _load(self, item: Any) -> dict[str, Any]:
        return checked(self.schema, item, partial=self.partial)


@dataclass(frozen=True, slots=True)
class QueryCheck:
    """The hook of ``validate_query``. Whoever describes a service reads its schema off the hook."""

    syntax: QuerySyntax

    @property
    def schema(self) -> Schema:
        return self.syntax.schema

    def __call__(self, context: HookContext) -> None:
        if context.params.provider:
            context.params.query = self.syntax.check(context.params.query)


def checked(schema: Schema, item: Any, *, partial: bool = False, as_text: bool = False) -> dict[str, Any]:
    """What the schema makes of an object. ``as_text``: of a query, where numbers are written as text.

    Raises BadRequest, with the fields in ``errors``.
    """
    if not is_mapping(item):
        raise validation_failed({(): "must be an object"})
    mistyped = {} if as_text else dict(_mistyped(schema, item, ()))
    try:
        loaded = cast("dict[str, Any]", schema.load(item, partial=partial, unknown=RAISE))
    except ValidationError as error:
        raise validation_failed({**reasons_of(error), **mistyped}) from None
    if mistyped:
        raise validation_failed(mistyped)
    return loaded


def validate_data(schema: Schema, *, partial: bool = False, many: bool = False) -> DataCheck:
    """Check the data of a method; the loaded values take its place.

    Ids and times come as text, as JSON has nothing else for them. A number or a boolean is never read
    from text: that is for queries.

    ``partial``: nothing is required and nothing gets a default, as in a patch. ``many``: a list is
    checked item by item, which is MethodNotAllowed otherwise.
    """
    return DataCheck(schema, partial, many)


def validate_query(syntax: QuerySyntax | Schema) -> QueryCheck:
    """Check a client's query for known fields and operators; the values get the fields' types.

    A field marked ``dump_only`` may stand in ``$select`` only. The limits and operators of the adapter
    hold besides.
    """
    return QueryCheck(syntax if isinstance(syntax, QuerySyntax) else query_syntax(syntax))


def _mistyped(schema: Schema, data: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Numbers and booleans that are none in JSON, which marshmallow would make the best of."""
    known = cast("Mapping[str, Any]", schema.fields)  # pyright: ignore[reportUnknownMemberType]
    for name, field in known.items():
        if (key := field.data_key or name) in data:
            yield from _mistyped_value(field, data[key], (*path, key))


def _mistyped_value(field: Any, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(field, fields.Nested) and is_mapping(value):
        yield from _mistyped(cast("Any", field).schema, value, path)
    elif isinstance(field, fields.List) and is_list(value):
        for position, element in enumerate(value):
            yield from _mistyped_value(cast("Any", field).inner, element, (*path, str(position)))
    elif value is not None and not _is_of_kind(field, value):
        yield path, cast("Any", field).error_messages["invalid"]


def _is_of_kind(field: Any, value: Any) -> bool:
    if isinstance(field, fields.Boolean):
        return isinstance(value, bool)
    if isinstance(field, fields.Integer | fields.Float):
        if isinstance(value, float):
            return isinstance(field, fields.Float) or value.is_integer()
        return isinstance(value, int)  # marshmallow itself refuses booleans
    return True
