"""The documents of the school: valid, complete, and true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft7Validator, Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from stonechat.core.context import STANDARD_METHODS
from stonechat.core.shapes import is_list, is_mapping
from stonechat.dialects.documents import dialect_routes
from stonechat.socket.events import ClientEvent, ServerEvent
from tests.support.people import PASSWORD, newcomer
from tests.support.school import PATHS, Json, School

ASYNCAPI_SCHEMA: Final = (
    Path(__file__).parents[2] / "clients/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
)
PEOPLE: Final = ("admin", "rivera", "ada")
ID_NAMES: Final = {"notification-preferences": "{userId}"}
UNNAMED: Final = re.compile(r"[^\w.-]")
"""What a name in AsyncAPI cannot have."""

PLACEHOLDER: Final = re.compile(r":(\w+)")
VERBS: Final = {
    "find": ("get", False),
    "get": ("get", True),
    "create": ("post", False),
    "update": ("put", True),
    "patch": ("patch", True),
    "remove": ("delete", True),
}


@pytest.fixture(scope="module")
async def openapi(school: School) -> Json:
    return (await school.nobody.request("GET", "/openapi.json")).body


@pytest.fixture(scope="module")
async def asyncapi(school: School) -> Json:
    return (await school.nobody.request("GET", "/asyncapi.json")).body


def problems(validator: Any, instance: Json) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


def valid(instance: Json, schema: Json, document: Json) -> None:
    """Against a schema of the document, with the references that it holds."""
    validator = Draft202012Validator({**schema, "components": document["components"]})
    assert problems(validator, instance) == []


def response(openapi: Json, path: str, verb: str, status: int) -> Json:
    described = openapi["paths"][path][verb]["responses"][str(status)]
    return described["content"]["application/json"]["schema"]


def test_openapi_is_valid(openapi: Json) -> None:
    validator: Any = OpenAPIV31SpecValidator(openapi)
    assert [error.message for error in validator.iter_errors()] == []


def test_asyncapi_is_valid(asyncapi: Json) -> None:
    assert problems(Draft7Validator(json.loads(ASYNCAPI_SCHEMA.read_text())), asyncapi) == []


def test_every_reference_of_asyncapi_leads_somewhere(asyncapi: Json) -> None:
    for reference in set(references(asyncapi)):
        found = asyncapi
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def references(part: Json) -> list[str]:
    if is_mapping(part):
        own = [str(part["$ref"])] if "$ref" in part else []
        return [*own, *(one for value in part.values() for one in references(value))]
    return [one for value in part for one in references(value)] if is_list(part) else []


def test_every_exposed_method_is_in_openapi_and_no_other(school: School, openapi: Json) -> None:
    expected: dict[str, set[str]] = {}
    for path, service in school.app.services.items():
        for method in service.methods:
            verb, with_id = VERBS.get(method, ("post", False))
            place = PLACEHOLDER.sub(r"{\1}", path)
            location = f"/{place}/{ID_NAMES.get(path, '{id}')}" if with_id else f"/{place}"
            expected.setdefault(location, set()).add(verb)
            if method not in STANDARD_METHODS:
                post = openapi["paths"][f"/{path}"]["post"]
                assert method in post["x-service-methods"]
                header = next(one for one in post["parameters"] if one["name"] == "X-Service-Method")
                assert method in header["schema"]["enum"]
    for location, verbs in expected.items():
        assert verbs <= openapi["paths"][location].keys(), location
    of_dialects = {route.path for route in dialect_routes(school.app)}
    documented = {path.partition("/{")[0] for path in openapi["paths"].keys() - of_dialects}
    services = {path for path, service in school.app.services.items() if service.methods}
    assert documented == {f"/{path}".partition("/:")[0] for path in services}
    assert openapi["paths"]["/members"].keys() == {"get", "post"}
    assert openapi["paths"]["/conversations/{id}"].keys() == {"get", "patch"}


def test_every_exposed_method_and_event_is_in_asyncapi(school: School, asyncapi: Json) -> None:
    for path, service in school.app.services.items():
        for method in service.methods:
            assert f"{UNNAMED.sub('-', path)}.{method}" in asyncapi["operations"]
    sent = {
        asyncapi["components"]["messages"][reference.rpartition("/")[2]]["name"]
        for channel in asyncapi["channels"].values()
        for message in channel["messages"].values()
        if (reference := message["$ref"]).rpartition("/")[2] not in {"failed", "refused"}
        and "name" in asyncapi["components"]["messages"][reference.rpartition("/")[2]]
    }
    assert {"messages created", "users patched", "members removed"} <= sent
    assert {*ClientEvent, *ServerEvent} <= sent


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_found_is_as_documented(school: School, openapi: Json, path: str) -> None:
    for name in PEOPLE:
        person = await school.person(name)
        page = await person.rest("find", path)
        valid(page.body, response(openapi, f"/{path}", "get", 200), openapi)
        for record in page.body["data"][:1]:
            one = await person.rest("get", path, id=record["_id"])
            valid(one.body, response(openapi, f"/{path}/{{id}}", "get", 200), openapi)
        chosen = await person.rest("find", path, query={"$select": ["_id"], "$limit": 1})
        valid(chosen.body, response(openapi, f"/{path}", "get", 200), openapi)


async def test_a_field_that_is_not_documented_would_be_noticed(school: School, openapi: Json) -> None:
    page = await (await school.person("ada")).rest("find", "users")
    page.body["data"][0]["password"] = "x"
    schema = response(openapi, "/users", "get", 200)
    validator = Draft202012Validator({**schema, "components": openapi["components"]})
    assert any("password" in problem for problem in problems(validator, page.body))


async def test_a_login_is_as_documented(school: School, openapi: Json) -> None:
    data = {"strategy": "local", "email": "ada@demo.school", "password": "stonechat-demo"}
    body = openapi["paths"]["/authentication"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    valid(data, body, openapi)
    answer = await school.nobody.rest("create", "authentication", data=data)
    valid(answer.body, response(openapi, "/authentication", "post", 201), openapi)


async def test_a_change_of_a_password_is_as_documented(school: School, openapi: Json) -> None:
    person = await newcomer(school)
    methods = openapi["paths"]["/passwords"]["post"]["x-service-methods"]

    def body(method: str) -> Json:
        return methods[method]["requestBody"]["content"]["application/json"]["schema"]

    change = {"password": PASSWORD, "newPassword": "another-one"}
    valid(change, body("change"), openapi)
    answer = await person.rest("change", "passwords", data=change)
    assert answer.code == 200
    valid(answer.body, response(openapi, "/passwords", "post", 200), openapi)
    whole = {**body("reset"), "components": openapi["components"]}
    for wrong in ({}, {"token": "x"}, {"token": "x", "password": "short"}):
        assert (await school.nobody.rest("reset", "passwords", data=wrong)).code == 400
        assert problems(Draft202012Validator(whole), wrong) != []


async def test_refusals_are_as_documented(school: School, openapi: Json) -> None:
    ada = await school.person("ada")
    wrong = {"conversationId": "no id", "content": 5}
    for answer in (
        await school.nobody.rest("find", "users"),
        await ada.rest("create", "messages", data=wrong),
        await ada.rest("create", "classes", data={"name": "x"}),
        await ada.rest("get", "users", id="f" * 24),
        await ada.rest("wave", "members", data={}),
    ):
        assert answer.code >= 400
        valid(answer.body, {"$ref": "#/components/schemas/FeathersError"}, openapi)


async def test_a_custom_method_is_as_documented(school: School, openapi: Json) -> None:
    talk = await school.conversation("ada", "ben")
    await school.say("ada", talk, "Hello")
    data = {"conversationId": talk, "readSeq": 1}
    described = openapi["paths"]["/members"]["post"]["x-service-methods"]["acknowledge"]
    valid(data, described["requestBody"]["content"]["application/json"]["schema"], openapi)
    answer = await (await school.person("ben")).rest("acknowledge", "members", data=data)
    valid(answer.body, response(openapi, "/members", "post", 200), openapi)
    assert "moved" in answer.body


async def test_repeats_are_documented_with_their_statuses(school: School, openapi: Json) -> None:
    talk = await school.conversation("ada", "ben")
    ada = await school.person("ada")
    data = {"conversationId": talk, "content": "Once", "idempotencyKey": "once"}
    for status in (201, 200):
        answer = await ada.rest("create", "messages", data=data)
        assert answer.code == status
        valid(answer.body, response(openapi, "/messages", "post", status), openapi)
    refused = await ada.rest("create", "messages", data={**data, "content": "Twice"})
    assert refused.code == 422
    assert "422" in openapi["paths"]["/messages"]["post"]["responses"]


async def test_own_events_and_receipts_are_as_documented(school: School, asyncapi: Json) -> None:
    messages = asyncapi["components"]["messages"]

    def carried(name: str) -> Json:
        return messages[name]["payload"]

    talk = await school.conversation("rivera", "okafor")
    rivera, okafor = await school.person("rivera"), await school.person("okafor")
    async with rivera.socket() as first, okafor.socket() as second:
        valid(await first.next("user:online"), carried("own-events.user-online.server"), asyncapi)
        here: dict[str, Any] = {"conversationId": talk}
        valid(here, carried("own-events.typing-start.client"), asyncapi)
        assert await first.say("typing:start", here) == {}
        valid(await second.next("typing:start"), carried("own-events.typing-start.server"), asyncapi)
        sent = await first.say("message:send", {**here, "content": "Hello"})
        valid([sent], as_list(carried("own-events.message-send.answer")), asyncapi)
        valid(await second.next("messages created"), carried("messages.created"), asyncapi)
        reached = await second.say("message:read", {**here, "seq": 1})
        valid([reached], as_list(carried("own-events.message-read.answer")), asyncapi)
        valid(await first.next("message:read"), carried("members.read"), asyncapi)
        refused = await second.say("message:read", {})
        valid([refused], as_list(carried("refused")), asyncapi)
        online = await first.say("presence:get", {})
        valid([online], as_list(carried("own-events.presence-get.answer")), asyncapi)


def as_list(schema: Json) -> Json:
    """Draft 7 has the items of a list one by one in ``items``, which later drafts call ``prefixItems``."""
    return {"type": "array", "prefixItems": schema["items"], "minItems": schema["minItems"]}
