from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from marshmallow import Schema, fields, validate

from stonechat.core.context import HookContext
from stonechat.core.errors import BadRequest, MethodNotAllowed
from stonechat.core.schema import Id, choice, count, invalid, moment, text, validate_data
from stonechat.core.service import Service

ID = "0123456789abcdef01234567"


class Home(Schema):
    city = text(20, required=True)
    number = fields.Integer(allow_none=True)


class Pupil(Schema):
    _id = Id(dump_only=True)
    classId = Id()  # noqa: N815 - names are the wire's
    name = text(10, required=True)
    email = fields.Email()
    kind = choice(("day", "boarder"), load_default="day")
    born = moment()
    age = count()
    active = fields.Boolean()
    height = fields.Float()
    scores = fields.List(fields.Integer())
    homes: fields.List[Any] = fields.List(fields.Nested(Home))
    home = fields.Nested(Home)
    tags = fields.List(fields.String(validate=validate.Length(max=5)))
    password = fields.String(load_only=True)


def loaded(service: Service, data: Any, *, partial: bool = False, many: bool = True) -> Any:
    context = HookContext(service, "create", data=data)
    validate_data(Pupil(), partial=partial, many=many)(context)
    return context.data


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
        ({"ho.me": 5}, ["ho.me"]),
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
    assert [problem["message"] for problem in error.to_json()["data"]] == list(error.errors.values())


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
    ("data", "problem"),
    [
        (
            {},
            {
                "instancePath": "",
                "schemaPath": "#/required",
                "keyword": "required",
                "params": {"missingProperty": "name"},
                "message": "Missing data for required field.",
            },
        ),
        (
            {"name": "Ada", "home": {"city": "York", "zip": 1}},
            {
                "instancePath": "/home",
                "schemaPath": "#/properties/home/additionalProperties",
                "keyword": "additionalProperties",
                "params": {"additionalProperty": "zip"},
                "message": "Unknown field.",
            },
        ),
        (
            {"name": "Ada", "tags": ["a", 5]},
            {
                "instancePath": "/tags/1",
                "schemaPath": "#/properties/tags/items/validate",
                "keyword": "validate",
                "params": {},
                "message": "Not a valid string.",
            },
        ),
        (
            {"name": "Ada", "home": 5},
            {
                "instancePath": "/home",
                "schemaPath": "#/properties/home/validate",
                "keyword": "validate",
                "params": {},
                "message": "Invalid input type.",
            },
        ),
    ],
)
def test_a_refusal_lists_the_problems_as_users_of_feathers_know_them(
    service: Service, data: dict[str, Any], problem: dict[str, Any]
) -> None:
    with pytest.raises(BadRequest) as raised:
        loaded(service, data)
    assert raised.value.to_json()["data"] == [problem]


def test_a_rule_of_own_code_refuses_in_the_same_words() -> None:
    body = invalid("home/town~", "no such town").to_json()
    assert (body["message"], body["errors"]) == ("validation failed", {"home/town~": "no such town"})
    assert [problem["instancePath"] for problem in body["data"]] == ["/home~1town~0"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"age": "7"}, "age"),
        ({"age": 2.5}, "age"),
        ({"age": True}, "age"),
        ({"height": "1.5"}, "height"),
        ({"height": False}, "height"),
        ({"active": "true"}, "active"),
        ({"active": 1}, "active"),
        ({"home": {"city": "York", "number": "4"}}, "home.number"),
        ({"home": {"city": "York", "number": 2.5}}, "home.number"),
        ({"scores": [1, "2"]}, "scores.1"),
        ({"homes": [{"city": "York", "number": "4"}]}, "homes.0.number"),
    ],
)
def test_data_is_not_coerced(service: Service, data: dict[str, Any], name: str) -> None:
    with pytest.raises(BadRequest) as raised:
        loaded(service, data, partial=True)
    assert list(raised.value.errors) == [name]


def test_what_json_has_a_type_for_comes_in_its_type(service: Service) -> None:
    data: dict[str, Any] = {
        "age": 7.0,
        "height": 2,
        "active": False,
        "scores": [],
        "home": {"city": "York", "number": None},
    }
    assert loaded(service, data, partial=True) == data


def test_every_field_at_fault_is_named_once(service: Service) -> None:
    with pytest.raises(BadRequest) as raised:
        loaded(service, {"age": "many", "active": "true", "email": "nope"})
    assert sorted(raised.value.errors) == ["active", "age", "email", "name"]
    assert raised.value.errors["age"] == "Not a valid integer."
