"""What a client may ask for: the query syntax of a service, made from its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from marshmallow import Schema, ValidationError
from marshmallow.fields import Field

from ..coercion import to_number
from ..errors import BadRequest
from ..query import AFTER, FILTERS, LOGICAL, MAX_DEPTH, MEMBERSHIP, OPERATORS
from ..shapes import is_list, is_mapping
from .problems import UNKNOWN, UNKNOWN_OPERATOR, Path, reasons_of, validation_failed

Fields = Mapping[str, Field[Any]]
FieldOperators = Mapping[str, Fields]


@dataclass(frozen=True, slots=True)
class QuerySyntax:
    """What ``query_syntax`` makes; ``operators`` and ``filters`` are those besides the usual ones."""

    schema: Schema
    operators: FieldOperators = field(default_factory=dict[str, Fields])
    filters: Fields = field(default_factory=dict[str, Field[Any]])

    def check(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The query with values of the fields' types. Raises BadRequest."""
        checked: dict[str, Any] = {}
        conditions: dict[str, Any] = {}
        for name, value in query.items():
            if name in FILTERS or name == AFTER:
                checked[name] = self._filter(name, value)
            elif name in self.filters:
                checked[name] = _typed(self.filters[name], value, (name,))
            else:
                conditions[name] = value
        return {**checked, **self._conditions(conditions, (), MAX_DEPTH)}

    def _filter(self, name: str, value: Any) -> Any:
        if name == "$sort":
            return self._sort(value)
        if name == "$select":
            return self._select(value)
        if name == AFTER:
            return value  # a cursor, which only the adapter can read
        count = _number(value)
        if count is None or count < 0:
            raise _refused((name,), "must be a number from 0 up")
        return count

    def _sort(self, value: Any) -> dict[str, Any]:
        if not is_mapping(value):
            raise _refused(("$sort",), "must be an object")
        for name, direction in value.items():
            if not self._is_known(name):
                raise _refused(("$sort", name), UNKNOWN)
            if _number(direction) not in (1, -1):
                raise _refused(("$sort", name), "must be 1 or -1")
        return {name: _number(direction) for name, direction in value.items()}

    def _select(self, value: Any) -> list[str]:
        names: list[Any] = value if is_list(value) else [value]
        for name in names:
            if not isinstance(name, str):
                raise _refused(("$select",), "must be a list of field names")
            if not self._is_known(name, shown=True):
                raise _refused(("$select", name), UNKNOWN)
        return names

    def _conditions(self, conditions: Mapping[str, Any], path: Path, depth: int) -> dict[str, Any]:
        if depth == 0:
            raise BadRequest("The query is nested too deeply")
        checked: dict[str, Any] = {}
        for name, value in conditions.items():
            place = (*path, name)
            if name in LOGICAL:
                if not is_list(value) or not all(map(is_mapping, value)):
                    raise _refused(place, "must be a list of objects")
                branches = enumerate(cast("list[Mapping[str, Any]]", value))
                checked[name] = [
                    self._conditions(branch, (*place, str(position)), depth - 1)
                    for position, branch in branches
                ]
            elif not self._is_known(name):
                raise _refused(place, UNKNOWN)
            elif is_mapping(value):
                checked[name] = self._operators(name, value, place)
            else:
                checked[name] = _typed(self._fields[name], value, place)
        return checked

    def _operators(self, name: str, operands: Mapping[str, Any], path: Path) -> dict[str, Any]:
        own, extra = self._fields[name], self.operators.get(name, {})
        checked: dict[str, Any] = {}
        for operator, operand in operands.items():
            place = (*path, operator)
            if operator in MEMBERSHIP:
                if not is_list(operand):
                    raise _refused(place, "must be a list")
                checked[operator] = [_typed(own, one, place) for one in operand]
            elif operator in OPERATORS:
                checked[operator] = _typed(own, operand, place)
            elif operator in extra:
                checked[operator] = _typed(extra[operator], operand, place)
            else:
                raise _refused(place, UNKNOWN_OPERATOR, f"Invalid query parameter {operator}")
        return checked

    def _is_known(self, name: str, *, shown: bool = False) -> bool:
        """Whether a query may name the field.

        A field that is only loaded, a password, could be guessed by asking for it; one that is only
        dumped can be ``shown`` by ``$select`` and not asked for.
        """
        known = self._fields.get(name)
        return known is not None and not known.load_only and (shown or not known.dump_only)

    @property
    def _fields(self) -> Fields:
        return cast("Fields", self.schema.fields)  # pyright: ignore[reportUnknownMemberType]


def query_syntax(
    schema: Schema, *, operators: FieldOperators | None = None, filters: Fields | None = None
) -> QuerySyntax:
    """For ``validate_query``: what may be asked of the fields of ``schema``.

    Besides the usual there may be

    - ``operators`` of single fields: ``{"name": {"$regex": fields.String()}}``
    - ``filters`` of the whole query: ``{"$search": fields.String()}``

    A marshmallow field checks the operand. The adapter has to allow both too, by its options of the
    same names.
    """
    return QuerySyntax(schema, operators or {}, filters or {})


def _typed(kind: Field[Any], value: Any, path: Path) -> Any:
    if value is None:
        return None
    try:
        return kind.deserialize(value)  # pyright: ignore[reportUnknownMemberType]
    except ValidationError as error:
        if value == "":  # how a query string writes null
            return None
        raise _refused(path, " ".join(reasons_of(error).values())) from None


def _number(value: Any) -> int | float | None:
    try:
        return to_number(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _refused(path: Path, reason: str, message: str | None = None) -> BadRequest:
    """``errors`` names the field, or the filter, wherever in the query it stands."""
    error = validation_failed({path: reason})
    error.message = message or error.message
    names = list(path)
    while len(names) > 1 and names[0] in LOGICAL:
        del names[:2]
    error.errors = {names[0]: ": ".join((*names[1:], reason))}
    return error
