"""Queries compiled to functions, for storage that has no query language of its own.

The meaning is MongoDB's: an equality also matches an element of a list, None also matches a missing
field, ``$ne`` and ``$nin`` negate over all elements, an order is only defined within one type.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from .errors import BadRequest
from .ordering import MISSING, NOTHING, Record, order_key, values_at
from .shapes import is_list, is_mapping

Matcher = Callable[[Record], bool]
ValueTest = Callable[[Any], bool]


def compile_query(query: Mapping[str, Any]) -> Matcher:
    """Compile conditions (``$limit`` and the like taken out) to a function of a record.

    Besides the operators of the query language it knows ``$nor``, ``$not``, ``$exists``, ``$regex``
    and ``$options``. Raises BadRequest for any other.
    """
    matchers = [_condition(key, value) for key, value in query.items()]
    if not matchers:
        return _always
    return matchers[0] if len(matchers) == 1 else _all(matchers)


def is_operators(value: Any) -> bool:
    """Whether the value of a field is an object of operators rather than a value to equal."""
    return is_mapping(value) and any(key.startswith("$") for key in value)


def _condition(key: str, value: Any) -> Matcher:
    if not key.startswith("$"):
        return _field(key, value)
    if (combine := COMBINATIONS.get(key)) is None:
        raise BadRequest(f"Invalid query parameter {key}")
    return combine([compile_query(branch) for branch in value])


def _field(path: str, value: Any) -> Matcher:
    if not is_operators(value):
        return _some_value(path, _equals(value))
    operators = {**value}
    if options := operators.pop("$options", None):
        operators["$regex"] = f"(?{options}){operators['$regex']}"
    matchers = [_operator(path, name, operand) for name, operand in operators.items()]
    return matchers[0] if len(matchers) == 1 else _all(matchers)


def _operator(path: str, name: str, operand: Any) -> Matcher:
    if name == "$not":
        return _not(_field(path, operand))
    if name in NEGATIONS:
        return _not(_operator(path, NEGATIONS[name], operand))
    if (test := TESTS.get(name)) is None:
        raise BadRequest(f"Invalid query parameter {name}")
    if name == "$exists" and not operand:
        return _not(_some_value(path, _is_there))
    return _some_value(path, test(operand))


def _some_value(path: str, test: ValueTest) -> Matcher:
    """Whether any value at the path passes; a list is tried element by element, then as a whole."""

    def passes(value: Any) -> bool:
        if is_list(value):
            return any(map(test, value)) or test(value)
        return test(value)

    if "." not in path:
        return lambda record: passes(record.get(path, MISSING))
    segments = path.split(".")
    return lambda record: any(map(passes, values_at(record, segments)))


def _equals(target: Any) -> ValueTest:
    key = order_key(target)
    if key[0] == NOTHING:
        return lambda value: value is None or value is MISSING
    if type(target) is str:
        return lambda value: value == target
    if type(target) is int:
        return lambda value: value == target and type(value) is not bool
    return lambda value: order_key(value) == key


def _is_one_of(targets: Sequence[Any]) -> ValueTest:
    keys = frozenset(map(order_key, targets))
    return lambda value: order_key(value) in keys


def _compares(compare: Callable[[Any, Any], bool], target: Any) -> ValueTest:
    kind, bound = order_key(target)

    def passes(value: Any) -> bool:
        kind_of_value, key = order_key(value)
        return kind_of_value == kind and compare(key, bound)

    return passes


def _matches_pattern(pattern: str) -> ValueTest:
    search = re.compile(pattern).search
    return lambda value: isinstance(value, str) and search(value) is not None


def _is_there(value: Any) -> bool:
    return value is not MISSING


def _always(record: Record) -> bool:
    return True


def _all(matchers: Sequence[Matcher]) -> Matcher:
    def matches(record: Record) -> bool:
        for matcher in matchers:  # noqa: SIM110 - a generator would take twice as long, for every record
            if not matcher(record):
                return False
        return True

    return matches


def _any(matchers: Sequence[Matcher]) -> Matcher:
    return lambda record: any(matcher(record) for matcher in matchers)


def _not(matcher: Matcher) -> Matcher:
    return lambda record: not matcher(record)


def _none(matchers: Sequence[Matcher]) -> Matcher:
    return _not(_any(matchers))


COMBINATIONS: Final = {"$and": _all, "$or": _any, "$nor": _none}
NEGATIONS: Final = {"$ne": "$eq", "$nin": "$in"}
TESTS: Final[Mapping[str, Callable[[Any], ValueTest]]] = {
    "$eq": _equals,
    "$in": _is_one_of,
    "$lt": partial(_compares, operator.lt),
    "$lte": partial(_compares, operator.le),
    "$gt": partial(_compares, operator.gt),
    "$gte": partial(_compares, operator.ge),
    "$exists": lambda _: _is_there,
    "$regex": _matches_pattern,
}
