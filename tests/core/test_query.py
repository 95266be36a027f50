from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from stonechat.core.coercion import to_number
from stonechat.core.errors import BadRequest
from stonechat.core.query import LOGICAL, OPERATORS, Query, QueryRules, all_of, parse_query, split_query
from stonechat.core.shapes import is_list, is_mapping

RULES = QueryRules()
ALLOWED = OPERATORS | LOGICAL


def test_a_query_is_taken_apart() -> None:
    query = {"$limit": 5, "$skip": 2, "$sort": {"a": 1}, "$select": ["a"], "a": 1, "$or": [{"b": 2}]}
    assert split_query(query) == Query({"a": 1, "$or": [{"b": 2}]}, 5, 2, {"a": 1}, ["a"])
    assert split_query({}) == Query({})


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], {}),
        ([{"a": 1}, {}, {"b": 2}], {"a": 1, "b": 2}),
        ([{"a": 1}, {"a": 2}], {"a": 1, "$and": [{"a": 2}]}),
        ([{"$or": [{"a": 1}]}, {"$or": [{"b": 1}]}], {"$or": [{"a": 1}], "$and": [{"$or": [{"b": 1}]}]}),
        (
            [{"$and": [{"a": 1}]}, {"$and": [{"b": 1}], "c": 1}, {"c": 2}],
            {"$and": [{"a": 1}, {"$and": [{"b": 1}]}, {"c": 2}], "c": 1},
        ),
    ],
)
def test_conditions_are_joined_without_losing_any(conditions: list[Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy(conditions)
    assert all_of(*conditions) == expected
    assert conditions == before


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"$foo": 1}, "Invalid filter value $foo"),
        ({"$in": [1]}, "Invalid filter value $in"),
        ({"name": {"$foo": 1}}, "Invalid query parameter $foo"),
        ({"$or": [{"name": {"$foo": 1}}]}, "Invalid query parameter $foo"),
        ({"$or": [[{"$where": 1}]]}, "Invalid query parameter $where"),
        ({"$or": {"$where": 1}}, "Invalid query parameter $where"),
        ({"$and": [[[{"a": {"$where": 1}}]]]}, "Invalid query parameter $where"),
        ({"$select": {"$where": 1}}, "Invalid query parameter $where"),
        ({"$select": [{"$where": 1}]}, "Invalid query parameter $where"),
        ({"$sort": {"name": {"$where": 1}}}, "Invalid query parameter $where"),
        ({"$limit": {"$where": 1}}, "Invalid query parameter $where"),
        ({"a": {"b": {"c": [{"$where": 1}]}}}, "Invalid query parameter $where"),
    ],
)
def test_operators_that_are_not_allowed_are_refused_wherever_they_hide(
    query: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_query(query, RULES)
    assert refused.value.message == message


def test_the_refusal_shows_the_offending_object() -> None:
    with pytest.raises(BadRequest) as refused:
        parse_query({"$or": [{"name": {"$foo": 1, "$gt": 2}}]}, RULES)
    assert refused.value.data == {"$foo": 1, "$gt": 2}


def test_the_language_can_be_extended() -> None:
    rules = QueryRules(
        operators=frozenset({"$regex", "$nor"}), filters={"$text": True, "$double": lambda value: value * 2}
    )
    query = {
        "name": {"$regex": "^a"},
        "$or": [{"$nor": [{"a": 1}]}],
        "$text": {"$search": "x"},
        "$double": 2,
    }
    assert parse_query(query, rules) == {**query, "$double": 4}
    with pytest.raises(BadRequest, match=r"Invalid filter value \$nor"):
        parse_query({"$nor": [{"a": 1}]}, rules)
    with pytest.raises(BadRequest, match=r"Invalid query parameter \$text"):
        parse_query({"$or": [{"$text": 1}]}, rules)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5", 5),
        ("0", 0),
        (" 5 apples", 5),
        ("5.9", 5),
        (5.9, 5),
        ("-1", None),
        ("x", None),
        ("", None),
        (None, None),
        (True, None),
        ([], None),
        (float("nan"), None),
        (float("inf"), None),
        ("9" * 5000, 2**63 - 1),
    ],
)
def test_limit_and_skip_are_numbers_or_nothing(value: Any, expected: int | None) -> None:
    parsed = parse_query({"$limit": value, "$skip": value}, RULES)
    assert parsed.get("$limit") == expected
    assert parsed.get("$skip") == expected


