from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId
from marshmallow import Schema, fields, validate

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest
from stonechat.core.schema import (
    Id,
    choice,
    count,
    moment,
    query_syntax,
    text,
    validate_query,
)
from stonechat.core.service import Service

ID = "0123456789abcdef01234567"


class Home(Schema):
    city = text(20, required=True)


class Pupil(Schema):
    _id = Id(dump_only=True)
    classId = Id()  # noqa: N815 - names are the wire's
    name = text(10, required=True)
    email = fields.Email()
    kind = choice(("day", "boarder"), load_default="day")
    born = moment()
    age = count()
    active = fields.Boolean()
    home = fields.Nested(Home)
    tags = fields.List(fields.String(validate=validate.Length(max=5)))
    password = fields.String(load_only=True)


class PupilQuery(Pupil):
    _id = Id()
    seenAt = moment(dump_only=True)  # noqa: N815 - names are the wire's


def checked(service: Service, query: dict[str, Any], provider: str | None = "rest") -> dict[str, Any]:
    context = HookContext(service, "find", params=Params(query=query, provider=provider))
    validate_query(PupilQuery())(context)
    return context.params.query


def refused(service: Service, query: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        checked(service, query)
    return raised.value


@pytest.mark.parametrize(
    ("query", "typed"),
    [
        ({"age": "7"}, {"age": 7}),
        ({"active": "true"}, {"active": True}),
        ({"active": "false"}, {"active": False}),
        ({"classId": ID}, {"classId": ObjectId(ID)}),
        ({"_id": {"$in": [ID]}}, {"_id": {"$in": [ObjectId(ID)]}}),
        ({"age": {"$gte": "7", "$lt": 9}}, {"age": {"$gte": 7, "$lt": 9}}),
        ({"age": {"$nin": ["1"]}}, {"age": {"$nin": [1]}}),
        ({"name": {"$ne": None}}, {"name": {"$ne": None}}),
        ({"$or": [{"age": "7"}, {"$and": [{"age": "8"}]}]}, {"$or": [{"age": 7}, {"$and": [{"age": 8}]}]}),
        ({"$select": ["seenAt"]}, {"$select": ["seenAt"]}),
        (
            {"$limit": "5", "$skip": 1, "$sort": {"name": "1"}, "$select": ["name", "_id"]},
            {"$limit": 5, "$skip": 1, "$sort": {"name": 1}, "$select": ["name", "_id"]},
        ),
        ({"$limit": 0, "$skip": "0"}, {"$limit": 0, "$skip": 0}),
        ({"$sort": {"name": "-1", "age": 1}}, {"$sort": {"name": -1, "age": 1}}),
        ({"$select": "name"}, {"$select": ["name"]}),
        ({"age": ""}, {"age": None}),
        ({"name": {"$ne": ""}}, {"name": {"$ne": None}}),
    ],
)
def test_a_query_gets_the_types_of_its_fields(
    service: Service, query: dict[str, Any], typed: dict[str, Any]
) -> None:
    assert checked(service, query) == typed


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"unknown": 1}, "unknown"),
    ({"age": "many"}, "age"),
    ({"age": {"$gt": "many"}}, "age"),
    ({"age": {"$in": "7"}}, "age"),
    ({"age": {"$in": {"0": "7"}}}, "age"),
    ({"name": {"$where": "1"}}, "name"),
    ({"name": {"$regex": "a"}}, "name"),
    ({"name": {"first": "a"}}, "name"),
    ({"name": ["a"]}, "name"),
    ({"$where": "1"}, "$where"),
    ({"$or": {"name": "a"}}, "$or"),
    ({"$or": ["a"]}, "$or"),
    ({"$and": [{"unknown": 1}]}, "unknown"),
    ({"$sort": {"unknown": 1}}, "$sort"),
    ({"$select": ["unknown"]}, "$select"),
    ({"$select": [{"a": 1}]}, "$select"),
    ({"home.city": "York"}, "home.city"),
    ({"password": "guess"}, "password"),
    ({"password": {"$gt": "a"}}, "password"),
    ({"$sort": {"password": 1}}, "$sort"),
    ({"$select": ["password"]}, "$select"),
    ({"$select": "password"}, "$select"),
    ({"seenAt": "2026-01-02T03:04:05Z"}, "seenAt"),
    ({"$sort": {"seenAt": 1}}, "$sort"),
    ({"$or": [{"password": {"$lt": "b"}}]}, "password"),
    ({"$or": [{"name": "a"}, {"$limit": 1}]}, "$limit"),
    ({"$or": [{"$and": [{"age": {"$gt": "many"}}]}]}, "age"),
    ({"$limit": -1}, "$limit"),
    ({"$limit": "many"}, "$limit"),
    ({"$limit": True}, "$limit"),
    ({"$skip": "-1"}, "$skip"),
    ({"$skip": [1]}, "$skip"),
    ({"$sort": "name"}, "$sort"),
    ({"$sort": {"name": 0}}, "$sort"),
    ({"$sort": {"name": "2"}}, "$sort"),
    ({"$sort": {"name": "up"}}, "$sort"),
]


