"""Pages by ``$after`` and the ways to count, the same for every adapter."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings, strategies as st

from stonechat.core.adapters.base import AdapterBase
from stonechat.core.adapters.beanie import BeanieService
from stonechat.core.adapters.sql import SQLService
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest
from stonechat.core.pagination import Page

MakeService = Callable[..., Awaitable[AdapterBase]]
Record = dict[str, Any]

TYPED = (BeanieService, SQLService)
"""Adapters whose fields have one type each."""

KEYSET = {"default": 2, "max": 3, "keyset": True}
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
async def service(make_service: MakeService) -> AdapterBase:
    return await make_service(multi=True, paginate=KEYSET)


async def page(service: AdapterBase, query: Record, **params: Any) -> Page:
    found = await service.find(Params(query=query, **params))
    assert isinstance(found, dict)
    return found


async def walk(service: AdapterBase, query: Record, **params: Any) -> list[Record]:
    """All records, page by page, as a client reads them."""
    found: list[Record] = []
    after: str | None = None
    while True:
        one = await page(service, query if after is None else {**query, "$after": after}, **params)
        found += one["data"]
        after = one.get("next")
        if after is None:
            return found
        assert len(found) < 500, "a cursor does not get on"


async def everything(service: AdapterBase, query: Record) -> list[Record]:
    return cast("list[Record]", await service.find(Params(query=query, paginate=False)))


async def test_pages_have_the_cursor_of_the_next_only_where_that_was_chosen(
    make_service: MakeService, service: AdapterBase
) -> None:
    await service.create([{"name": name} for name in "ABC"])
    assert list(await page(service, {})) == ["total", "limit", "skip", "data", "next"]
    plain = await make_service(paginate={"default": 2, "max": 3})
    assert list(await page(plain, {})) == ["total", "limit", "skip", "data"]
    with pytest.raises(BadRequest, match=r"^Invalid filter value \$after$"):
        await plain.find(Params(query={"$after": "x"}))
    with pytest.raises(BadRequest, match=r"^Invalid filter value \$after$"):
        await service.find(Params(query={"$after": "x"}, paginate=False))


async def test_the_last_page_has_no_next(service: AdapterBase) -> None:
    assert await page(service, {}) == {"total": 0, "limit": 2, "skip": 0, "data": [], "next": None}
    await service.create([{"name": name} for name in "ABCD"])
    first = await page(service, {"$sort": {"name": 1}})
    assert first.get("next")
    second = await page(service, {"$sort": {"name": 1}, "$after": first.get("next")})
    assert [record["name"] for record in second["data"]] == ["C", "D"]
    assert (second["total"], second.get("next")) == (4, None)
    assert (await page(service, {"$limit": 0})).get("next", "") is None


async def test_after_goes_with_skip_limit_select_and_conditions(service: AdapterBase) -> None:
    await service.create([{"name": name, "age": age} for age, name in enumerate("ABCDEFG")])
    query = {"$sort": {"name": -1}, "age": {"$gt": "0"}, "$select": ["age"], "$limit": 1}
    first = await page(service, query, provider="rest")
    assert [set(record) for record in first["data"]] == [{"_id", "age"}]
    second = await page(service, {**query, "$after": first.get("next"), "$skip": 2, "$limit": 3})
    assert [record["age"] for record in second["data"]] == [3, 2, 1]
    assert (second["total"], second.get("next")) == (6, None)
    assert await page(service, {**query, "$after": ""}) == first


@pytest.mark.parametrize(
    "sort",
    [
        {},
        {"name": 1},
        {"age": 1},
        {"age": -1},
        {"created": -1, "age": 1},
        {"created": 1, "name": -1},
        {"bornAt": -1},
        {"bornAt": 1, "age": -1},
        {"schoolId": 1},
        {"mood": -1},
        {"address.city": 1},
        {"address.city": -1, "address.houseNumber": 1},
        {"address": 1},
        {"tags": 1},
        {"tags": -1},
        {"homes.city": 1},
        {"homes.city": -1},
        {"homes.houseNumber": 1},
        {"homes.houseNumber": -1},
        {"_id": -1},
        {"_id": 1, "name": 1},
    ],
    ids=str,
)
async def test_a_walk_is_the_sorted_list(service: AdapterBase, sort: dict[str, int]) -> None:
    schools = sorted([ObjectId(), ObjectId()])
    await service.create(
        [
            {"name": "N1", "age": 1, "tags": ["b", "a"], "created": True, "schoolId": schools[0]},
            {"name": "N2", "age": 1.5, "tags": [], "created": False, "schoolId": schools[1]},
            {"name": "N3", "age": None, "tags": ["a"], "bornAt": NOON},
            {"name": "N4", "age": 1, "bornAt": NOON + timedelta(milliseconds=1), "tags": ["c"]},
            {"name": "N5", "mood": "calm", "address": {"city": "Ulm"}, "tags": ["a", "d"]},
            {"name": "N6", "mood": "cross", "address": {"city": "Ulm", "houseNumber": 3}},
            {"name": "N7", "address": {"city": "Bonn", "houseNumber": 3}, "homes": []},
            {"name": "N8", "homes": [{"city": "Ulm", "houseNumber": 3}, {"city": "Aue"}]},
            {"name": "N9", "homes": [{"city": "Bonn", "houseNumber": 4}], "age": -7},
        ]
    )
    tie = {} if "_id" in sort else {"_id": list(sort.values())[-1] if sort else 1}
    expected = await everything(service, {"$sort": {**sort, **tie}})
    assert await walk(service, {"$sort": sort}) == expected
    assert await walk(service, {"$sort": sort, "$limit": 1}) == expected


async def test_the_tenant_and_the_restriction_hold_on_every_page(make_service: MakeService) -> None:
    service = await make_service(multi=True, paginate=KEYSET, tenant="schoolId")
    ours, theirs = ObjectId(), ObjectId()
    await service.create(
        [{"name": f"ours-{number}", "age": number} for number in range(4)], Params(tenant=ours)
    )
    await service.create([{"name": f"theirs-{number}"} for number in range(4)], Params(tenant=theirs))
    inside = Params(tenant=ours, provider="rest", restrict={"age": {"$lt": 3}})
    found = await walk(service, {"$sort": {"name": 1}}, **inside)
    assert [record["name"] for record in found] == ["ours-0", "ours-1", "ours-2"]
    cursor = (await page(service, {}, **inside)).get("next")
    with pytest.raises(BadRequest):
        await page(service, {"$after": cursor}, tenant=theirs)


async def test_a_cursor_that_is_none_of_this_query_is_refused(service: AdapterBase) -> None:
    await service.create([{"name": name} for name in "ABC"])
    cursor = (await page(service, {"$sort": {"name": 1}})).get("next")
    assert cursor
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    damaged = urlsafe_b64encode(raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]).decode()
    for after, sort in [
        (cursor, {"name": -1}),
        (cursor, {"age": 1}),
        (cursor, {}),
        (damaged, {"name": 1}),
        (cursor[:-2], {"name": 1}),
        (cursor + "AAAA", {"name": 1}),
        ("nonsense", {"name": 1}),
        ("ü", {"name": 1}),
        ("A" * 100_000, {"name": 1}),
        (5, {"name": 1}),
        ([cursor], {"name": 1}),
        ({"a": cursor}, {"name": 1}),
    ]:
        with pytest.raises(BadRequest) as refused:
            await page(service, {"$sort": sort, "$after": after})
        assert refused.value.errors == {"$after": "is not a cursor of this query"}
    signed = {**KEYSET, "keyset": "a secret of the school"}
    with pytest.raises(BadRequest):
        await page(service, {"$sort": {"name": 1}, "$after": cursor}, paginate=signed)
    found = await walk(service, {"$sort": {"name": 1}}, paginate=signed)
    assert [record["name"] for record in found] == ["A", "B", "C"]


async def test_after_is_for_find_only(service: AdapterBase) -> None:
    await service.create([{"name": name} for name in "ABC"])
    cursor = (await page(service, {})).get("next")
    with pytest.raises(BadRequest):
        await service.remove(None, Params(query={"$after": cursor}))
    with pytest.raises(BadRequest):
        await service.patch(None, {"age": 1}, Params(query={"$after": cursor}))
    assert len(await everything(service, {})) == 3


ages = st.none() | st.integers(-2, 2) | st.sampled_from([0.5, -1.5])
newcomers = st.lists(st.tuples(ages, st.sampled_from("abc")), max_size=4)


@given(
    standing=st.lists(st.tuples(ages, st.sampled_from("abc")), max_size=9),
    arriving=st.lists(newcomers, max_size=4),
    sort=st.sampled_from([{}, {"age": 1}, {"age": -1}, {"name": 1, "age": -1}, {"age": 1, "name": 1}]),
    limit=st.integers(1, 3),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_walk_meets_what_stood_once_whoever_arrives_meanwhile(
    service: AdapterBase,
    standing: list[tuple[Any, str]],
    arriving: list[list[tuple[Any, str]]],
    sort: dict[str, int],
    limit: int,
) -> None:
    await service.remove(None)
    await service.create([{"age": age, "name": f"old-{name}"} for age, name in standing])
    tie = {"_id": list(sort.values())[-1] if sort else 1}
    before = [record["_id"] for record in await everything(service, {"$sort": {**sort, **tie}})]
    visited: list[Any] = []
    after: str | None = ""
    while after is not None:
        one = await page(service, {"$sort": sort, "$limit": limit, "$after": after})
        visited += [record["_id"] for record in one["data"]]
        after = one.get("next")
        if arriving:
            await service.create([{"age": age, "name": f"new-{name}"} for age, name in arriving.pop(0)])
    assert len(set(visited)) == len(visited)
    assert [one for one in visited if one in set(before)] == before


mixed = st.recursive(
    st.sampled_from([None, 0, 1, 1.5, -3, True, False, "", "a", "b", NOON, NOON + timedelta(days=1), b"x"])
    | st.sampled_from([ObjectId("64b000000000000000000001"), ObjectId("64b000000000000000000002")]),
    lambda inner: st.dictionaries(st.sampled_from(["x", "y"]), inner, max_size=2),
    max_leaves=3,
)


@given(
    values=st.lists(st.none() | mixed | st.lists(mixed, max_size=3), max_size=12),
    direction=st.sampled_from([1, -1]),
    limit=st.integers(1, 3),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_values_of_any_type_have_their_place(
    service: AdapterBase, values: list[Any], direction: int, limit: int
) -> None:
    if isinstance(service, TYPED):
        return
    await service.remove(None)
    await service.create([{"any": value} if value is not None else {} for value in values])
    expected = await everything(service, {"$sort": {"any": direction, "_id": direction}})
    assert await walk(service, {"$sort": {"any": direction}, "$limit": limit}) == expected


async def test_an_order_by_values_that_cannot_be_written_down_is_refused(service: AdapterBase) -> None:
    if isinstance(service, TYPED):
        return
    await service.create([{"any": [[1]]}, {"any": [[2]]}, {"any": [[3]]}])
    with pytest.raises(BadRequest) as refused:
        await page(service, {"$sort": {"any": 1}})
    assert list(refused.value.errors) == ["$sort"]
    assert len((await page(service, {}))["data"]) == 2


@pytest.mark.parametrize(
    ("count", "query", "total"),
    [
        ("exact", {}, 7),
        (3, {}, 3),
        (3, {"$skip": 4}, 6),
        (3, {"age": {"$lt": "2"}, "$limit": 1}, 2),
        (100, {}, 7),
        ("estimated", {}, 7),
        ("estimated", {"age": {"$lt": "4"}}, 4),
    ],
)
async def test_totals_are_exact_or_bounded_or_estimated(
    make_service: MakeService, count: Any, query: Record, total: int
) -> None:
    service = await make_service(multi=True, paginate={"default": 2, "count": count})
    await service.create([{"name": f"name-{number}", "age": number} for number in range(7)])
    assert (await page(service, query))["total"] == total
    by_keyset = {"default": 2, "count": count, "keyset": True}
    assert (await page(service, query, paginate=by_keyset))["total"] == total


@pytest.mark.parametrize("count", ["about", 0, -1, True, 2.5])
async def test_a_way_to_count_that_is_none_fails_at_the_start(make_service: MakeService, count: Any) -> None:
    with pytest.raises(ValueError, match="a count is"):
        await make_service(paginate={"default": 2, "count": count})
