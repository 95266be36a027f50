"""Feathers' query syntax, whatever the storage.

    query      {$limit?, $skip?, $sort?: {field: 1 | -1}, $select?: [field], $after?: cursor, ...conditions}
    conditions {field: value | {operator: value}, $or?: [conditions], $and?: [conditions]}
    operator   $in, $nin, $lt, $lte, $gt, $gte, $ne

``parse_query`` checks a query from outside and gives its values their types; what it returns has the
same shape. ``split_query`` takes such a query apart and trusts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Final, Literal

from .coercion import Coercer, parse_integer
from .errors import BadRequest
from .shapes import is_list, is_mapping

MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 500
MAX_LIST: Final = 1000
MAX_SORT_FIELDS: Final = 32

MEMBERSHIP: Final = frozenset({"$in", "$nin"})
ORDER: Final = frozenset({"$lt", "$lte", "$gt", "$gte"})
LOGICAL: Final = frozenset({"$or", "$and"})
OPERATORS: Final = MEMBERSHIP | ORDER | {"$ne"}
ALLOWED: Final = OPERATORS | LOGICAL
COUNTS: Final = frozenset({"$limit", "$skip"})
FILTERS: Final = frozenset({"$limit", "$skip", "$sort", "$select"})
AFTER: Final = "$after"

SCALARS: Final = frozenset({str, int, float, bool, NoneType})

Filter = Literal[True] | Callable[[Any], Any]
"""A filter added to the language: True lets its value through, a function checks and converts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRules:
    """What a query may say.

    ``fields`` are the coercers of the known fields by dotted name. A value that its coercer refuses
    is a BadRequest, except for the field ``id``: there it stays as it is and finds nothing.
    ``keyset`` adds the filter ``$after``.
    """

    id: str = "_id"
    fields: Mapping[str, Coercer] = field(default_factory=dict[str, Coercer])
    filters: Mapping[str, Filter] = field(default_factory=dict[str, Filter])
    operators: frozenset[str] = frozenset()
    keyset: bool = False


@dataclass(slots=True)
class Query:
    """A query taken apart: conditions, and which of the matching records to return how."""

    conditions: dict[str, Any]
    limit: int | None = None
    skip: int = 0
    sort: Mapping[str, int] | None = None
    select: list[str] | None = None
    after: str | None = None


def split_query(query: Mapping[str, Any]) -> Query:
    """Take apart what ``parse_query`` has returned, or a query of own code."""
    if not query:
        return Query({})
    if _TAKEN_OUT.isdisjoint(query):
        return Query(dict(query))
    return Query(
        {key: value for key, value in query.items() if key not in _TAKEN_OUT},
        query.get("$limit"),
        query.get("$skip") or 0,
        query.get("$sort") or None,
        query.get("$select"),
        query.get(AFTER),
    )


