"""Calls and events as packets: what is emitted, what is acknowledged, who hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest

from tests.conformance.test_rest import error
from tests.support.wire import Polling, Wire

Json = dict[str, Any]

ADAPTERS: Final = ("people", "people-mongo", "people-beanie")


@pytest.fixture
async def socket(url: str) -> AsyncIterator[Wire]:
    async with Wire.open(url) as wire:
        yield wire


async def succeeds(socket: Wire, *call: Any) -> Any:
    """The result: the second of two arguments, after a null."""
    nothing, result = await socket.call(*call)
    assert nothing is None
    return result


# Calls


async def test_each_method_has_its_arguments(socket: Wire) -> None:
    record = await succeeds(socket, "create", "todos", {"text": "dishes"}, {})
    assert record["text"] == "dishes"
    record_id = record["id"]
    assert await succeeds(socket, "get", "todos", record_id, {}) == {**record, "query": {}}
    assert record in await succeeds(socket, "find", "todos", {})
    patched = await succeeds(socket, "patch", "todos", record_id, {"done": True}, {})
    assert patched == {**record, "done": True}
    updated = await succeeds(socket, "update", "todos", record_id, {"text": "laundry"}, {})
    assert updated == {"_id": record["_id"], "id": record_id, "text": "laundry"}
    assert await succeeds(socket, "remove", "todos", record_id, {}) == updated
    missing = error("NotFound", 404, f"No record found for id '{record_id}'")
    assert await socket.call("get", "todos", record_id, {}) == [missing]


async def test_the_query_may_be_left_out_or_null(socket: Wire) -> None:
    record = await succeeds(socket, "create", "todos", {"text": "x"})
    assert await succeeds(socket, "get", "todos", record["id"]) == {**record, "query": {}}
    assert await succeeds(socket, "get", "todos", record["id"], None) == {**record, "query": {}}
    assert record in await succeeds(socket, "find", "todos")
    assert (await succeeds(socket, "patch", "todos", record["id"], {"a": 1}))["a"] == 1
    assert await succeeds(socket, "customMethod", "todos", {}) is not None
    assert (await succeeds(socket, "remove", "todos", record["id"]))["id"] == record["id"]


async def test_values_of_a_query_keep_their_types(socket: Wire) -> None:
    query: Json = {"n": 1.5, "t": True, "z": None, "list": [1, "a"], "deep": {"$in": []}}
    assert (await succeeds(socket, "find", "echo/a/things", query))["query"] == query


async def test_a_null_id_means_many(socket: Wire) -> None:
    created = await succeeds(socket, "create", "todos", [{"n": 1}, {"n": 1}], {})
    patched = await succeeds(socket, "patch", "todos", None, {"n": 2}, {"id": "x", "n": 7})
    assert len(created) == 2
    assert patched == []
    removed = await succeeds(socket, "remove", "todos", None, {})
    assert removed == {"id": None, "text": "deleted many"}
    message = "You can not replace multiple instances. Did you mean 'patch'?"
    assert await socket.call("update", "people", None, {"name": "x"}, {}) == [
        error("BadRequest", 400, message)
    ]


@pytest.mark.parametrize("path", ["echo/blue/things", "/echo/blue/things", "echo/blue/things/"])
async def test_a_path_fills_the_route(socket: Wire, path: str) -> None:
    answer = {"query": {"a": 1}, "route": {"room": "blue"}, "provider": "socketio"}
    assert await succeeds(socket, "find", path, {"a": 1}) == answer
    got = await succeeds(socket, "get", path, "5/6", {})
    assert got == {"id": "5/6", "query": {}, "route": {"room": "blue"}}


async def test_a_custom_method_takes_data_and_a_query(socket: Wire) -> None:
    result = await succeeds(socket, "customMethod", "todos", {"message": "hi"}, {"a": 1})
    assert result == {"data": {"message": "hi"}, "provider": "socketio", "type": "customMethod"}


async def test_no_result_is_null(socket: Wire) -> None:
    record = await succeeds(socket, "create", "todos", {"text": "x"}, {})
    assert await socket.call("find", "readonly", {}) == [None, None]
    assert await socket.call("remove", "todos", record["id"], {"noContent": True}) == [None, None]


async def test_the_dispatch_is_acknowledged_instead_of_the_result(socket: Wire) -> None:
    record = await succeeds(socket, "create", "todos", {"text": "secret", "dispatchOnly": True}, {})
    assert record == {"id": record["id"], "fromDispatch": True}


async def test_what_a_hook_says_of_http_does_not_matter(socket: Wire) -> None:
    data = {"text": "x", "status": 206, "location": "/there"}
    assert (await succeeds(socket, "create", "todos", data, {}))["text"] == "x"


@pytest.mark.parametrize("name", ADAPTERS)
async def test_multi_is_refused_where_it_is_off(socket: Wire, name: str) -> None:
    for method, arguments in (
        ("create", ([{"name": "a"}],)),
        ("patch", (None, {"name": "a"})),
        ("remove", (None,)),
    ):
        refusal = error("MethodNotAllowed", 405, f"Can not {method} multiple entries")
        assert await socket.call(method, name, *arguments, {}) == [refusal]


# Refusals


NOT_ALLOWED: Final = "Method '{}' not allowed on service '{}'"


REFUSALS: Final[list[tuple[tuple[Any, ...], Json]]] = [
    (("find", None, {}), error("NotFound", 404, "Invalid service path")),
    (("find", 5, {}), error("NotFound", 404, "Invalid service path")),
    (("find", {"path": "todos"}, {}), error("NotFound", 404, "Invalid service path")),
    (("find", ["todos"]), error("NotFound", 404, "Invalid service path")),
    (("find",), error("NotFound", 404, "Invalid service path")),
    (("find", "nope", {}), error("NotFound", 404, "Service 'nope' not found")),
    (("find", "", {}), error("NotFound", 404, "Service '' not found")),
    (("find", "Todos", {}), error("NotFound", 404, "Service 'Todos' not found")),
    (("find", "__proto__", {}), error("NotFound", 404, "Service '__proto__' not found")),
    (("find", "echo/:room", {}), error("NotFound", 404, "Service 'echo/:room' not found")),
    # An unknown service is said before too many arguments.
    (("find", "nope", {}, 1, 2), error("NotFound", 404, "Service 'nope' not found")),
    (
        ("create", "readonly", {}),
        error("MethodNotAllowed", 405, NOT_ALLOWED.format("create", "readonly")),
    ),
    (("get", "readonly", 1, {}), error("MethodNotAllowed", 405, NOT_ALLOWED.format("get", "readonly"))),
    (
        ("find", "authentication"),
        error("MethodNotAllowed", 405, NOT_ALLOWED.format("find", "authentication")),
    ),
    (
        ("customMethod", "people", {}),
        error("MethodNotAllowed", 405, NOT_ALLOWED.format("customMethod", "people")),
    ),
    # A method that is not exposed is said before too many arguments.
    (
        ("create", "readonly", 1, 2, 3, 4),
        error("MethodNotAllowed", 405, NOT_ALLOWED.format("create", "readonly")),
    ),
    (("find", "todos", {}, {}), error("BadRequest", 400, "Too many arguments for 'find' method")),
    (("get", "todos", 1, {}, {}), error("BadRequest", 400, "Too many arguments for 'get' method")),
    (("create", "todos", {}, {}, {}), error("BadRequest", 400, "Too many arguments for 'create' method")),
    (
        ("update", "todos", 1, {}, {}, 1),
        error("BadRequest", 400, "Too many arguments for 'update' method"),
    ),
    (("patch", "todos", 1, {}, {}, 1), error("BadRequest", 400, "Too many arguments for 'patch' method")),
    (("remove", "todos", 1, {}, 1), error("BadRequest", 400, "Too many arguments for 'remove' method")),
    (
        ("customMethod", "todos", {}, {}, 1),
        error("BadRequest", 400, "Too many arguments for 'customMethod' method"),
    ),
    (("get", "todos", 1, {"error": True}), error("GeneralError", 500, "Something went wrong")),
    (
        ("get", "todos", 1, {"feathersError": True}),
        error("NotAcceptable", 406, "This is a Feathers error", data={"data": True}),
    ),
    (("find", "people", {"$where": "1"}), error("BadRequest", 400, "Invalid filter value $where")),
    (
        ("find", "people", {"$or": [[{"$where": "1"}]]}),
        error("BadRequest", 400, "Invalid query parameter $where", data={"$where": "1"}),
    ),
]


@pytest.mark.parametrize(("call", "expected"), REFUSALS)
async def test_an_error_is_acknowledged_alone(socket: Wire, call: tuple[Any, ...], expected: Json) -> None:
    assert await socket.call(*call) == [expected]


@pytest.mark.parametrize(
    "event", ["internalMethod", "nope", "hooks", "__proto__", "created", "todos created"]
)
async def test_an_event_that_is_no_method_is_acknowledged_too(socket: Wire, event: str) -> None:
    (answer,) = await socket.call(event, "todos", {}, {})
    assert (answer["name"], answer["code"]) == ("MethodNotAllowed", 405)


async def test_a_client_sets_no_params_but_the_query(socket: Wire) -> None:
    query = {"provider": "", "user": {"_id": 1}, "authenticated": True}
    assert await succeeds(socket, "find", "echo/a/things", query) == {
        "query": query,
        "route": {"room": "a"},
        "provider": "socketio",
    }
    assert await socket.call("find", "dummy", query) == [error("NotAuthenticated", 401, "Not authenticated")]


async def test_a_call_without_an_acknowledgement_is_made(socket: Wire) -> None:
    await socket.emit("create", "todos", {"text": "silent"}, {})
    await socket.emit("get", "todos", "nope", {})
    (record,) = await socket.event("todos created")
    assert record["text"] == "silent"


async def test_polling_speaks_the_same(url: str) -> None:
    async with Polling.open(url) as polling:
        assert (await polling.connect()).startswith("40")
        assert await polling.post('421["find","echo/a/things",{"n":1}]') == 200
        assert '431[null,{"query":{"n":1},"route":{"room":"a"},"provider":"socketio"}]' in await polling.get()
        assert await polling.post('422["find","nope",{}]') == 200
        packets = await polling.get()
        assert any(
            packet.startswith('432[{"name":"NotFound","message":"Service \'nope\'') for packet in packets
        )


# Events


async def test_each_changing_method_has_its_event(url: str, socket: Wire) -> None:
    async with Wire.open(url) as other:
        record = await succeeds(socket, "create", "todos", {"text": "dishes"}, {})
        patched = await succeeds(socket, "patch", "todos", record["id"], {"done": True}, {})
        updated = await succeeds(socket, "update", "todos", record["id"], {"text": "laundry"}, {})
        removed = await succeeds(socket, "remove", "todos", record["id"], {})
        for wire in (other, socket):
            assert await wire.event("todos created") == [record]
            assert await wire.event("todos patched") == [patched]
            assert await wire.event("todos updated") == [updated]
            assert await wire.event("todos removed") == [removed]


async def test_calls_by_rest_are_heard_on_sockets(rest: httpx2.AsyncClient, socket: Wire) -> None:
    record = (await rest.post("/todos", json={"text": "by REST"})).json()
    assert await socket.event("todos created") == [record]
    await rest.delete(f"/todos/{record['id']}")
    assert await socket.event("todos removed") == [record]


async def test_a_list_is_one_event_an_item(socket: Wire) -> None:
    created = await succeeds(socket, "create", "todos", [{"text": "a"}, {"text": "b"}], {})
    assert [await socket.event("todos created") for _ in created] == [[one] for one in created]


@pytest.mark.parametrize("name", ADAPTERS)
async def test_every_adapter_has_events(socket: Wire, name: str) -> None:
    record = await succeeds(socket, "create", name, {"name": "Eve", "age": 5}, {})
    assert await socket.event(f"{name} created") == [record]
    await succeeds(socket, "remove", name, record["_id"], {})
    assert await socket.event(f"{name} removed") == [record]


async def test_an_event_carries_the_dispatch(socket: Wire) -> None:
    record = await succeeds(socket, "create", "todos", {"text": "secret", "dispatchOnly": True}, {})
    assert await socket.event("todos created") == [{"id": record["id"], "fromDispatch": True}]


async def test_a_custom_event_is_published(socket: Wire) -> None:
    await succeeds(socket, "create", "todos", {"text": "x", "emitLog": True}, {})
    (log,) = await socket.event("todos log")
    assert (log["message"], log["data"]["text"]) == ("Custom log event", "x")


async def test_what_changes_nothing_has_no_event(socket: Wire) -> None:
    record = await succeeds(socket, "create", "todos", {"text": "x"}, {})
    await socket.event("todos created")
    await succeeds(socket, "find", "todos", {})
    await succeeds(socket, "get", "todos", record["id"], {})
    await succeeds(socket, "customMethod", "todos", {"text": "x"}, {})
    await socket.call("get", "todos", record["id"], {"error": True})
    await socket.call("patch", "todos", "nope", {"a": 1}, {})
    assert [packet for packet in socket.packets if packet.startswith("42")] == []


async def test_passwords_are_in_no_event(socket: Wire) -> None:
    data = {"email": "events@users.example", "password": "secret"}
    record = await succeeds(socket, "create", "users", data, {})
    assert record["email"] == data["email"]
    assert "password" not in record
    assert await socket.event("users created") == [record]


async def test_the_authentication_service_publishes_nothing(socket: Wire) -> None:
    data = {"email": "quiet@users.example", "password": "secret"}
    await succeeds(socket, "create", "users", data, {})
    await socket.event("users created")
    await succeeds(socket, "create", "authentication", {"strategy": "local", **data}, {})
    await succeeds(socket, "find", "readonly", {})
    assert [packet for packet in socket.packets if packet.startswith("42")] == []