@pytest.mark.parametrize(("query", "name"), REFUSED)
def test_a_query_that_does_not_fit_is_refused_by_field(
    service: Service, query: dict[str, Any], name: str
) -> None:
    assert list(refused(service, query).errors) == [name]


def test_a_query_that_is_nested_too_deeply_is_refused(service: Service) -> None:
    query: dict[str, Any] = {"age": 1}
    for _ in range(2_000):
        query = {"$and": [query]}
    assert refused(service, query).message == "The query is nested too deeply"


def test_own_code_may_query_as_it_likes(service: Service) -> None:
    assert checked(service, {"password": {"$exists": True}}, provider=None) == {"password": {"$exists": True}}


def test_a_refusal_points_to_the_place_in_the_query(service: Service) -> None:
    error = refused(service, {"$or": [{"name": "a"}, {"age": {"$gt": "many"}}]})
    assert error.message == "validation failed"
    assert error.errors == {"age": "$gt: Not a valid integer."}
    assert error.data == [
        {
            "instancePath": "/$or/1/age/$gt",
            "schemaPath": "#/properties/$or/items/properties/age/properties/$gt/validate",
            "keyword": "validate",
            "params": {},
            "message": "Not a valid integer.",
        }
    ]
    (problem,) = refused(service, {"$sort": {"unknown": 1}}).to_json()["data"]
    assert problem["keyword"] == "additionalProperties"
    assert problem["params"] == {"additionalProperty": "unknown"}


def test_a_field_may_have_operators_of_its_own(service: Service) -> None:
    syntax = query_syntax(PupilQuery(), operators={"name": {"$regex": text(5)}})

    def check(query: dict[str, Any]) -> dict[str, Any]:
        context = HookContext(service, "find", params=Params(query=query, provider="rest"))
        validate_query(syntax)(context)
        return context.params.query

    assert check({"name": {"$regex": "A.*"}}) == {"name": {"$regex": "A.*"}}
    for query in (
        {"name": {"$regex": "too long"}},
        {"name": {"$regex": {"a": 1}}},
        {"email": {"$regex": "A"}},
    ):
        with pytest.raises(BadRequest):
            check(query)


async def test_the_adapters_limits_and_operators_hold_for_a_validated_query() -> None:
    app = Application()
    store = {at: {"name": f"pupil {at}", "age": at} for at in range(5)}
    app.use("pupils", MemoryService(store=store, paginate={"default": 2, "max": 3}))
    syntax = query_syntax(PupilQuery(), operators={"name": {"$regex": text(5)}})
    pupils = app.service("pupils").hooks({"before": {"all": [validate_query(syntax)]}})
    page = await pupils.find(Params(query={"$limit": "4", "age": {"$gte": "1"}}, provider="rest"))
    assert (page["total"], page["limit"], len(page["data"])) == (4, 3, 3)
    with pytest.raises(BadRequest, match=r"Invalid query parameter \$regex"):
        await pupils.find(Params(query={"name": {"$regex": "a"}}, provider="rest"))


async def test_a_query_may_have_filters_of_its_own(service: Service) -> None:
    syntax = query_syntax(PupilQuery(), filters={"$search": text(5)})
    assert syntax.check({"$search": "ada", "age": "7"}) == {"$search": "ada", "age": 7}
    for query in ({"$search": "too long"}, {"$or": [{"$search": "ada"}]}, {"$find": "ada"}):
        with pytest.raises(BadRequest):
            syntax.check(query)


async def test_a_cursor_is_the_adapters_to_read() -> None:
    store = {at: {"name": "pupil", "age": at} for at in range(3)}
    app = Application().use("pupils", MemoryService(store=store, paginate={"default": 2, "keyset": True}))
    app.use("others", MemoryService(store=store, paginate={"default": 2}))
    for path in ("pupils", "others"):
        app.service(path).hooks({"before": {"all": [validate_query(PupilQuery())]}})
    query = {"$sort": {"age": "1"}}
    first = await app.service("pupils").find(Params(query=query, provider="rest"))
    following = Params(query={**query, "$after": first["next"]}, provider="rest")
    assert [one["age"] for one in (await app.service("pupils").find(following))["data"]] == [2]
    with pytest.raises(BadRequest):
        await app.service("others").find(following)
