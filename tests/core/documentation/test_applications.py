"""What the documents say of services of any application, in the small."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, fields
from openapi_spec_validator import OpenAPIV31SpecValidator

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.application import Application
from stonechat.core.authentication import (
    AuthenticationOptions,
    LocalOptions,
    OauthOptions,
    OauthStrategy,
    OidcStrategy,
    PasswordServiceOptions,
    SessionOptions,
    TokenOptions,
    authentication,
    authentication_of,
    passwords,
)
from stonechat.core.authentication.oidc import google
from stonechat.core.context import Params
from stonechat.core.documentation import data_schema, result_schema
from stonechat.core.documentation.asyncapi import asyncapi
from stonechat.core.documentation.openapi import openapi
from stonechat.core.schema import text, validate_data, validate_query

Json = Any


class NoteData(Schema):
    text = text(20, required=True)


class NoteQuery(Schema):
    id = fields.Integer()
    text = fields.String()
    size = fields.Integer(dump_only=True)
    secret = fields.String(load_only=True)


class Clock:
    """Not an adapter, and with nothing but a method of its own."""

    async def wind(self, data: Any, params: Params) -> None:
        """Wind it up.

        Nothing more is told.
        """


def described(app: Application) -> Json:
    document = openapi(app, "Notes", "2.0")
    validator: Any = OpenAPIV31SpecValidator(document)
    assert [error.message for error in validator.iter_errors()] == []
    return document


@pytest.fixture
def app() -> Application:
    app = Application()
    app.use("notes", MemoryService(id="id", paginate={"default": 5}), description="Notes of anybody.")
    before: dict[str, Any] = {
        "all": [validate_query(NoteQuery())],
        "create": [validate_data(NoteData())],
        "patch": [validate_data(NoteData(), partial=True)],
    }
    app.service("notes").hooks({"before": before})
    return app


def test_data_schemas_are_read_off_the_hooks(app: Application) -> None:
    document = described(app)
    schemas = document["components"]["schemas"]
    assert schemas["NoteData"]["required"] == ["text"]
    assert schemas["NoteData"]["properties"]["text"]["maxLength"] == 20
    assert "required" not in schemas["NoteDataChanges"]
    body = document["paths"]["/notes/{id}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/NoteDataChanges"}


def test_a_query_may_ask_for_fields_and_select_what_is_only_read(app: Application) -> None:
    document = described(app)
    query = document["components"]["schemas"]["NoteQuery"]["properties"]
    assert query["$select"]["items"]["enum"] == ["id", "text", "size"]
    assert query["$sort"]["properties"].keys() == {"id", "text"}
    assert "size" not in query
    assert "secret" not in query
    parameters = {one["name"]: one for one in document["paths"]["/notes"]["get"]["parameters"]}
    in_query = {name for name, one in parameters.items() if one["in"] == "query"}
    assert in_query == {"$limit", "$skip", "$sort", "$select", "id", "text"}
    assert parameters["text"]["style"] == "deepObject"
    assert {"$ne", "$in", "$lt"} <= parameters["text"]["schema"]["anyOf"][-1]["properties"].keys()


def test_conditions_can_be_nested_and_filters_cannot(app: Application) -> None:
    conditions = described(app)["components"]["schemas"]["NoteConditions"]["properties"]
    assert conditions.keys() == {"$or", "$and", "id", "text"}
    assert conditions["$or"]["items"] == {"$ref": "#/components/schemas/NoteConditions"}


def test_an_application_without_authentication_asks_for_no_token(app: Application) -> None:
    document = described(app)
    assert "securitySchemes" not in document["components"]
    find = document["paths"]["/notes"]["get"]
    assert "security" not in find
    assert find["responses"].keys() == {"200", "400", "429", "500"}


def test_a_call_for_many_is_there_only_where_it_is_allowed(app: Application) -> None:
    app.use("tasks", MemoryService(multi=["remove"]))
    paths = described(app)["paths"]
    assert paths["/notes"].keys() == {"get", "post"}
    assert paths["/tasks"].keys() == {"get", "post", "delete"}


def test_a_list_is_answered_where_nothing_is_paginated(app: Application) -> None:
    app.use("tasks", MemoryService())
    paths = described(app)["paths"]

    def answer(path: str) -> Json:
        return paths[path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    assert answer("/tasks")["type"] == "array"
    assert answer("/notes")["allOf"][0] == {"$ref": "#/components/schemas/Page"}


def test_the_records_of_a_service_may_be_asked_for_as_a_stream(app: Application) -> None:
    app.use("clock", Clock(), methods=["wind"])
    app.use("tasks", MemoryService(), methods=["get"])
    paths = described(app)["paths"]
    streams = {
        (path, verb)
        for path, operations in paths.items()
        for verb, operation in operations.items()
        for response in operation["responses"].values()
        if "text/event-stream" in response.get("content", {})
    }
    assert streams == {("/notes", "get")}
    find = paths["/notes"]["get"]
    assert find["responses"]["200"]["content"].keys() == {"application/json", "text/event-stream"}
    assert {one["name"] for one in find["parameters"] if one["in"] == "header"} == {"Last-Event-ID"}


@pytest.fixture
def with_logins(app: Application) -> Application:
    """Who logs in has a name or an e-mail, and sessions; passwords have ten characters."""
    options = AuthenticationOptions(
        tokens=TokenOptions(secret="s" * 32),
        auth_strategies=("jwt", "local", "google", "github"),
        local=LocalOptions(username_fields={"email": ("email",), "name": ("name",)}),
        sessions=SessionOptions(),
    )
    app.configure(authentication(options)).configure(passwords(PasswordServiceOptions(minimum=10)))
    service = authentication_of(app)
    assert service is not None
    service.register("google", OidcStrategy(google("client")))
    service.register("github", OauthStrategy(OauthOptions(providers={})))
    app.use("users", MemoryService(), methods=["get"])
    return app


def test_every_way_to_log_in_that_a_client_has_is_told(with_logins: Application) -> None:
    schemas = described(with_logins)["components"]["schemas"]
    ways = {one["properties"]["strategy"]["const"]: one for one in schemas["Login"]["anyOf"]}
    assert {name: set(way["required"]) - {"strategy"} for name, way in ways.items()} == {
        "jwt": {"accessToken"},
        "local": {"password"},
        "google": {"idToken"},
        "refresh": {"refreshToken"},
    }
    assert ways["local"]["anyOf"] == [{"required": ["email"]}, {"required": ["name"]}]
    assert "refreshToken" in schemas["Session"]["properties"]


def test_the_bodies_of_the_passwords_service_are_told(with_logins: Application) -> None:
    document = described(with_logins)
    schemas, post = document["components"]["schemas"], document["paths"]["/passwords"]["post"]
    new = {"type": "string", "minLength": 10, "maxLength": 1024}
    assert schemas["PasswordResetRequest"]["anyOf"] == [{"required": ["email"]}, {"required": ["name"]}]
    assert schemas["PasswordReset"]["properties"] == {"token": {"type": "string"}, "password": new}
    assert schemas["PasswordChange"]["required"] == ["password", "newPassword"]
    assert schemas["PasswordChange"]["properties"]["newPassword"] == new
    body = post["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    names = [one["$ref"].rpartition("/")[2] for one in body]
    assert names == ["PasswordResetRequest", "PasswordReset", "PasswordChange"]
    reset = post["x-service-methods"]["reset"]["requestBody"]["content"]["application/json"]["schema"]
    assert reset == {"$ref": "#/components/schemas/PasswordReset"}
    assert "204" not in post["responses"]
    messages = asyncapi(with_logins, "Notes", "2.0", ())["components"]["messages"]
    (_, _, data, _) = messages["passwords.change.call"]["payload"]["items"]
    assert data == {"$ref": "#/components/schemas/PasswordChange"}
    assert "passwords.created" not in messages


def test_a_custom_method_is_a_post_with_a_header(app: Application) -> None:
    app.use("clock", Clock(), methods=["wind"])
    post = described(app)["paths"]["/clock"]["post"]
    (header,) = post["parameters"]
    assert header["required"] is True
    assert header["schema"]["enum"] == ["wind"]
    assert post["x-service-methods"]["wind"]["summary"] == "Wind it up."
    assert "201" not in post["responses"]
    assert "204" in post["responses"]


def test_placeholders_of_a_path_are_parameters(app: Application) -> None:
    app.use("users/:userId/notes", MemoryService(), methods=["find", "get"])
    paths = described(app)["paths"]
    names = [one["name"] for one in paths["/users/{userId}/notes/{id}"]["get"]["parameters"]]
    assert names[:2] == ["userId", "id"]


def test_a_service_that_clients_cannot_call_is_not_mentioned(app: Application) -> None:
    app.use("hidden", MemoryService(), methods=[])
    assert list(described(app)["paths"]) == ["/notes", "/notes/{id}"]
    assert asyncapi(app, "Notes", "2.0", ())["channels"].keys() == {"notes"}


def test_schemas_of_one_name_are_told_apart(app: Application) -> None:
    class Other:
        class NoteData(Schema):
            title = fields.String()

    app.use("books", MemoryService(), methods=["create"])
    app.service("books").hooks({"before": {"create": [validate_data(Other.NoteData())]}})
    schemas = described(app)["components"]["schemas"]
    assert schemas["NoteData"]["properties"].keys() == {"title"}
    assert schemas["NoteData2"]["properties"].keys() == {"text"}


def test_pages_with_cursors_have_a_filter_for_them(app: Application) -> None:
    app.use("log", MemoryService(paginate={"default": 5, "keyset": True}), methods=["find"])
    app.service("log").hooks({"before": {"find": [validate_query(NoteQuery())]}})
    document = described(app)
    names = [one["name"] for one in document["paths"]["/log"]["get"]["parameters"]]
    assert "$after" in names
    assert {"text", "id"} <= {*names}
    assert "$after" not in [one["name"] for one in document["paths"]["/notes"]["get"]["parameters"]]


def test_what_a_service_adds_is_in_its_operations(app: Application) -> None:
    more = {"create": {"responses": {"422": {"description": "Not twice."}}}}
    app.use("orders", MemoryService(), methods=["create"], openapi=more)
    responses = described(app)["paths"]["/orders"]["post"]["responses"]
    assert responses["422"]["description"] == "Not twice."
    assert list(responses) == sorted(responses)


def test_events_carry_what_the_service_says_under_their_names_on_the_wire(app: Application) -> None:
    service = MemoryService()
    app.use(
        "alarms",
        service,
        methods=["create"],
        events=["rang"],
        wire_events={"rang": "alarm:rang"},
        schemas={"rang": NoteData()},
    )
    messages = asyncapi(app, "Notes", "2.0", ())["components"]["messages"]
    assert messages["alarms.rang"]["name"] == "alarm:rang"
    assert messages["alarms.rang"]["payload"] == {"$ref": "#/components/schemas/NoteData"}
    assert messages["alarms.created"]["name"] == "alarms created"


def test_schemas_can_be_asked_for(app: Application) -> None:
    assert isinstance(data_schema(app, "notes", "create"), NoteData)
    with pytest.raises(LookupError, match="not checked"):
        data_schema(app, "notes", "update")
    with pytest.raises(LookupError, match="does not say"):
        result_schema(app, "notes")
