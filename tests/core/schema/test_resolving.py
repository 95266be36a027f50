from typing import Any

import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import UNSET, HookContext, Params
from stonechat.core.errors import BadRequest
from stonechat.core.schema import (
    resolve,
    resolve_data,
    resolve_query,
    resolve_result,
    virtual,
)
from stonechat.core.service import Service

NAMES = {
    1: {"first": "Ada", "last": "Lovelace", "secret": "x", "userId": 1},
    2: {"first": "Bo", "last": "Diddley", "secret": "y", "userId": 2},
}
FULL = virtual(lambda obj, context, status: f"{obj['first']} {obj['last']}")
RESULT = resolve({"name": FULL, "secret": lambda value, obj, context, status: UNSET})


class Watched(MemoryService):
    """Remembers the query that came through to it."""

    asked: dict[str, Any]

    async def find(self, params: Params | None = None) -> Any:
        self.asked = dict((params or Params()).query)
        return await super().find(params)


@pytest.fixture
def people() -> Service:
    return Application().use("people", Watched(store=NAMES, multi=True)).service("people")


def by_result(people: Service) -> Service:
    return people.hooks({"around": {"all": [resolve_result(RESULT)]}})


async def test_data_is_resolved_before_the_method(people: Service) -> None:
    owner = resolve({"userId": lambda value, obj, context, status: context.params.user["_id"]})
    trim = resolve({"first": lambda value, obj, context, status: value.strip()})
    people.hooks({"before": {"create": [resolve_data(owner, trim)]}})
    params = Params(user={"_id": 7})
    assert await people.create({"first": " Cy ", "userId": 1}, params) == {
        "_id": 0,
        "first": "Cy",
        "userId": 7,
    }


async def test_lists_of_data_are_resolved_item_by_item(people: Service) -> None:
    people.hooks(
        {"create": [resolve_data(resolve({"first": lambda value, obj, context, status: value.upper()}))]}
    )
    created = await people.create([{"first": "cy"}, {"first": "di"}], Params(query={"$select": ["first"]}))
    assert [one["first"] for one in created] == ["CY", "DI"]


async def test_several_resolvers_run_in_sequence(people: Service) -> None:
    first = resolve(
        {
            "first": lambda value, obj, context, status: value + "a",
            "last": lambda value, obj, context, status: "set",
        }
    )
    second = resolve({"first": lambda value, obj, context, status: value + obj["last"]})
    people.hooks({"before": {"create": [resolve_data(first, second)]}})
    assert (await people.create({"first": "B"}))["first"] == "Baset"


@pytest.mark.parametrize("data", [None, "text", [5]])
async def test_what_is_no_object_is_left_to_others_to_refuse(people: Service, data: Any) -> None:
    context = HookContext(people, "create", data=data)
    await resolve_data(RESULT)(context)
    assert context.data == data


async def test_a_query_is_resolved_to_force_whose_records_are_found(people: Service) -> None:
    mine = resolve({"userId": lambda value, obj, context, status: context.params.user["_id"]})
    people.hooks({"before": {"all": [resolve_query(mine)]}})
    given = Params(query={"userId": 1, "$sort": {"first": 1}}, user={"_id": 2})
    assert [one["first"] for one in await people.find(given)] == ["Bo"]
    assert given.query["userId"] == 1


async def test_a_query_may_be_resolved_around_the_method(people: Service) -> None:
    people.hooks(
        [
            resolve_query(
                resolve(
                    {
                        "secret": lambda value, obj, context, status: "y",
                        "first": lambda value, obj, context, status: UNSET,
                    }
                )
            )
        ]
    )
    assert [one["first"] for one in await people.find(Params(query={"first": "Ada"}))] == ["Bo"]


async def test_every_record_of_a_list_a_page_and_a_single_result_is_resolved(people: Service) -> None:
    by_result(people)
    ada = {"_id": 1, "first": "Ada", "last": "Lovelace", "userId": 1, "name": "Ada Lovelace"}
    assert await people.get(1) == ada
    assert (await people.find())[0] == ada
    page = await people.find(Params(paginate={"default": 1}))
    assert page == {"total": 2, "limit": 1, "skip": 0, "data": [ada]}
    assert await people.remove(1) == ada


