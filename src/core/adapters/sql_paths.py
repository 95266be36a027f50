"""Conditions and orders for what lies inside of a JSON column, by PostgreSQL's SQL/JSON paths.

A path says less than one of MongoDB: a number is the place in a list, never the name of a field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.sql.elements import ColumnElement

from ..encoding import decode, encode
from ..errors import BadRequest
from ..shapes import is_list, is_mapping
from .sql_columns import Field, json_value
from .sql_terms import SIGNS, Condition, check_pattern

ANY_ELEMENT: Final = "[*]"
"""In a lax path also what is no list at all: the value itself."""

ITSELF: Final[ColumnElement[Any]] = literal_column("'{}'::text[]")
"""The path with which ``#>>`` takes a JSON text out of its quotes."""

NOTHING: Final = "null"
COMPARED: Final = {"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">="}


class JsonTerm:
    """What the path leads to in a JSON column: perhaps several values, where it crosses lists.

    They are sorted as JSONB is: text before numbers, an empty list as nothing, a list by its smallest
    element, or its greatest when descending.
    """

    def __init__(self, field: Field, segments: Sequence[str]) -> None:
        column: ColumnElement[Any] = field.column
        self._column = column if isinstance(field.column.type, JSONB) else cast(column, JSONB)
        self._segments = segments
        self._path = _path(segments)

    def equals(self, value: Any) -> Condition:
        if value is None:
            return self._nothing()
        plain = _plain(value)
        if is_list(plain) or is_mapping(plain):
            return self._some(lambda found: found == json_value(plain))
        return self._passes(f"{self._path}{ANY_ELEMENT} ? (@ == $x)", x=plain)

    def among(self, values: Sequence[Any]) -> Condition:
        plain = [_plain(value) for value in values]
        scalars = [value for value in plain if isinstance(value, bool | int | float | str)]
        found = [self.equals(value) for value in plain if not isinstance(value, bool | int | float | str)]
        if scalars:
            found.append(self._passes(f"{self._path}{ANY_ELEMENT} ? (@ == $x[*])", x=scalars))
        return or_(false(), *found)

    def compares(self, sign: str, value: Any) -> Condition:
        if value is None:
            return self._nothing() if sign in ("$lte", "$gte") else false()
        return self._passes(f"{self._path}{ANY_ELEMENT} ? (@ {COMPARED[sign]} $x)", x=_plain(value))

    def exists(self) -> Condition:
        return and_(self._column.is_not(None), self._passes(self._path))

    def matches(self, pattern: str, options: str) -> Condition:
        check_pattern(pattern, options)

        def test(found: ColumnElement[Any]) -> Condition:
            text = found.op("#>>", return_type=Text())(ITSELF)
            is_text = func.jsonb_typeof(found) == literal("string")
            return and_(is_text, text.regexp_match(literal(pattern), options or None))

        return self._some(test)

    def key(self, *, descending: bool) -> ColumnElement[Any]:
        found = self._found(self._path + ANY_ELEMENT)
        one = select(found).order_by(found.desc() if descending else found.asc()).limit(1)
        nothing = cast(literal(NOTHING, Text()), JSONB)
        return func.coalesce(one.scalar_subquery(), nothing, type_=JSONB)

    def ordered(self, *, descending: bool) -> ColumnElement[Any]:
        key = self.key(descending=descending)
        return key.desc() if descending else key.asc()

    def beyond(self, value: Any, *, descending: bool) -> Condition:
        compared: Condition = SIGNS["$lt" if descending else "$gt"](
            self.key(descending=descending), json_value(value)
        )
        return compared

    def same(self, value: Any, *, descending: bool) -> Condition:
        return self.key(descending=descending) == json_value(value)

    def from_there(self, value: Any, *, descending: bool) -> Condition | None:
        return None

    def _nothing(self) -> Condition:
        """Where the path ends early, in any element of a list on its way, or leads to null."""
        ways = [self._column.is_(None), self._passes(f"{self._path}{ANY_ELEMENT} ? (@ == null)")]
        for place, segment in enumerate(self._segments):
            on_the_way = _path(self._segments[:place])
            each = "" if segment.isdecimal() else ANY_ELEMENT
            ways.append(self._passes(f"{on_the_way}{each} ? (!exists(@{_step(segment)}))"))
        return or_(*ways)

    def _passes(self, path: str, **variables: Any) -> Condition:
        return func.jsonb_path_exists(
            self._column, cast(literal(path, Text()), JSONPATH), json_value(variables), type_=Boolean
        )

    def _some(self, test: Callable[[ColumnElement[Any]], Condition]) -> Condition:
        """Whether a value passes, or an element of it."""
        return or_(*(self._any(path, test) for path in (self._path, self._path + ANY_ELEMENT)))

    def _any(self, path: str, test: Callable[[ColumnElement[Any]], Condition]) -> Condition:
        found = self._found(path)
        return exists(select(found).where(test(found)))

    def _found(self, path: str) -> Any:
        query = func.jsonb_path_query(self._column, cast(literal(path, Text()), JSONPATH), type_=JSONB)
        return query.column_valued("found")


def negated(condition: Condition) -> Condition:
    """True also where the condition is neither true nor false, as it is of NULL."""
    return not_(func.coalesce(condition, false(), type_=Boolean))


def _path(segments: Sequence[str]) -> str:
    return "$" + "".join(map(_step, segments))


def _step(segment: str) -> str:
    return f"[{segment}]" if segment.isdecimal() else f".{json.dumps(segment)}"


def _plain(value: Any) -> Any:
    """As JSON has it. Raises BadRequest for what it has no form for."""
    try:
        return decode(encode(value))
    except (TypeError, ValueError):
        raise BadRequest("A value of the query has no form in JSON") from None