def all_of(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The conditions that hold where all the given ones hold."""
    merged: dict[str, Any] = {}
    clashing: list[Mapping[str, Any]] = []
    for given in conditions:
        for key, value in given.items():
            if key in merged:
                clashing.append({key: value})
            else:
                merged[key] = value
    if clashing:
        merged["$and"] = [*merged.get("$and", []), *clashing]
    return merged


def parse_query(query: Mapping[str, Any], rules: QueryRules) -> dict[str, Any]:
    """Check a query and give its values the types of the fields; the given one is left alone.

    Raises BadRequest for operators and filters that are not allowed, wherever they hide, for what is
    too deep, too long or malformed, and for values that do not fit their field (named in ``errors``).
    """
    if not is_mapping(query):
        raise BadRequest("A query must be an object")
    parsed: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    fields, filters = rules.fields, rules.filters
    for key, value in query.items():
        # Most queries are a page of a few plain equalities; an identifier is a field's name without a path.
        if key in COUNTS and type(value) in SCALARS:
            if (count := _parse_count(value)) is not None:
                parsed[key] = count
        elif type(value) not in SCALARS or not key.isidentifier() or key in filters:
            rest[key] = value
        elif value is None or key not in fields:
            parsed[key] = value
        else:
            parsed[key] = _coerced(rules, key, value)
    if rest or len(parsed) > MAX_CONDITIONS:
        _inspect_query(rest, rules, len(parsed))
        parsed.update(_parse_rest(rest, rules))
    return parsed


def _parse_rest(query: Mapping[str, Any], rules: QueryRules) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    conditions: dict[str, Any] = {}
    for key, value in query.items():
        if key in FILTERS or (key == AFTER and rules.keyset):
            if (filter_value := _FILTER_PARSERS[key](value)) is not None:
                parsed[key] = filter_value
        elif (extra := rules.filters.get(key)) is not None:
            parsed[key] = value if extra is True else extra(value)
        else:
            conditions[key] = value
    return {**parsed, **_Parser(rules).conditions(conditions)} if conditions else parsed


def _inspect_query(query: Mapping[str, Any], rules: QueryRules, count: int) -> None:
    """``count`` conditions have been found good already."""
    allowed = ALLOWED | rules.operators if rules.operators else ALLOWED
    count += len(query)
    for key, value in query.items():
        if key in rules.filters:
            continue
        if key.startswith("$") and key not in FILTERS and key not in LOGICAL:
            if key == AFTER and rules.keyset:
                continue
            raise BadRequest(f"Invalid filter value {key}")
        if not key.isidentifier():
            _check_name(key)
        count += _inspect(value, allowed, 1)
    if count > MAX_CONDITIONS:
        raise BadRequest(f"A query may have at most {MAX_CONDITIONS} conditions")


def _inspect(value: Any, allowed: frozenset[str], depth: int) -> int:
    """Refuse what no place of a query may hold, and count the conditions."""
    if is_mapping(value):
        inner: Sequence[Any] = list(value.values())
        for key in value:
            if key.startswith("$") and key not in allowed:
                raise BadRequest(f"Invalid query parameter {key}", value)
            _check_name(key)
        count = len(inner)
    elif is_list(value):
        if len(value) > MAX_LIST:
            raise BadRequest(f"A list in a query may have at most {MAX_LIST} elements")
        inner, count = value, 0
    else:
        return 0
    if depth > MAX_DEPTH:
        raise BadRequest(f"A query may be at most {MAX_DEPTH} levels deep")
    return count + sum(_inspect(element, allowed, depth + 1) for element in inner)


def _check_name(name: str) -> None:
    segments = name.split(".")
    if "\0" in name or "" in segments or any(segment.startswith("$") for segment in segments[1:]):
        raise BadRequest(f"Invalid field name {name!r}")


class _Parser:
    """Gives conditions their types; ``_inspect_query`` has been over them before."""

    def __init__(self, rules: QueryRules) -> None:
        self._rules = rules

    def conditions(self, conditions: Mapping[str, Any]) -> dict[str, Any]:
        parsed: dict[str, Any] = {}
        for key, value in conditions.items():
            if key in LOGICAL:
                parsed[key] = self._branches(key, value)
            elif key in OPERATORS:
                raise BadRequest(f"Invalid query parameter {key}", conditions)
            elif key.startswith("$"):
                parsed[key] = value
            else:
                parsed[key] = self._field(key, value)
        return parsed

    def _branches(self, name: str, branches: Any) -> list[dict[str, Any]]:
        if not is_list(branches) or not branches or not all(map(is_mapping, branches)):
            raise BadRequest(f"{name} must be a list of conditions")
        return [self.conditions(branch) for branch in branches]

    def _field(self, path: str, value: Any) -> Any:
        if not is_mapping(value) or not any(key.startswith("$") for key in value):
            return self._value(path, value)
        for key in value:
            if not key.startswith("$") or key in LOGICAL:
                raise BadRequest(f"Invalid query parameter {key}", value)
        return {operator: self._operand(path, operator, operand) for operator, operand in value.items()}

    def _operand(self, path: str, operator: str, operand: Any) -> Any:
        if operator not in OPERATORS:
            return operand
        if operator in MEMBERSHIP and not is_list(operand):
            raise BadRequest(f"{operator} of '{path}' must be a list")
        if operator in ORDER and (is_list(operand) or is_mapping(operand)):
            raise BadRequest(f"{operator} of '{path}' must be a single value")
        return self._value(path, operand)

    def _value(self, path: str, value: Any) -> Any:
        if is_list(value):
            return [self._value(path, element) for element in value]
        if is_mapping(value):
            for key in value:
                if key.startswith("$"):
                    raise BadRequest(f"Invalid query parameter {key}", value)
            return {key: self._value(f"{path}.{key}", inner) for key, inner in value.items()}
        return value if value is None else _coerced(self._rules, path, value)


def _coerced(rules: QueryRules, path: str, value: Any) -> Any:
    coercer = rules.fields.get(path)
    if coercer is None and "." in path:
        segments = (segment for segment in path.split(".") if not segment.isdecimal())
        coercer = rules.fields.get(".".join(segments))
    if coercer is None:
        return value
    try:
        return coercer(value)
    except (ValueError, TypeError, ArithmeticError):
        if path == rules.id:
            return value
        if value == "":  # how a query string writes null
            return None
        raise BadRequest(
            f"Invalid query value for '{path}'", {"errors": {path: "is not a value of this field"}}
        ) from None


def _parse_count(value: Any) -> int | None:
    count = parse_integer(value)
    return count if count is not None and count >= 0 else None


def _parse_sort(value: Any) -> dict[str, int]:
    if not is_mapping(value) or len(value) > MAX_SORT_FIELDS:
        raise BadRequest(f"$sort must be an object of at most {MAX_SORT_FIELDS} fields")
    directions = {name: parse_integer(direction) for name, direction in value.items()}
    sort: dict[str, int] = {}
    for name, direction in directions.items():
        if name.startswith("$") or direction not in (1, -1):
            raise BadRequest(f"$sort of '{name}' must be 1 or -1")
        sort[name] = direction
    return sort


def _parse_select(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not is_list(names) or not all(isinstance(name, str) for name in names):
        raise BadRequest("$select must be a list of field names")
    for name in names:
        _check_name(name)
        if name.startswith("$"):
            raise BadRequest(f"Invalid field name {name!r}")
    return list(dict.fromkeys(names))


def _parse_after(value: Any) -> str | None:
    """None, and the text that a query string has for it, is the place before the first record."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadRequest("Invalid $after", {"errors": {AFTER: "is not a cursor of this query"}})
    return value


_FILTER_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$limit": _parse_count,
    "$skip": _parse_count,
    "$sort": _parse_sort,
    "$select": _parse_select,
    AFTER: _parse_after,
}
_TAKEN_OUT: Final = frozenset(_FILTER_PARSERS)
