from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings, strategies as st
from pymongo.asynchronous.database import AsyncDatabase

from stonechat.core.errors import BadRequest
from stonechat.core.matching import compile_query
from stonechat.core.ordering import order_key, sort_records
from stonechat.core.shapes import is_mapping

Record = dict[str, Any]


class Colour(StrEnum):
    RED = "red"


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)

VALUES: list[Any] = [
    *(None, -1, 0, 1, 1.5, Decimal("2.5"), "", "a", "red", Colour.RED, {}, {"a": 1}, {"a": "x"}, {"b": 1}),
    *([], [1], ["a", 1], [[1]], (1,), b"", b"ab", UUID(int=7), ObjectId(), False, True),
    *(NOON, NOON.replace(tzinfo=None), NOON.date(), object()),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_of_any_two_types_can_be_compared(value: Any) -> None:
    for other in VALUES:
        for operator in ("$lt", "$lte", "$gt", "$gte", "$ne"):
            compile_query({"a": {operator: other}})({"a": value})
        compile_query({"a": {"$in": [other]}})({"a": value})
        sort_records([{"a": value}, {"a": other}, {}], {"a": -1})


@pytest.mark.parametrize(
    ("query", "record", "expected"),
    [
        ({}, {}, True),
        ({"a": True}, {"a": 1}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 0}, {"a": False}, False),
        ({"a": {"$in": [1]}}, {"a": True}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": "red"}, {"a": Colour.RED}, True),
        ({"a": None}, {}, True),
        ({"a": {"$lte": None}}, {}, True),
        ({"a": {"$lt": 5}}, {}, False),
        ({"a": {"$lt": "5"}}, {"a": 4}, False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, False),
        ({"a": NOON}, {"a": NOON.replace(tzinfo=None)}, True),
        ({"a.b": None}, {"a": [1, 2]}, False),
        ({"a.b": None}, {"a": 1}, True),
        ({"a.b": None}, {"a": [{"b": 1}, {}]}, True),
        ({"a.b": {"$ne": 1}}, {"a": [{"b": 1}, {"b": 2}]}, False),
        ({"a": {"$gt": 1, "$lt": 2}}, {"a": [0, 3]}, True),
        ({"a": {"$not": {"$gt": 1}}}, {"a": [0, 3]}, False),
        ({"$nor": [{"a": 1}, {"b": 1}]}, {"a": 2}, True),
        ({"a": {"$exists": False}}, {"a": None}, False),
        ({"a": {"$regex": "^X", "$options": "i"}}, {"a": ["y", "xy"]}, True),
        ({"a": {"$regex": "x"}}, {"a": 5}, False),
    ],
)
def test_a_query_matches_as_in_mongodb(query: Record, record: Record, expected: bool) -> None:
    assert compile_query(query)(record) is expected


@pytest.mark.parametrize("query", [{"$where": "1"}, {"a": {"$where": "1"}}, {"$or": [{"a": {"$size": 1}}]}])
def test_an_unknown_operator_is_refused_when_compiling(query: Record) -> None:
    with pytest.raises(BadRequest, match="Invalid query parameter"):
        compile_query(query)


def test_sorting_is_stable_and_puts_nothing_first() -> None:
    records: list[Record] = [
        {"n": 1, "a": 2},
        {"n": 2},
        {"n": 3, "a": "x"},
        {"n": 4, "a": 2},
        {"n": 5, "a": None},
        {"n": 6, "a": True},
        {"n": 7, "a": 1},
    ]
    assert [record["n"] for record in sort_records(records, {"a": 1})] == [2, 5, 7, 1, 4, 3, 6]
    assert [record["n"] for record in sort_records(records, {"a": -1})] == [6, 3, 1, 4, 7, 2, 5]
    assert [record["n"] for record in sort_records(records, {"a": 1, "n": -1})] == [5, 2, 7, 4, 1, 3, 6]


def condition(path: str, value: Any) -> Record:
    return {path: value}


def operation(path: str, operator: str, operand: Any) -> Record:
    return {path: {operator: operand}}


def branches(name: str, conditions: list[Record]) -> Record:
    return {name: conditions}


def both(records: tuple[Record, Record]) -> Record:
    return {**records[0], **records[1]}


fields = st.sampled_from(["a", "b", "c"])
comparisons = st.sampled_from(["$ne", "$lt", "$lte", "$gt", "$gte"])
memberships = st.sampled_from(["$in", "$nin"])
combinations = st.sampled_from(["$or", "$and"])
scalars: st.SearchStrategy[Any] = st.sampled_from([None, 0, 1, 2, 1.5, True, False, "", "a", "b"])

flat_records = st.dictionaries(fields, scalars, max_size=3)
flat_conditions: st.SearchStrategy[Record] = st.recursive(
    st.builds(condition, fields, scalars)
    | st.builds(operation, fields, comparisons, scalars)
    | st.builds(operation, fields, memberships, st.lists(scalars, max_size=3)),
    lambda inner: (
        st.builds(both, st.tuples(inner, inner))
        | st.builds(branches, combinations, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=6,
)


def kind(value: Any) -> str:
    return "number" if type(value) in (int, float) else value.__class__.__name__


def holds(value: Any, operator: str, operand: Any) -> bool:
    if operator == "$in":
        return any(holds(value, "$eq", element) for element in operand)
    if operator == "$nin":
        return not holds(value, "$in", operand)
    if operator == "$ne":
        return not holds(value, "$eq", operand)
    if kind(value) != kind(operand):
        return False
    if value is None:
        return operator in ("$eq", "$lte", "$gte")
    order = "$lt" if value < operand else "$gt" if value > operand else "$eq"
    return operator in {"$lt": ("$lt", "$lte"), "$eq": ("$eq", "$lte", "$gte"), "$gt": ("$gt", "$gte")}[order]


def naive(record: Record, query: Record) -> bool:
    """The meaning of a query over records without lists and objects, in the plainest words."""
    for key, value in query.items():
        if key == "$or":
            fits = any(naive(record, branch) for branch in value)
        elif key == "$and":
            fits = all(naive(record, branch) for branch in value)
        elif is_mapping(value):
            fits = all(holds(record.get(key), operator, operand) for operator, operand in value.items())
        else:
            fits = holds(record.get(key), "$eq", value)
        if not fits:
            return False
    return True


@given(record=flat_records, query=flat_conditions)
@settings(max_examples=200, deadline=None)
def test_a_compiled_query_means_what_a_naive_reading_means(record: Record, query: Record) -> None:
    assert compile_query(query)(record) is naive(record, query)


values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=2)
    ),
    max_leaves=5,
)
paths = st.sampled_from(["a", "b", "a.b", "a.a", "a.b.a", "a.0", "a.1.b", "a.b.0"])
deep_records = st.lists(st.dictionaries(fields, values, max_size=3), min_size=1, max_size=12)
deep_conditions: st.SearchStrategy[Record] = (
    st.builds(condition, paths, values)
    | st.builds(operation, paths, st.just("$ne"), values)
    | st.builds(operation, paths, comparisons, scalars)
    | st.builds(operation, paths, memberships, st.lists(values, max_size=3))
)


@given(
    records=deep_records,
    queries=st.lists(deep_conditions | flat_conditions, min_size=4, max_size=4),
    path=st.sampled_from(["a", "b", "a.b", "a.b.a"]),
    direction=st.sampled_from([1, -1]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_matching_and_sorting_agree_with_mongodb(
    database: AsyncDatabase[Record], records: list[Record], queries: list[Record], path: str, direction: int
) -> None:
    collection = database["matching"]
    await collection.delete_many({})
    stored: list[Record] = [{"_id": number, **record} for number, record in enumerate(records)]
    await collection.insert_many(stored)
    for query in queries:
        matches = compile_query(query)
        expected = [record["_id"] async for record in collection.find(query, sort=[("_id", 1)])]
        assert [record["_id"] for record in stored if matches(record)] == expected, query
    sort = {path: direction, "_id": 1}
    expected = [record["_id"] async for record in collection.find(sort=list(sort.items()))]
    assert [record["_id"] for record in sort_records(stored, sort)] == expected


def test_keys_of_equal_values_are_equal() -> None:
    assert order_key(1) == order_key(1.0) == order_key(Decimal(1)) != order_key(True)
    assert hash(order_key({"a": [1, None]})) == hash(order_key({"a": [1.0, None]}))
