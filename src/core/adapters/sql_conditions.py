"""Feathers' queries as SQL: every value is bound, and every name is looked up among the columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, or_, true

from ..errors import BadRequest
from ..matching import is_operators
from .sql_columns import Fields, unknown_field
from .sql_paths import JsonTerm, negated
from .sql_terms import SIGNS, ColumnTerm, Condition, Term

COMBINATIONS: Final[Mapping[str, Callable[[Sequence[Condition]], Condition]]] = {
    "$and": lambda branches: and_(true(), *branches),
    "$or": lambda branches: or_(*branches),
    "$nor": lambda branches: negated(or_(*branches)),
}
NEGATIONS: Final = {"$ne": "$eq", "$nin": "$in"}


def condition(query: Mapping[str, Any], fields: Fields) -> Condition:
    """The conditions of a query (``$limit`` and the like taken out), for WHERE.

    Besides the operators of the query language it knows ``$nor``, ``$not``, ``$exists``, ``$regex`` and
    ``$options`` ("i" only). Raises BadRequest for any other, and for what is no field of the table.
    """
    return and_(true(), *(_one(key, value, fields) for key, value in query.items()))


def term(path: str, fields: Fields) -> Term:
    """Raises BadRequest for what is no field of the table."""
    name, _, inside = path.partition(".")
    field = fields.get(name)
    if field is None or (inside and field.kind is not None):
        raise unknown_field(path)
    return (
        ColumnTerm(field) if field.kind is not None else JsonTerm(field, inside.split(".") if inside else ())
    )


def _one(key: str, value: Any, fields: Fields) -> Condition:
    if key.startswith("$"):
        if (combine := COMBINATIONS.get(key)) is None:
            raise BadRequest(f"Invalid query parameter {key}")
        return combine([condition(branch, fields) for branch in value])
    return _field(term(key, fields), value)


def _field(place: Term, value: Any) -> Condition:
    if not is_operators(value):
        return place.equals(value)
    given = {**value}
    options = given.pop("$options", "")
    return and_(true(), *(_operator(place, name, operand, options) for name, operand in given.items()))


def _operator(place: Term, name: str, operand: Any, options: str) -> Condition:  # noqa: PLR0911 - one for each
    if name in SIGNS:
        return place.compares(name, operand)
    match name:
        case "$eq":
            return place.equals(operand)
        case "$in":
            return place.among(operand)
        case "$ne" | "$nin":
            return negated(_operator(place, NEGATIONS[name], operand, options))
        case "$not":
            return negated(_field(place, operand))
        case "$exists":
            return place.exists() if operand else negated(place.exists())
        case "$regex":
            return place.matches(operand, options)
        case _:
            raise BadRequest(f"Invalid query parameter {name}")