async def test_a_select_of_stored_fields_goes_to_the_database(people: Service) -> None:
    by_result(people)
    query = {"$select": ["first"], "userId": 1}
    assert await people.find(Params(query=query)) == [{"first": "Ada"}]
    assert people.wrapped.asked == query


async def test_a_select_with_a_virtual_field_does_not(people: Service) -> None:
    by_result(people)
    query = {"$select": ["name", "last"], "userId": 1}
    assert await people.find(Params(query=query)) == [{"last": "Lovelace", "name": "Ada Lovelace"}]
    assert people.wrapped.asked == {"userId": 1}


async def test_the_id_is_returned_only_if_it_is_selected(people: Service) -> None:
    by_result(people)
    assert await people.get(1, Params(query={"$select": ["first"]})) == {"first": "Ada"}
    assert await people.get(1, Params(query={"$select": ["_id", "name"]})) == {
        "_id": 1,
        "name": "Ada Lovelace",
    }
    assert await people.get(1, Params(query={"$select": "name"})) == {"name": "Ada Lovelace"}
    assert await people.get(1, Params(query={"$select": []})) == {}


async def test_a_select_does_not_bring_back_what_a_resolver_removes(people: Service) -> None:
    by_result(people)
    for select in (["secret"], ["secret", "name"], ["secret.a"]):
        assert "secret" not in await people.get(1, Params(query={"$select": select}))


async def test_part_of_a_virtual_field_is_the_whole_of_it(people: Service) -> None:
    home = resolve({"home": virtual(lambda obj, context, status: {"city": "York", "of": obj["first"]})})
    people.hooks([resolve_result(home)])
    query = {"$select": ["home.city"]}
    assert await people.get(1, Params(query=query)) == {"home": {"city": "York", "of": "Ada"}}


async def test_resolve_names_the_fields_likewise_and_stays_out_of_the_query(people: Service) -> None:
    by_result(people)
    query = {"$resolve": ["name"], "userId": 1}
    assert await people.find(Params(query=query)) == [{"name": "Ada Lovelace"}]
    assert people.wrapped.asked == {"userId": 1}


@pytest.mark.parametrize(
    "query", [{"$resolve": [5]}, {"$resolve": {"a": 1}}, {"$select": [{"name": 1}]}, {"$select": {"name": 1}}]
)
async def test_what_does_not_name_fields_is_refused(people: Service, query: dict[str, Any]) -> None:
    by_result(people)
    with pytest.raises(BadRequest):
        await people.find(Params(query=query, provider="rest"))


async def test_a_failing_field_fails_the_call(people: Service) -> None:
    def refuse(value: Any, obj: Any, context: Any, status: Any) -> None:
        raise ValueError("no")

    people.hooks([resolve_result(resolve({"first": refuse}))])
    with pytest.raises(BadRequest, match="Error resolving data") as raised:
        await people.find()
    assert raised.value.data == {"first": {"message": "no"}}


@pytest.mark.parametrize("value", [None, "text", 5, ["text"]])
async def test_a_result_without_fields_is_left_alone(people: Service, value: object) -> None:
    def answer(context: HookContext) -> None:
        context.result = value

    by_result(people).hooks({"before": {"get": [answer]}})
    assert await people.get(1) == value


async def test_a_nested_call_that_is_told_of_the_outer_one_does_not_go_round(people: Service) -> None:
    async def friend(obj: Any, context: HookContext, status: Any) -> Any:
        return await context.service.get(3 - obj["_id"], Params(resolve=status))

    people.hooks([resolve_result(resolve({"friend": virtual(friend)}))])
    ada = await people.get(1, Params(query={"$select": ["first", "friend"]}))
    assert ada == {"first": "Ada", "friend": {"_id": 2, **NAMES[2]}}
