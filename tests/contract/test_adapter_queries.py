"""The query language, as every adapter answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from stonechat.core.adapters.base import AdapterBase
from stonechat.core.adapters.sql import SQLService
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest

MakeService = Callable[..., Awaitable[AdapterBase]]
Record = dict[str, Any]


@pytest.fixture
async def service(make_service: MakeService) -> AdapterBase:
    """Alice, Bob and Doug, with pagination off."""
    service = await make_service(multi=True)
    await service.create(
        [
            {
                "name": "Bob",
                "age": 25,
                "created": True,
                "tags": ["red", "blue"],
                "mood": "calm",
                "address": {"city": "Ulm", "houseNumber": 7},
                "homes": [{"city": "Ulm", "houseNumber": 7}, {"city": "Bonn", "houseNumber": 1}],
            },
            {"name": "Doug", "age": 32, "created": False, "tags": [], "mood": "cross"},
            {"name": "Alice", "age": 19, "created": True, "tags": ["blue"]},
        ]
    )
    return service


async def ask(service: AdapterBase, query: dict[str, Any], **params: Any) -> list[str]:
    """Names in the order found."""
    found = await service.find(Params(query=query, **params))
    assert isinstance(found, list)
    return [record["name"] for record in found]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "Alice Bob Doug"),
        ({"name": "Alice"}, "Alice"),
        ({"name": "Alice", "age": 20}, ""),
        ({"$or": [{"name": "Alice"}, {"name": "Bob"}]}, "Alice Bob"),
        ({"$or": [{"name": "Doug"}, {"age": {"$gte": 18, "$lt": 25}}]}, "Alice Doug"),
        ({"$and": [{"age": 19}]}, "Alice"),
        ({"$and": [{"$or": [{"name": "Alice"}, {"$and": [{"age": 25}]}]}], "created": True}, "Alice Bob"),
        ({"name": {"$in": ["Alice", "Bob"]}}, "Alice Bob"),
        ({"name": {"$in": []}}, ""),
        ({"name": {"$nin": ["Alice", "Bob"]}}, "Doug"),
        ({"age": {"$lt": 30}}, "Alice Bob"),
        ({"age": {"$lte": 25}}, "Alice Bob"),
        ({"age": {"$gt": 30}}, "Doug"),
        ({"age": {"$gte": 25}}, "Bob Doug"),
        ({"age": {"$ne": 25}}, "Alice Doug"),
        ({"age": {"$gt": 18, "$lt": 30}}, "Alice Bob"),
        ({"age": {"$gt": 24.5, "$lt": 25.5}}, "Bob"),
        ({"tags": "blue"}, "Alice Bob"),
        ({"tags": {"$ne": "red"}}, "Alice Doug"),
        ({"tags": ["red", "blue"]}, "Bob"),
        ({"tags": {"$in": ["red", "green"]}}, "Bob"),
        ({"mood": None}, "Alice"),
        ({"mood": {"$ne": None}}, "Bob Doug"),
        ({"mood": {"$in": [None, "calm"]}}, "Alice Bob"),
        ({"address.city": "Ulm"}, "Bob"),
        ({"homes.city": "Bonn"}, "Bob"),
        ({"homes.1.city": "Bonn"}, "Bob"),
        ({"homes.0.city": "Bonn"}, ""),
        ({"address": {"city": "Ulm", "houseNumber": 7}}, "Bob"),
    ],
)
async def test_conditions_find_the_records_that_match(
    service: AdapterBase, query: dict[str, Any], expected: str
) -> None:
    assert await ask(service, {**query, "$sort": {"name": 1}}) == expected.split()


async def test_a_field_that_nobody_has_is_nothing_or_where_fields_are_columns_refused(
    service: AdapterBase,
) -> None:
    query = {"nothing": {"$ne": 5}, "$sort": {"name": 1}}
    if not isinstance(service, SQLService):
        assert await ask(service, query) == ["Alice", "Bob", "Doug"]
        return
    with pytest.raises(BadRequest) as refused:
        await ask(service, query)
    assert refused.value.errors == {"nothing": "is not a field"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"age": "25"}, "Bob"),
        ({"age": {"$lt": "30"}}, "Alice Bob"),
        ({"age": {"$in": ["25", "32"]}}, "Bob Doug"),
        ({"age": {"$nin": ["25"]}}, "Alice Doug"),
        ({"age": {"$ne": "25.0"}}, "Alice Doug"),
        ({"$or": [{"age": "19"}, {"$and": [{"created": "false"}]}]}, "Alice Doug"),
        ({"created": "true"}, "Alice Bob"),
        ({"mood": "calm"}, "Bob"),
        ({"mood": ""}, "Alice"),
        ({"address.houseNumber": "7"}, "Bob"),
        ({"address": {"city": "Ulm", "houseNumber": "7"}}, "Bob"),
        ({"homes.houseNumber": {"$gt": "6"}}, "Bob"),
        ({"homes.1.houseNumber": "1"}, "Bob"),
    ],
)
async def test_text_gets_the_type_of_its_field_everywhere(
    service: AdapterBase, query: dict[str, Any], expected: str
) -> None:
    assert await ask(service, {**query, "$sort": {"name": "1"}}, provider="rest") == expected.split()


async def test_times_and_ids_are_compared_as_such(people: AdapterBase) -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    school = "64b000000000000000000001"
    await people.create({"name": "Ann", "bornAt": moment, "schoolId": None})
    (ann,) = cast("list[Record]", await people.find())
    assert ann["bornAt"] == moment
    assert await ask(people, {"bornAt": {"$gte": "2024-05-01T12:00:00Z"}}) == ["Ann"]
    assert await ask(people, {"bornAt": "2024-05-01T14:00:00.000+02:00"}) == ["Ann"]
    assert await ask(people, {"bornAt": {"$gt": "2024-05-01T12:00:00"}}) == []
    assert await ask(people, {"schoolId": school}) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"age": "young"}, "age"),
        ({"age": {"$in": ["19", "young"]}}, "age"),
        ({"$or": [{"$and": [{"created": {"$ne": "maybe"}}]}]}, "created"),
        ({"bornAt": "yesterday"}, "bornAt"),
        ({"schoolId": "ours"}, "schoolId"),
        ({"mood": "happy"}, "mood"),
        ({"homes.0.houseNumber": "x"}, "homes.0.houseNumber"),
        ({"address": {"houseNumber": "x"}}, "address.houseNumber"),
        ({"age": True}, "age"),
        ({"age": "1" * 5000}, "age"),
        ({"age": "nan"}, "age"),
    ],
)
async def test_a_value_that_does_not_fit_its_field_is_refused(
    service: AdapterBase, query: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        await service.find(Params(query=query))
    assert list(refused.value.errors) == [field]
    assert field in refused.value.message


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"$sort": {"name": 1}}, ["Alice", "Bob", "Doug"]),
        ({"$sort": {"name": "-1"}}, ["Doug", "Bob", "Alice"]),
        ({"$sort": {"created": -1, "age": 1}}, ["Alice", "Bob", "Doug"]),
        ({"$sort": {"created": 1, "age": -1}}, ["Doug", "Bob", "Alice"]),
        ({"$sort": {"address.city": 1, "name": -1}}, ["Doug", "Alice", "Bob"]),
        ({"$sort": {"tags": 1, "name": 1}}, ["Doug", "Alice", "Bob"]),
        ({"$sort": {"tags": -1, "name": 1}}, ["Bob", "Alice", "Doug"]),
        ({"$sort": {"name": 1}, "$skip": 1}, ["Bob", "Doug"]),
        ({"$sort": {"name": 1}, "$skip": "1", "$limit": "1"}, ["Bob"]),
        ({"$sort": {"name": 1}, "$skip": -1, "$limit": -2}, ["Alice", "Bob", "Doug"]),
        ({"$sort": {"name": 1}, "$skip": "x", "$limit": "1.9"}, ["Alice"]),
        ({"$limit": 0}, []),
        ({"$skip": 10**40}, []),
    ],
)
async def test_records_are_sorted_before_they_are_skipped_and_limited(
    service: AdapterBase, query: dict[str, Any], expected: list[str]
) -> None:
    assert await ask(service, query) == expected


async def test_a_page_says_the_total_and_what_was_asked_for(make_service: MakeService) -> None:
    service = await make_service(multi=True, paginate={"default": 1, "max": 2})
    await service.create([{"name": "Bob"}, {"name": "Doug"}, {"name": "Alice"}])

    async def page(query: dict[str, Any], **params: Any) -> tuple[int, int, int, list[str]]:
        found = await service.find(Params(query={"$sort": {"name": -1}, **query}, **params))
        assert isinstance(found, dict)
        assert list(found) == ["total", "limit", "skip", "data"]
        return found["total"], found["limit"], found["skip"], [record["name"] for record in found["data"]]

    assert await page({}) == (3, 1, 0, ["Doug"])
    assert await page({"name": "Doug"}) == (1, 1, 0, ["Doug"])
    assert await page({"$skip": 1, "$limit": 4}) == (3, 2, 1, ["Bob", "Alice"])
    assert await page({"$limit": "0"}) == (3, 0, 0, [])
    assert await page({"$limit": "-1"}) == (3, 1, 0, ["Doug"])
    assert await page({"$limit": "many"}) == (3, 1, 0, ["Doug"])
    assert await page({"$skip": 5}) == (3, 1, 5, [])
    assert await page({}, paginate={"default": 3}) == (3, 3, 0, ["Doug", "Bob", "Alice"])
    assert await page({}, adapter={"paginate": {"default": 3}}) == (3, 3, 0, ["Doug", "Bob", "Alice"])
    assert await ask(service, {"$sort": {"name": 1}}, paginate=False) == ["Alice", "Bob", "Doug"]
    assert len(await ask(service, {}, paginate={"max": 2})) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"$where": "sleep(1000)"},
        {"$or": [[{"$where": "1"}]]},
        {"$or": [{"$where": "1"}]},
        {"$and": [{"name": {"$where": "1"}}]},
        {"name": {"$regex": "^A"}},
        {"name": {"$not": {"$eq": "A"}}},
        {"name": {"first": {"$gt": ""}}},
        {"name": {"$in": [{"$gt": ""}]}},
        {"name": {"$gt": "", "first": "A"}},
        {"name": {"$or": [{"$gt": ""}]}},
        {"name": {"$ne": {"$gt": ""}}},
        {"name": {"$in": "Alice"}},
        {"name": {"$gt": ["A"]}},
        {"name": {"$gt": {"a": 1}}},
        {"$or": {"name": "Alice"}},
        {"$or": []},
        {"$and": ["Alice"]},
        {"$or": [{"$gt": 5}]},
        {"$or": [{"$limit": 5}]},
        {"$sort": "name"},
        {"$sort": {"name": 2}},
        {"$sort": {"name": {"$meta": "textScore"}}},
        {"$sort": {"$where": 1}},
        {"$sort": {"a..b": 1}},
        {"$select": {"name": {"$slice": 1}}},
        {"$select": {"name": 1}},
        {"$select": ["$name"]},
        {"$select": ["name", 5]},
        {"$select": ["tags.$"]},
        {"$expr": True},
        {"$populate": "x"},
        {"na\0me": 1},
        {"name.$where": 1},
        {"": 1},
    ],
)
async def test_what_is_not_in_the_language_is_refused(service: AdapterBase, query: dict[str, Any]) -> None:
    params = Params(query=query)
    with pytest.raises(BadRequest):
        await service.find(params)
    with pytest.raises(BadRequest):
        await service.get("1", params)
    with pytest.raises(BadRequest):
        await service.remove(None, params)
    assert len(await service.find()) == 3


async def test_a_number_that_cannot_be_stored_is_refused(service: AdapterBase) -> None:
    with pytest.raises(BadRequest):
        await service.find(Params(query={"age": 2**70}))


async def test_options_add_operators(make_service: MakeService) -> None:
    service = await make_service(operators=["$regex", "$options"])
    await service.create({"name": "Alice"})
    await service.create({"name": "Bob"})
    assert await ask(service, {"name": {"$regex": "^A"}}) == ["Alice"]
    assert await ask(service, {"$or": [{"name": {"$regex": "^b", "$options": "i"}}]}) == ["Bob"]
    with pytest.raises(BadRequest):
        await ask(service, {"name": {"$where": "1"}})


async def test_options_add_filters(make_service: MakeService) -> None:
    def both(value: Any) -> list[dict[str, Any]]:
        return [{"name": str(value)}, {"age": 1}]

    service = await make_service(filters={"$nor": both})
    await service.create({"name": "Alice"})
    await service.create({"name": "Bob", "age": 1})
    await service.create({"name": "Eve"})
    assert await ask(service, {"$nor": "Eve"}) == ["Alice"]
