"""What no caller gets past in any adapter: tenants, restrictions, and data that is more than data."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from bson import ObjectId

from stonechat.core.adapters.base import AdapterBase
from stonechat.core.context import Params
from stonechat.core.errors import BadRequest, Forbidden, GeneralError, NotFound

MakeService = Callable[..., Awaitable[AdapterBase]]
Record = dict[str, Any]
Call = Callable[[], Awaitable[object]]

OURS = ObjectId("65f000000000000000000009")
THEIRS = ObjectId("65f00000000000000000000a")


def ours(**query: Any) -> Params:
    return Params(query=query, tenant=OURS, provider="rest")


@pytest.fixture
async def service(make_service: MakeService) -> AdapterBase:
    return await make_service(tenant="schoolId", multi=True)


@pytest.fixture
async def eve(service: AdapterBase) -> Record:
    """A record of another school."""
    return cast("Record", await service.create({"name": "Eve", "age": 1}, Params(tenant=THEIRS)))


async def test_an_external_call_without_a_tenant_is_a_fault_of_the_server(
    service: AdapterBase, eve: Record
) -> None:
    outside = Params(provider="socketio")
    with pytest.raises(GeneralError):
        await service.find(outside)
    with pytest.raises(GeneralError):
        await service.get(eve["_id"], outside)
    with pytest.raises(GeneralError):
        await service.create({"name": "Ann", "schoolId": THEIRS}, outside)
    with pytest.raises(GeneralError):
        await service.update(eve["_id"], {"name": "Ann"}, outside)
    with pytest.raises(GeneralError):
        await service.patch(None, {"age": 5}, outside)
    with pytest.raises(GeneralError):
        await service.remove(None, Params(outside, tenant=None))
    assert await service.find() == [eve]


async def test_another_tenants_records_do_not_exist(service: AdapterBase, eve: Record) -> None:
    for attempt in (ours(), ours(schoolId=str(THEIRS)), ours(**{"$or": [{"schoolId": str(THEIRS)}, {}]})):
        assert await service.find(attempt) == []
        with pytest.raises(NotFound):
            await service.get(eve["_id"], attempt)
        with pytest.raises(NotFound):
            await service.update(eve["_id"], {"name": "Taken"}, attempt)
        with pytest.raises(NotFound):
            await service.patch(eve["_id"], {"name": "Taken"}, attempt)
        with pytest.raises(NotFound):
            await service.remove(eve["_id"], attempt)
        assert await service.patch(None, {"name": "Taken"}, attempt) == []
        assert await service.remove(None, attempt) == []
    assert await service.find() == [eve]


async def test_pages_count_the_records_of_the_tenant_only(service: AdapterBase, eve: Record) -> None:
    await service.create({"name": "Ann"}, ours())
    page = await service.find(Params(ours(), paginate={"default": 1}))
    assert isinstance(page, dict)
    assert page["total"] == 1


async def test_what_is_written_belongs_to_the_tenant(service: AdapterBase) -> None:
    ann = await service.create({"name": "Ann"}, ours())
    assert isinstance(ann, dict)
    assert ann["schoolId"] == OURS
    many = await service.create([{"name": "Bob"}, {"name": "Cleo", "schoolId": str(OURS)}], ours())
    assert [record["schoolId"] for record in cast("list[Record]", many)] == [OURS, OURS]
    replaced = await service.update(ann["_id"], {"name": "Anna"}, ours())
    assert replaced["schoolId"] == OURS
    patched = await service.patch(ann["_id"], {"name": "Annie", "schoolId": str(OURS)}, ours())
    assert cast("Record", patched)["schoolId"] == OURS


async def test_a_raw_call_keeps_to_the_tenant_too(service: AdapterBase, eve: Record) -> None:
    inside = Params(tenant=OURS)
    assert await service._find(inside) == []
    assert cast("Record", await service._create({"name": "Ann"}, inside))["schoolId"] == OURS
    with pytest.raises(NotFound):
        await service._update(eve["_id"], {"name": "Taken"}, inside)
    with pytest.raises(GeneralError):
        await service._find(Params(provider="rest"))


@pytest.mark.parametrize("school", [str(THEIRS), THEIRS, None, "", "nonsense", {"$ne": 1}, [str(OURS)]])
async def test_nothing_can_be_written_for_another_tenant(service: AdapterBase, school: Any) -> None:
    ann = cast("Record", await service.create({"name": "Ann"}, ours()))
    data = {"name": "Ann", "schoolId": school}
    refusals = (Forbidden, BadRequest) if isinstance(school, dict) else Forbidden
    with pytest.raises(refusals):
        await service.create(data, ours())
    with pytest.raises(refusals):
        await service.create([{"name": "Bob"}, data], ours())
    with pytest.raises(refusals):
        await service.update(ann["_id"], data, ours())
    with pytest.raises(refusals):
        await service.patch(ann["_id"], data, ours())
    with pytest.raises(refusals):
        await service.patch(None, data, ours())
    assert await service.find() == [ann]


async def test_own_code_without_a_tenant_sees_all(service: AdapterBase, eve: Record) -> None:
    await service.create({"name": "Ann"}, ours())
    assert len(await service.find()) == 2
    assert cast("Record", await service.patch(eve["_id"], {"schoolId": OURS}))["schoolId"] == OURS


async def test_a_tenant_may_be_given_as_text(service: AdapterBase, eve: Record) -> None:
    assert await service.find(Params(tenant=str(THEIRS), provider="rest")) == [eve]


async def test_the_tenants_own_record(make_service: MakeService) -> None:
    """The service of the tenants themselves, whose id is the tenant."""
    schools = await make_service(tenant="_id", multi=True)
    await schools.create([{"_id": OURS, "name": "Ours"}, {"_id": THEIRS, "name": "Theirs"}])
    (found,) = cast("list[Record]", await schools.find(ours()))
    assert found["name"] == "Ours"
    with pytest.raises(NotFound):
        await schools.get(THEIRS, ours())
    with pytest.raises(NotFound):
        await schools.patch(str(THEIRS), {"name": "Taken"}, ours())
    renamed = await schools.update(OURS, {"_id": str(THEIRS), "name": "Better"}, ours())
    assert (renamed["_id"], renamed["name"]) == (OURS, "Better")


@pytest.mark.parametrize("restriction", [{"age": {"$lt": 10}}, {"$or": [{"name": "Eve"}]}, {"name": "Eve"}])
async def test_a_restriction_holds_for_every_method(
    make_service: MakeService, restriction: dict[str, Any]
) -> None:
    service = await make_service(multi=True)
    await service.create([{"name": "Eve", "age": 1}, {"name": "Ann", "age": 30}])
    ann, eve = cast("list[Record]", await service.find(Params(query={"$sort": {"name": 1}})))

    def restricted(**query: Any) -> Params:
        return Params(query=query, restrict=restriction)

    assert await service.find(restricted()) == [eve]
    assert await service.find(restricted(name="Ann")) == []
    assert await service.find(restricted(age={"$gt": 10})) == []
    assert await service.find(restricted(**{"$or": [{"name": "Ann"}]})) == []
    assert await service.get(eve["_id"], restricted()) == eve
    calls: list[Call] = [
        lambda: service.get(ann["_id"], restricted()),
        lambda: service.update(ann["_id"], {"name": "Ann"}, restricted()),
        lambda: service.patch(ann["_id"], {"name": "Ann"}, restricted()),
        lambda: service.remove(ann["_id"], restricted()),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call()
    assert await service.remove(None, restricted()) == [eve]
    assert await service.find() == [ann]


async def test_a_restriction_is_taken_as_it_is(people: AdapterBase) -> None:
    await people.create({"name": "Ann"})
    assert len(await people.find(Params(restrict={"name": {"$exists": True}}))) == 1
    assert await people.find(Params(restrict={"_id": {"$in": []}})) == []
    assert len(await people.find(Params(restrict={}))) == 1


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"$set": {"name": "A"}}, "$set"),
        ({"name": "A", "$inc": {"age": 1}}, "$inc"),
        ({"name": "A", "address": {"$gt": ""}}, "$gt"),
        ({"name": "A", "homes": [{"city": {"$gt": ""}}]}, "$gt"),
        ({"name": "A", "tags": [[["x", {"$where": "1"}]]]}, "$where"),
        ({"name": "A", "address.city": "B"}, "address.city"),
        ({"name": "A", "address": {"a.b": 1}}, "a.b"),
        ({"name": "A", "a\0b": 1}, "a\0b"),
    ],
)
async def test_data_with_operators_and_paths_is_refused(
    make_service: MakeService, data: dict[str, Any], key: str
) -> None:
    service = await make_service(multi=True)
    outside = Params(provider="rest")
    ann = cast("Record", await service.create({"name": "Ann"}))
    calls: list[Call] = [
        lambda: service.create(data, outside),
        lambda: service.create([data], outside),
        lambda: service.update(ann["_id"], data, outside),
        lambda: service.patch(ann["_id"], data, outside),
        lambda: service.patch(None, data, outside),
    ]
    for call in calls:
        with pytest.raises(BadRequest) as refused:
            await call()
        assert repr(key) in refused.value.message
    assert await service.find() == [ann]


async def test_data_nested_without_end_is_refused(people: AdapterBase) -> None:
    tags: list[Any] = []
    for _ in range(900):
        tags = [tags]
    with pytest.raises(BadRequest, match="levels deep"):
        await people.create({"name": "A", "tags": tags})
