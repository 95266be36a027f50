"""Conditions of MongoDB for the records behind a place in a sorted order.

A ``$gt`` of a query finds values of its own type only, and any element of a list will do for it; a sort
orders values of all types, and a list by its smallest element (its greatest when descending). So each
bound is said twice: what some value must be, which an index can serve, and what no value may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import Any, Final

from bson import Decimal128

from ..ordering import BOOLEAN, BYTES, DATE, EMPTY, LIST, NUMBER, OBJECT, OTHER, TEXT, order_key

Conditions = dict[str, Any]

TYPES: Final[Mapping[int, Sequence[str]]] = {
    NUMBER: ("number",),
    TEXT: ("string", "symbol"),
    OBJECT: ("object",),
    LIST: (),
    BYTES: ("binData",),
    OTHER: ("objectId",),
    BOOLEAN: ("bool",),
    DATE: ("date", "timestamp", "regex"),
}
"""What ``$type`` calls the kinds of ``order_key``, in their order."""


def behind(order: Mapping[str, int], values: Sequence[Any]) -> Conditions:
    """The records that come after the one whose fields have these values in the order."""
    ties: list[Conditions] = []
    branches: list[Conditions] = []
    for (path, direction), value in zip(order.items(), values, strict=True):
        greater, less, same = _above(path, value), _below(path, value), _equal(path, value)
        ahead, back = (less, greater) if direction < 0 else (greater, less)
        if ahead:
            branches.append({"$and": [*ties, {"$or": ahead}, {"$nor": [*same, *back]}]})
        ties += [{"$or": same}, {"$nor": back}] if back else [{"$or": same}]
    if not branches:
        return {"$nor": [{}]}
    first, direction = next(iter(order.items()))
    if values[0] is None or values[0] is EMPTY:
        return {"$or": branches}
    # Says nothing new, but lets an index begin at the place instead of at the first record.
    return {first: {"$not": {"$gt" if direction < 0 else "$lt": values[0]}}, "$or": branches}


def _above(path: str, value: Any) -> list[Conditions]:
    if value is EMPTY:
        return [*_nothing(path), *_of_kinds(path, TYPES)]
    if value is None:
        return _of_kinds(path, TYPES)
    kind = _kind(value)
    return [{path: {"$gt": value}}, *_of_kinds(path, (other for other in TYPES if other > kind))]


def _below(path: str, value: Any) -> list[Conditions]:
    if value is EMPTY:
        return []
    if value is None:
        return [{path: {"$size": 0}}]
    kind = _kind(value)
    least: list[Conditions] = [{path: nan}] if kind == NUMBER else []
    kinds = _of_kinds(path, (other for other in TYPES if other < kind))
    return [{path: {"$lt": value}}, *least, *kinds, *_nothing(path), {path: {"$size": 0}}]


def _equal(path: str, value: Any) -> list[Conditions]:
    if value is EMPTY:
        return [{path: {"$size": 0}}]
    return _nothing(path) if value is None else [{path: {"$eq": value}}]


def _nothing(path: str) -> list[Conditions]:
    """Null or missing; of a path through an empty list only ``$exists`` says that it leads nowhere."""
    return [{path: None}, {path: {"$exists": False}}] if "." in path else [{path: None}]


def _of_kinds(path: str, kinds: Iterable[int]) -> list[Conditions]:
    wanted = set(kinds)
    names = [name for kind in sorted(wanted) for name in TYPES[kind]]
    found: list[Conditions] = [{path: {"$type": names}}] if names else []
    if LIST in wanted:  # a list as the element of a list: of the list itself $type would say so too
        found.append({path: {"$elemMatch": {"$type": "array"}}})
    return found


def _kind(value: Any) -> int:
    return NUMBER if isinstance(value, Decimal128) else order_key(value)[0]
