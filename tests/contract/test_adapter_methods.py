"""What the methods of every adapter do, and what they refuse."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from stonechat.core.adapters.base import AdapterBase
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest, Conflict, MethodNotAllowed, NotFound

MakeService = Callable[..., Awaitable[AdapterBase]]
Record = dict[str, Any]

NOBODY = "568225fbfe21222432e836ff"
MULTI = ["create", "patch", "remove"]


def asking(**query: Any) -> Params:
    return Params(query=query)


def selecting(*names: str) -> Params:
    return Params(query={"$select": list(names)})


async def create(service: AdapterBase, **data: Any) -> Record:
    return cast("Record", await service.create(data))


async def names(service: AdapterBase, params: Params | None = None) -> list[str]:
    found = await service.find(params)
    records = found if isinstance(found, list) else found["data"]
    return sorted(record["name"] for record in records)


@pytest.fixture
async def doug(people: AdapterBase) -> Record:
    return await create(people, name="Doug", age=32)


async def test_a_created_record_is_found_by_its_id(people: AdapterBase, doug: Record) -> None:
    assert doug["name"] == "Doug"
    assert await people.get(doug["_id"]) == doug
    assert await people.find() == [doug]


async def test_an_id_may_come_as_text(people: AdapterBase, doug: Record) -> None:
    assert await people.get(str(doug["_id"])) == doug
    assert await people.find(asking(_id=str(doug["_id"]))) == [doug]
    assert await people.find(asking(_id={"$in": [str(doug["_id"]), NOBODY, "?"]})) == [doug]
    assert await people.find(asking(_id={"$ne": str(doug["_id"])})) == []


async def test_create_keeps_a_given_id_and_refuses_it_a_second_time(people: AdapterBase) -> None:
    record = await create(people, _id=NOBODY, name="Given")
    assert str(record["_id"]) == NOBODY
    with pytest.raises(Conflict) as refused:
        await create(people, _id=NOBODY, name="Again")
    assert refused.value.errors == {"_id": "already exists"}
    assert await names(people) == ["Given"]


async def test_create_ignores_the_query_except_for_select(people: AdapterBase) -> None:
    params = Params(query={"name": "Dave", "$select": ["name"]})
    created = await people.create({"name": "William", "age": 23}, params)
    assert isinstance(created, dict)
    assert created == {"_id": created["_id"], "name": "William"}


@pytest.mark.parametrize("data", [None, "Doug", 5, [[]], ["Doug"]])
async def test_data_must_be_an_object(people: AdapterBase, data: Any) -> None:
    params = Params(adapter={"multi": MULTI})
    with pytest.raises(BadRequest):
        await people.create(data, params)


async def test_select_always_brings_the_id_along(people: AdapterBase, doug: Record) -> None:
    expected = {"_id": doug["_id"], "name": "Doug"}
    assert await people.get(doug["_id"], selecting("name")) == expected
    assert await people.find(selecting("name")) == [expected]
    assert await people.patch(doug["_id"], {"age": 33}, selecting("name")) == expected
    assert await people.update(doug["_id"], {"name": "Doug"}, selecting("name")) == expected
    assert await people.remove(doug["_id"], selecting("name")) == expected


async def test_select_of_a_field_and_of_its_inside_is_select_of_the_field(people: AdapterBase) -> None:
    await create(people, name="Ann", address={"city": "Ulm", "houseNumber": 3})
    (record,) = await people.find(selecting("address.city", "address"))
    assert cast("Record", record)["address"] == {"city": "Ulm", "houseNumber": 3}


async def test_update_replaces_everything_but_the_id(people: AdapterBase, doug: Record) -> None:
    data = {"_id": "another", "name": "Dougler"}
    updated = await people.update(doug["_id"], data)
    assert data == {"_id": "another", "name": "Dougler"}
    assert updated["_id"] == doug["_id"]
    assert updated["name"] == "Dougler"
    assert updated.get("age") is None
    assert await people.find() == [updated]


async def test_patch_changes_the_given_fields_only(people: AdapterBase, doug: Record) -> None:
    data = {"_id": "another", "name": "PatchDoug"}
    patched = await people.patch(doug["_id"], data)
    assert data == {"_id": "another", "name": "PatchDoug"}
    assert patched == {**doug, "name": "PatchDoug"}
    assert await people.get(doug["_id"]) == patched


async def test_a_patch_without_fields_changes_nothing(people: AdapterBase, doug: Record) -> None:
    assert await people.patch(doug["_id"], {}) == doug


async def test_a_patched_object_is_replaced_as_a_whole(people: AdapterBase) -> None:
    ann = await create(people, name="Ann", address={"city": "Ulm", "houseNumber": 3})
    patched = await people.patch(ann["_id"], {"address": {"city": "Bonn"}})
    assert isinstance(patched, dict)
    assert patched["address"].get("houseNumber") is None


async def test_remove_returns_what_was_removed(people: AdapterBase, doug: Record) -> None:
    assert await people.remove(doug["_id"]) == doug
    assert await people.find() == []
    with pytest.raises(NotFound):
        await people.get(doug["_id"])


@pytest.mark.parametrize("method", ["get", "update", "patch", "remove"])
class TestOneRecord:
    async def call(self, service: AdapterBase, method: str, id: Any, params: Params | None = None) -> Any:
        arguments: list[Any] = [id] if method in ("get", "remove") else [id, {"name": "Changed"}]
        return await getattr(service, method)(*arguments, params)

    @pytest.mark.parametrize("id", [NOBODY, 123456789, "no such thing", "", "$where"])
    async def test_an_id_that_no_record_has_is_not_found(
        self, people: AdapterBase, doug: Record, method: str, id: Any
    ) -> None:
        with pytest.raises(NotFound, match=r"^No record found for id '"):
            await self.call(people, method, id)
        assert await people.find() == [doug]

    @pytest.mark.parametrize("id", [{"$ne": None}, [1], True, {}])
    async def test_an_id_that_is_no_id_is_refused(
        self, people: AdapterBase, doug: Record, method: str, id: Any
    ) -> None:
        with pytest.raises(BadRequest, match=r"^Invalid id '"):
            await self.call(people, method, id)
        assert await people.find() == [doug]

    async def test_the_query_must_match_too(self, people: AdapterBase, doug: Record, method: str) -> None:
        with pytest.raises(NotFound) as missed:
            await self.call(people, method, doug["_id"], asking(name="Tester"))
        assert missed.value.message == f"No record found for id '{doug['_id']}'"
        assert await people.find() == [doug]

    async def test_an_id_in_the_query_must_be_the_same(
        self, people: AdapterBase, doug: Record, method: str
    ) -> None:
        alice = await create(people, name="Alice", age=12)
        with pytest.raises(NotFound):
            await self.call(people, method, doug["_id"], asking(_id=str(alice["_id"])))
        assert await names(people) == ["Alice", "Doug"]

    async def test_a_query_that_matches_lets_it_pass(
        self, people: AdapterBase, doug: Record, method: str
    ) -> None:
        params = asking(_id=str(doug["_id"]), age={"$gt": "30"}, **{"$limit": 0, "$skip": 1})
        assert (await self.call(people, method, doug["_id"], params))["_id"] == doug["_id"]


async def test_many_records_need_the_option_multi(people: AdapterBase, doug: Record) -> None:
    with pytest.raises(MethodNotAllowed, match=r"^Can not create multiple entries$"):
        await people.create([])
    with pytest.raises(MethodNotAllowed, match=r"^Can not patch multiple entries$"):
        await people.patch(None, {"age": 1})
    with pytest.raises(MethodNotAllowed, match=r"^Can not remove multiple entries$"):
        await people.remove(None)
    assert await people.find() == [doug]


async def test_raw_methods_need_the_option_multi_too(people: AdapterBase, doug: Record) -> None:
    with pytest.raises(MethodNotAllowed):
        await people._patch(None, {"age": 1})
    with pytest.raises(MethodNotAllowed):
        await people._remove(None)
    assert await people.find() == [doug]


async def test_multi_is_allowed_method_by_method(make_service: MakeService) -> None:
    service = await make_service(multi=["create"])
    assert len(await service.create([{"name": "A"}, {"name": "B"}])) == 2
    with pytest.raises(MethodNotAllowed):
        await service.remove(None)
    assert len(await service.remove(None, Params(adapter={"multi": True}))) == 2


@pytest.mark.parametrize(("id", "data"), [(None, {"name": "A"}), (None, []), (1, [{"name": "A"}])])
async def test_update_is_for_one_record(people: AdapterBase, doug: Record, id: Any, data: Any) -> None:
    with pytest.raises(
        BadRequest, match=r"^You can not replace multiple instances\. Did you mean 'patch'\?$"
    ):
        await people.update(id, data, Params(adapter={"multi": True}))
    with pytest.raises(BadRequest):
        await people._update(id, data)
    assert await people.find() == [doug]


async def test_creating_many_returns_them_in_order(make_service: MakeService) -> None:
    service = await make_service(multi=True)
    created = await service.create([{"name": "Gerald", "age": 1}, {"name": "Herald"}], selecting("name"))
    assert isinstance(created, list)
    assert [record["name"] for record in created] == ["Gerald", "Herald"]
    assert all(set(record) == {"_id", "name"} for record in created)
    assert await service.create([]) == []


async def test_patching_many_returns_them_although_they_no_longer_match(make_service: MakeService) -> None:
    service = await make_service(multi=True)
    await service.create([{"name": "Dave", "age": 10}, {"name": "Ann", "age": 10}, {"name": "Eve", "age": 3}])
    params = asking(age="10", **{"$limit": "1", "$sort": {"name": "1"}})
    patched = await service.patch(None, {"age": 2}, params)
    assert [(record["name"], record["age"]) for record in cast("list[Record]", patched)] == [
        ("Ann", 2),
        ("Dave", 2),
    ]
    assert await names(service, asking(age=3)) == ["Eve"]


async def test_many_are_patched_and_removed_whatever_the_pagination(make_service: MakeService) -> None:
    service = await make_service(multi=True, paginate={"default": 2, "max": 3})
    await service.create([{"name": f"name-{number}", "created": True} for number in range(7)])
    assert len(await service.patch(None, {"age": 4}, asking(created="true"))) == 7
    assert len(await service.remove(None, asking(age=4, **{"$limit": 1}))) == 7
    assert await service.find(Params(paginate=False)) == []


async def test_a_call_for_too_many_records_does_nothing(make_service: MakeService) -> None:
    service = await make_service(multi=True, hard_limit=3)
    await service.create([{"name": f"name-{number}"} for number in range(4)])
    with pytest.raises(BadRequest, match="More than 3 records"):
        await service.patch(None, {"age": 1})
    with pytest.raises(BadRequest, match="More than 3 records"):
        await service.remove(None)
    page = await service.find(Params(paginate={"default": 0}, query={"age": None}))
    assert isinstance(page, dict)
    assert page["total"] == 4


async def test_a_find_without_pagination_is_bounded(make_service: MakeService) -> None:
    service = await make_service(multi=True, hard_limit=3)
    await service.create([{"name": f"name-{number}"} for number in range(4)])
    assert len(await service.find()) == 3
    assert len(await service.find(asking(**{"$limit": 10**30, "$skip": 0}))) == 3


async def test_changing_a_result_does_not_change_what_is_stored(people: AdapterBase) -> None:
    tags = ["a"]
    address = {"city": "Ulm"}
    created = await create(people, name="Ann", tags=tags, address=address)
    tags.append("b")
    address["city"] = "Bonn"
    created["tags"].append("c")
    (found,) = cast("list[Record]", await people.find())
    found["address"]["city"] = "Cologne"
    stored = await people.get(created["_id"])
    assert stored["tags"] == ["a"]
    assert stored["address"]["city"] == "Ulm"


async def test_raw_methods_take_a_query_as_it_is(people: AdapterBase, doug: Record) -> None:
    assert await people._find(asking(age={"$exists": True}, **{"$limit": 1})) == [doug]
    assert await people._get(doug["_id"]) == doug
    created = await people._create({"name": "Raw"})
    assert isinstance(created, dict)
    assert await people._patch(created["_id"], {"age": 1}) == {**created, "age": 1}
    assert (await people._update(created["_id"], {"name": "Raw"})).get("age") is None
    assert await people._remove(created["_id"]) == created


async def test_params_and_query_are_left_alone(people: AdapterBase, doug: Record) -> None:
    query = {"age": {"$in": ["32"]}, "$sort": {"name": "1"}, "$limit": "1", "$or": [{"name": "Doug"}]}
    params = Params(query=query, provider="rest")
    assert await people.find(params) == [doug]
    assert params == {
        "query": {"age": {"$in": ["32"]}, "$sort": {"name": "1"}, "$limit": "1", "$or": [{"name": "Doug"}]},
        "provider": "rest",
    }
