from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest, Conflict

Record = dict[str, Any]


def asking(**query: Any) -> Params:
    return Params(query=query)


async def test_ids_are_counted_up_around_the_taken_ones() -> None:
    service = MemoryService(id="id", start_id=5, store={6: {"name": "Six"}}, multi=True)
    created = await service.create([{"name": "A"}, {"name": "B"}])
    assert created == [{"name": "A", "id": 5}, {"name": "B", "id": 7}]
    assert await service.get("6") == {"name": "Six", "id": 6}
    with pytest.raises(Conflict):
        await service.create({"id": "7"})


async def test_ids_are_compared_as_they_are_stored() -> None:
    service = MemoryService(store={1: {}, "b": {}, 12: {}})
    assert await service.find(asking(_id={"$gt": "2"})) == [{"_id": 12}]
    assert await service.find(asking(_id={"$in": ["1", "b", "?"]})) == [{"_id": 1}, {"_id": "b"}]
    assert await service.find(asking(_id="?")) == []


async def test_the_store_that_was_given_is_left_alone() -> None:
    store: dict[Any, Record] = {1: {"tags": ["a"]}}
    service = MemoryService(store=store)
    await service.patch(1, {"tags": ["b"]})
    await service.create({})
    assert store == {1: {"tags": ["a"]}}


async def test_operators_of_a_database_are_refused_to_own_code_too() -> None:
    service = MemoryService(store={1: {"seq": 1}})
    with pytest.raises(BadRequest):
        await service.patch(1, {"$inc": {"seq": 1}})
    assert await service.get(1) == {"_id": 1, "seq": 1}


async def test_an_index_is_kept_up_to_date() -> None:
    service = MemoryService(indexes=["room"], multi=True)
    await service.create([{"room": "a"}, {"room": "b"}, {"room": ["a", "b"]}, {}])
    await service.patch(1, {"room": "a"})
    await service.update(0, {"room": "c"})
    await service.remove(3)
    assert await service.find(asking(room="a")) == [{"room": ["a", "b"], "_id": 2}, {"room": "a", "_id": 1}]
    assert await service.find(asking(room="b")) == [{"room": ["a", "b"], "_id": 2}]
    assert await service.find(asking(room="c")) == [{"room": "c", "_id": 0}]
    assert await service.find(asking(room=None)) == []


values = st.recursive(
    st.sampled_from([None, 0, 1, True, False, 1.0, "", "a", "b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("x"), inner, max_size=1),
    max_leaves=3,
)
changes = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "patch", "remove"]), st.integers(0, 5), st.none() | values
    ),
    max_size=15,
)


@given(changes=changes, asked=st.lists(values, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
async def test_an_index_changes_no_answer(changes: list[tuple[str, int, Any]], asked: list[Any]) -> None:
    plain, indexed = MemoryService(multi=True), MemoryService(multi=True, indexes=["a"])
    for method, number, value in changes:
        for service in (plain, indexed):
            data = {} if value is None else {"a": value}
            matching = asking(_id=number)
            if method == "create":
                await service.create(data)
            elif method == "remove":
                await service.remove(None, matching)
            elif method == "patch":
                await service.patch(None, data, matching)
            elif await service.find(matching):
                await service.update(number, data)
    sort = {"_id": 1}
    for value in asked:
        query = {"a": value, "$sort": sort}
        assert await indexed.find(Params(query=query)) == await plain.find(Params(query=query))
