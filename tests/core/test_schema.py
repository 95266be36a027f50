from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from marshmallow import Schema, fields, validate

from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest, MethodNotAllowed
from stonechat.core.schema import Id, choice, count, moment, text, validate_data, validate_query
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


class Pupils:
    async def find(self, params: Params) -> Any: ...

    async def create(self, data: Any, params: Params) -> Any: ...

    async def patch(self, id: Any, data: Any, params: Params) -> Any: ...


@pytest.fixture
def service() -> Service:
    return Application().use("pupils", Pupils()).service("pupils")


def loaded(service: Service, data: Any, *, partial: bool = False, many: bool = True) -> Any:
    context = HookContext(service, "create", data=data)
    validate_data(Pupil(), partial=partial, many=many)(context)
    return context.data


def checked(service: Service, query: dict[str, Any], provider: str | None = "rest") -> dict[str, Any]:
    context = HookContext(service, "find", params=Params(query=query, provider=provider))
    validate_query(PupilQuery())(context)
    return context.params.query


def refused(service: Service, query: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        checked(service, query)
    return raised.value


def test_valid_data_is_replaced_by_its_values(service: Service) -> None:
    data = {"name": "Ada", "classId": ID, "born": "2015-01-02T03:04:05Z", "home": {"city": "York"}}
    assert loaded(service, data) == {
        "name": "Ada",
        "classId": ObjectId(ID),
        "born": datetime(2015, 1, 2, 3, 4, 5, tzinfo=UTC),
        "home": {"city": "York"},
        "kind": "day",
    }
    assert data["classId"] == ID


def test_each_item_of_a_list_is_checked(service: Service) -> None:
    assert loaded(service, [{"name": "Ada"}, {"name": "Bo", "kind": "boarder"}]) == [
        {"name": "Ada", "kind": "day"},
        {"name": "Bo", "kind": "boarder"},
    ]
    with pytest.raises(BadRequest):
        loaded(service, [{"name": "Ada"}, {}])


def test_a_list_must_be_asked_for(service: Service) -> None:
    with pytest.raises(MethodNotAllowed, match="Can not create multiple entries"):
        loaded(service, [{"name": "Ada"}], many=False)


def test_in_a_patch_nothing_is_required_and_nothing_gets_a_default(service: Service) -> None:
    assert loaded(service, {"age": 7}, partial=True) == {"age": 7}
    assert loaded(service, {}, partial=True) == {}
    with pytest.raises(BadRequest):
        loaded(service, {"age": -1}, partial=True)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"name": ...}, ["name"]),
        ({"name": None}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": " \n"}, ["name"]),
        ({"name": "x" * 11}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"name": {"$ne": 1}}, ["name"]),
        ({"email": "nope"}, ["email"]),
        ({"kind": "night"}, ["kind"]),
        ({"classId": "nope"}, ["classId"]),
        ({"classId": 5}, ["classId"]),
        ({"classId": "x" * 12}, ["classId"]),
        ({"age": -1}, ["age"]),
        ({"age": 2**53}, ["age"]),
        ({"age": "many"}, ["age"]),
        ({"born": "yesterday"}, ["born"]),
        ({"unknown": 1}, ["unknown"]),
        ({"_id": ID}, ["_id"]),
        ({"home": {}}, ["home.city"]),
        ({"home": {"city": "x", "zip": 1}}, ["home.zip"]),
        ({"home": 5}, ["home._schema"]),
        ({"tags": ["a", "too long"]}, ["tags.1"]),
        ({"email": "nope", "age": -1}, ["email", "age"]),
    ],
)
def test_data_that_does_not_fit_is_refused_by_field(
    service: Service, changes: dict[str, Any], names: list[str]
) -> None:
    data = {key: value for key, value in {"name": "Ada", **changes}.items() if value is not ...}
    with pytest.raises(BadRequest) as raised:
        loaded(service, data)
    error = raised.value
    assert error.message == "validation failed"
    assert sorted(error.errors) == sorted(names)
    assert all(isinstance(reason, str) and reason for reason in error.errors.values())


@pytest.mark.parametrize("data", [None, 5, "text", [5], [None]])
def test_data_is_an_object(service: Service, data: Any) -> None:
    with pytest.raises(BadRequest) as raised:
        loaded(service, data)
    assert raised.value.errors == {"data": "must be an object"}


def test_a_time_without_a_zone_is_utc(service: Service) -> None:
    assert loaded(service, {"born": "2015-01-02T03:04:05"}, partial=True) == {
        "born": datetime(2015, 1, 2, 3, 4, 5, tzinfo=UTC)
    }


def test_an_id_goes_out_as_text() -> None:
    assert Pupil().dump({"_id": ObjectId(ID), "classId": None}) == {"_id": ID, "classId": None}


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
            {"$limit": "5", "$skip": 1, "$sort": {"name": "1"}, "$select": ["name", "_id"]},
        ),
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
    ({"age": {"$in": "7"}}, "age.$in"),
    ({"age": {"$in": {"0": "7"}}}, "age.$in"),
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
