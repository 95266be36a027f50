"""What a condition or an order can say of one column, by bound values only."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import ARRAY, BigInteger, Double, Enum, String, and_, any_, false, literal, or_
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from ..errors import BadRequest
from .keyset import bad_cursor
from .sql_columns import Field

Condition = ColumnElement[bool]

SIGNS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "$lt": operator.lt,
    "$lte": operator.le,
    "$gt": operator.gt,
    "$gte": operator.ge,
}
REGEX_OPTIONS: Final = ("", "i")


class Term(Protocol):
    """A place in every row: what it may be compared with, and how rows are sorted by it.

    Conditions are MongoDB's: values of another type are never equal to those of the column and stand in no
    order to them, and nothing (NULL) comes before everything.
    """

    def equals(self, value: Any) -> Condition: ...

    def among(self, values: Sequence[Any]) -> Condition: ...

    def compares(self, sign: str, value: Any) -> Condition: ...

    def exists(self) -> Condition: ...

    def matches(self, pattern: str, options: str) -> Condition: ...

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        """What rows are sorted by."""
        ...

    def ordered(self, *, descending: bool) -> ColumnElement[Any]:
        """For ORDER BY."""
        ...

    def beyond(self, value: Any, *, descending: bool) -> Condition:
        """Comes behind a row of this key. Raises BadRequest for what is no key."""
        ...

    def same(self, value: Any, *, descending: bool) -> Condition: ...

    def from_there(self, value: Any, *, descending: bool) -> Condition | None:
        """What ``same`` and ``beyond`` together say, in a form that an index can begin at."""
        ...


class ColumnTerm:
    """A column of one type."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._column: ColumnElement[Any] = field.column
        self._sorted = _by_code_point(field) if field.kind is str else self._column

    def equals(self, value: Any) -> Condition:
        if value is None:
            return self._column.is_(None)
        return self._column == self._bound(value) if self._field.fits(value) else false()

    def among(self, values: Sequence[Any]) -> Condition:
        fitting = [value for value in values if value is not None and self._field.fits(value)]
        found: Condition = false()
        if fitting:
            found = self._column == any_(literal(fitting, ARRAY(self._type(*fitting))))
        return or_(found, self._column.is_(None)) if None in values else found

    def compares(self, sign: str, value: Any) -> Condition:
        if value is None:
            return self._column.is_(None) if sign in ("$lte", "$gte") else false()
        if not self._field.fits(value):
            return false()
        compared: Condition = SIGNS[sign](self._sorted, self._bound(value))
        return compared

    def exists(self) -> Condition:
        return self._column.is_not(None)

    def matches(self, pattern: str, options: str) -> Condition:
        check_pattern(pattern, options)
        if self._field.kind is not str:
            return false()
        return self._column.regexp_match(literal(pattern), options or None)

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        return self._sorted

    def ordered(self, *, descending: bool) -> ColumnElement[Any]:
        if not self._field.column.nullable:
            return self._sorted.desc() if descending else self._sorted
        if descending:
            return self._sorted.desc().nulls_last()
        return self._sorted.asc().nulls_first()

    def beyond(self, value: Any, *, descending: bool) -> Condition:
        self._check_key(value)
        if value is None:
            return false() if descending else self._column.is_not(None)
        if not descending:
            return self._sorted > self._bound(value)
        return or_(self._sorted < self._bound(value), self._column.is_(None))

    def same(self, value: Any, *, descending: bool) -> Condition:
        self._check_key(value)
        return self.equals(value)

    def from_there(self, value: Any, *, descending: bool) -> Condition | None:
        if value is None:
            return None
        if not descending:
            return self._sorted >= self._bound(value)
        before = self._sorted <= self._bound(value)
        return or_(before, self._column.is_(None)) if self._field.column.nullable else before

    def _check_key(self, value: Any) -> None:
        if value is not None and not self._field.fits(value):
            raise bad_cursor()

    def _bound(self, value: Any) -> ColumnElement[Any]:
        return literal(value, self._type(value))

    def _type(self, *values: Any) -> TypeEngine[Any]:
        """Whole numbers are compared with fractions too, and with what the column would be too small for."""
        if self._field.kind is not int:
            return self._field.column.type
        return Double() if any(isinstance(value, float) for value in values) else BigInteger()


def check_pattern(pattern: Any, options: Any) -> None:
    """Raises BadRequest."""
    if not isinstance(pattern, str) or options not in REGEX_OPTIONS:
        raise BadRequest("Invalid query parameter $regex")


def after(terms: Sequence[tuple[Term, bool]], values: Sequence[Any]) -> Condition:
    """The rows behind the one whose keys are ``values``; a term comes with whether it is descending."""
    branches: list[Condition] = []
    ties: list[Condition] = []
    for (term, descending), value in zip(terms, values, strict=True):
        branches.append(and_(*ties, term.beyond(value, descending=descending)))
        ties.append(term.same(value, descending=descending))
    first, descending = terms[0]
    behind = or_(*branches)
    bound = first.from_there(values[0], descending=descending)
    return behind if bound is None else and_(bound, behind)


def _by_code_point(field: Field) -> ColumnElement[Any]:
    """Text in the order that every adapter has, whatever the database's language."""
    kind = field.column.type
    if isinstance(kind, Enum) or not isinstance(kind, String) or kind.collation == "C":
        return field.column
    return field.column.collate("C")