def test_sort_and_select_are_normalised() -> None:
    parsed = parse_query({"$sort": {"b": "-1", "a.x": 1.0}, "$select": ["a", "b", "a"]}, RULES)
    assert parsed == {"$sort": {"b": -1, "a.x": 1}, "$select": ["a", "b"]}
    assert list(parsed["$sort"]) == ["b", "a.x"]
    assert parse_query({"$select": "name"}, RULES) == {"$select": ["name"]}
    assert parse_query({"$select": []}, RULES) == {"$select": []}


def nested(levels: int) -> dict[str, Any]:
    query: dict[str, Any] = {"a": 1}
    for _ in range(levels):
        query = {"$and": [query]}
    return query


@pytest.mark.parametrize(
    "query",
    [
        nested(5),
        nested(2000),
        {"a": {"$in": [0] * 1001}},
        {"$select": ["a"] * 1001},
        {"$or": [{"a": 1}] * 501},
        {f"field{number}": 1 for number in range(501)},
        {"$sort": {f"field{number}": 1 for number in range(33)}},
        {"$or": [{"a": {"$gt": 1, "$lt": 2}}] * 200},
    ],
)
def test_a_query_has_bounds(query: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        parse_query(query, RULES)


@pytest.mark.parametrize("query", [nested(4), {"a": {"$in": [0] * 1000}}, {"$or": [{"a": 1}] * 499}])
def test_a_query_within_the_bounds_is_not_changed(query: dict[str, Any]) -> None:
    assert parse_query(query, RULES) == query


@pytest.mark.parametrize("query", [None, "name=x", [{"a": 1}], 5])
def test_a_query_is_an_object(query: Any) -> None:
    with pytest.raises(BadRequest):
        parse_query(query, RULES)


def test_values_are_coerced_by_their_dotted_name() -> None:
    rules = QueryRules(fields={"age": to_number, "home.number": to_number})
    query = {
        "age": {"$in": ["1", None], "$ne": "2"},
        "home": {"number": "3"},
        "home.number": ["4", "5.5"],
        "$or": [{"home.0.number": {"$gt": "6"}}, {"$and": [{"age": "-7"}]}],
        "other": "8",
    }
    before = copy.deepcopy(query)
    assert parse_query(query, rules) == {
        "age": {"$in": [1, None], "$ne": 2},
        "home": {"number": 3},
        "home.number": [4, 5.5],
        "$or": [{"home.0.number": {"$gt": 6}}, {"$and": [{"age": -7}]}],
        "other": "8",
    }
    assert query == before


def test_empty_text_is_null_where_text_does_not_fit() -> None:
    """Clients write null so in a query string."""
    assert parse_query({"age": "", "name": ""}, QueryRules(fields={"age": to_number})) == {
        "age": None,
        "name": "",
    }


def test_a_value_that_does_not_fit_names_its_field() -> None:
    rules = QueryRules(fields={"home.number": to_number})
    with pytest.raises(BadRequest) as refused:
        parse_query({"$or": [{"home": {"number": "x"}}]}, rules)
    assert refused.value.message == "Invalid query value for 'home.number'"
    assert refused.value.errors == {"home.number": "is not a value of this field"}


def test_an_id_that_does_not_fit_just_finds_nothing() -> None:
    rules = QueryRules(id="id", fields={"id": to_number})
    assert parse_query({"id": {"$in": ["1", "x"]}}, rules) == {"id": {"$in": [1, "x"]}}


names = st.sampled_from(
    ["a", "b.c", "$gt", "$in", "$or", "$and", "$ne", "$where", "$limit", "$expr", "$sort"]
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def operators_in(value: Any) -> set[str]:
    if is_mapping(value):
        own = {key for key in value if key.startswith("$")}
        return own.union(*map(operators_in, value.values()))
    return set[str]().union(*map(operators_in, value)) if is_list(value) else set()


@given(query=st.dictionaries(names, json, max_size=4))
@settings(max_examples=150, deadline=None)
def test_what_is_accepted_holds_allowed_operators_only(query: dict[str, Any]) -> None:
    before = copy.deepcopy(query)
    try:
        parsed = split_query(parse_query(query, RULES))
    except BadRequest:
        return
    finally:
        assert query == before
    assert operators_in(parsed.conditions) <= ALLOWED
    assert operators_in(parsed.sort) == set()
    for key, value in parsed.conditions.items():
        assert not key.startswith("$") or (key in LOGICAL and all(isinstance(part, dict) for part in value))
