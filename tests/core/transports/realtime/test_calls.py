from typing import Any

import aiohttp
import pytest

from stonechat.core.adapters.memory import MemoryService
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.encoding import decode
from stonechat.core.errors import Unprocessable
from stonechat.core.transports.realtime import Sockets
from tests.support.live import Demo
from tests.support.wire import Wire


class Late:
    async def whistle(self, data: Any, params: Params) -> Any:
        return {"heard": data}


async def refused(wire: Wire, *call: Any) -> tuple[str, str]:
    """Name and message of the error, which is the one argument of the acknowledgement."""
    (error,) = await wire.call(*call)
    return error["name"], error["message"]


async def test_a_result_is_acknowledged_after_null(demo: Demo) -> None:
    note: dict[str, Any] = {"text": "b", "more": 1, "_id": 0}
    async with Wire.open(demo.url) as wire:
        assert await wire.call("create", "notes", {"text": "a"}) == [None, {"text": "a", "_id": 0}]
        assert await wire.call("get", "notes", 0) == [None, {"text": "a", "_id": 0}]
        assert await wire.call("get", "notes", "0", {"$select": ["_id"]}) == [None, {"_id": 0}]
        assert await wire.call("update", "notes", 0, {"text": "b"}, {}) == [None, {"text": "b", "_id": 0}]
        assert await wire.call("patch", "notes", 0, {"more": 1}) == [None, note]
        page = {"total": 1, "limit": 2, "skip": 0, "data": [note]}
        assert await wire.call("find", "notes", {}) == [None, page]
        assert await wire.call("find", "notes") == [None, page]
        assert await wire.call("remove", "notes", 0, {}) == [None, note]


async def test_an_error_is_the_only_argument_of_its_acknowledgement(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        assert await wire.call("get", "echo", "taken") == [
            {
                "name": "Conflict",
                "message": "Taken",
                "code": 409,
                "className": "conflict",
                "data": {"by": "ada"},
                "errors": {"name": "is taken"},
            }
        ]


async def test_what_went_wrong_inside_is_not_told(demo: Demo) -> None:
    error = {
        "name": "GeneralError",
        "message": "Internal server error",
        "code": 500,
        "className": "general-error",
    }
    async with Wire.open(demo.url) as wire:
        assert await wire.call("get", "echo", "broken") == [error]
        assert await wire.call("get", "echo", "object") == [error]


async def test_errors_come_in_the_order_of_the_protocol(demo: Demo) -> None:
    many: list[Any] = [{}] * 9
    async with Wire.open(demo.url) as wire:
        assert await refused(wire, "find", 5, *many) == ("NotFound", "Invalid service path")
        assert await refused(wire, "find") == ("NotFound", "Invalid service path")
        assert await refused(wire, "find", "no/such", *many) == ("NotFound", "Service 'no/such' not found")
        not_allowed = ("MethodNotAllowed", "Method 'remove' not allowed on service 'echo'")
        assert await refused(wire, "remove", "echo", *many) == not_allowed
        too_many = ("BadRequest", "Too many arguments for 'find' method")
        assert await refused(wire, "find", "notes", *many) == too_many


@pytest.mark.parametrize(
    ("method", "most"), [("find", 1), ("get", 2), ("create", 2), ("update", 3), ("patch", 3), ("remove", 2)]
)
async def test_one_argument_more_than_a_method_takes_is_refused(demo: Demo, method: str, most: int) -> None:
    async with Wire.open(demo.url) as wire:
        too_many = ("BadRequest", f"Too many arguments for '{method}' method")
        assert await refused(wire, method, "notes", *([{}] * (most + 1))) == too_many
        (error, *_) = await wire.call(method, "notes", *([{}] * most))
        assert error is None or error["message"] != too_many[1]


async def test_an_event_that_no_service_has_is_refused_and_not_left_unanswered(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        cases: list[list[Any]] = [[], [{}], ["notes"], ["no/such"]]
        for arguments in cases:
            error = await refused(wire, "dance", *arguments)
            assert error[0] == "MethodNotAllowed", arguments


@pytest.mark.parametrize("method", ["secret", "__init__", "setup", "emit", "disconnect", "connect"])
async def test_what_a_service_does_not_expose_cannot_be_called(demo: Demo, method: str) -> None:
    async with Wire.open(demo.url) as wire:
        assert (await refused(wire, method, "echo", {}))[0] == "MethodNotAllowed"


async def test_custom_methods_take_data_and_a_query(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        assert await wire.call("wave", "echo", {"a": 1}, {"q": 1}) == [
            None,
            {"waved": {"a": 1}, "query": {"q": 1}},
        ]
        too_many = ("BadRequest", "Too many arguments for 'wave' method")
        assert await refused(wire, "wave", "echo", {}, {}, {}) == too_many


async def test_open_sockets_know_what_is_registered_later(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        assert (await refused(wire, "whistle", "late", {}))[0] == "MethodNotAllowed"
        demo.app.use("late", Late(), methods=["whistle"])
        assert await wire.call("whistle", "late", {"a": 1}) == [None, {"heard": {"a": 1}}]
        await demo.app.unuse("late")
        assert (await refused(wire, "whistle", "late", {}))[0] == "MethodNotAllowed"


async def test_placeholders_of_a_path_become_the_route(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        for path in ("users/7/echo", "/users/7/echo/"):
            (_, answer) = await wire.call("find", path, {"a": "1"})
            assert answer == {"query": {"a": "1"}, "route": {"userId": "7"}, "provider": "socketio"}


async def test_the_root_service_is_called_by_a_slash(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        assert await wire.call("create", "/", {"a": 1}) == [None, {"a": 1, "_id": 0}]
        assert await wire.call("get", "", 0) == [None, {"a": 1, "_id": 0}]


async def test_a_call_without_acknowledgement_is_done_all_the_same(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        await wire.emit("create", "notes", {"text": "a"})
        await wire.emit("create", "no/such", {"text": "a"})
        assert await wire.event("notes created") == [{"text": "a", "_id": 0}]


WRONG: list[list[Any]] = [
    ["get", "notes", {"$ne": None}],
    ["get", "notes", ["1"]],
    ["get", "notes", True],
    ["get", "notes", 1.5],
    ["get", "notes", None],
    ["get", "notes"],
    ["get", "notes", "1", "all"],
    ["get", "notes", "1", [1]],
    ["find", "notes", "all"],
    ["find", "notes", [{}]],
    ["find", "notes", 5],
    ["find", "notes", {"$where": "1"}],
    ["find", "notes", {"$sort": [1]}],
    ["find", "notes", {"$select": 5}],
    ["find", "notes", {"$or": {}}],
    ["create", "notes"],
    ["create", "notes", None],
    ["create", "notes", "text"],
    ["create", "notes", 5, {}],
    ["create", "notes", [1, 2]],
    ["create", "notes", {}, "query"],
    ["update", "notes", "1"],
    ["update", "notes", {"a": 1}, {}],
    ["patch", "notes", "1", None],
    ["patch", "notes", "1", "x"],
    ["remove", "notes"],
    ["remove", "notes", {}],
]


@pytest.mark.parametrize("call", WRONG)
async def test_arguments_of_a_wrong_shape_are_bad_requests_and_the_socket_lives(
    demo: Demo, call: list[Any]
) -> None:
    async with Wire.open(demo.url) as wire:
        (error,) = await wire.call(*call)
        assert (error["code"], error["className"]) == (400, "bad-request"), error
        assert (await wire.call("find", "notes"))[0] is None


async def test_an_id_of_a_wrong_shape_is_named_as_the_client_wrote_it(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        for wrong, text in (
            ({"$ne": None}, '{"$ne":null}'),
            ([True], "[true]"),
            (True, "true"),
            (1.5, "1.5"),
        ):
            assert (await wire.call("get", "notes", wrong))[0]["message"] == f"Invalid id '{text}'"


async def test_only_the_query_comes_from_the_client(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        query = {"provider": None, "user": {"role": "admin"}, "route": {"a": 1}}
        (_, answer) = await wire.call("find", "echo", query)
        assert answer == {"query": query, "route": {}, "provider": "socketio"}


async def test_a_dispatch_is_acknowledged_even_an_empty_one(demo: Demo) -> None:
    def hide(context: HookContext) -> None:
        context.dispatch = {}

    demo.app.service("echo").hooks({"after": {"get": [hide]}})
    async with Wire.open(demo.url) as wire:
        assert await wire.call("get", "echo", "1") == [None, {}]


async def test_values_read_the_same_on_both_transports(demo: Demo) -> None:
    expected = {"at": "2026-01-02T03:04:05.678Z", "id": "65f000000000000000000001"}
    headers = {"X-Service-Method": "values"}
    async with Wire.open(demo.url) as wire, aiohttp.ClientSession() as http:
        assert await wire.call("values", "echo", {}) == [None, expected]
        async with http.post(f"{demo.url}/echo", json={}, headers=headers) as answer:
            assert decode(await answer.read()) == expected


async def test_own_events_are_acknowledged_with_their_answer(demo: Demo) -> None:
    async def greet(connection: Connection, data: dict[str, Any]) -> dict[str, Any]:
        if "name" not in data:
            raise Unprocessable("Who?", {"errors": {"name": "is missing"}})
        return {"hello": data["name"], "socket": connection.id}

    async def fail(connection: Connection, data: dict[str, Any]) -> None:
        raise RuntimeError("the password is 1234")

    assert isinstance(demo.app.realtime, Sockets)
    demo.app.realtime.on("greet", greet)
    demo.app.realtime.on("fail", fail)
    async with Wire.open(demo.url, login=False) as wire:
        sid = await wire.connect()
        assert await wire.call("greet", {"name": "Ada"}) == [{"hello": "Ada", "socket": sid}]
        (refusal,) = await wire.call("greet", {})
        assert refusal["error"]["errors"] == {"name": "is missing"}
        (failure,) = await wire.call("fail", {})
        assert failure["error"]["message"] == "Internal server error"
        cases: list[list[Any]] = [[], ["x"], [None], [[1]], [{}, {}]]
        for wrong in cases:
            (shape,) = await wire.call("greet", *wrong)
            assert shape["error"]["className"] == "bad-request", wrong


@pytest.mark.parametrize("event", ["greet", "create", "find"])
async def test_an_event_has_one_handler(demo: Demo, event: str) -> None:
    async def greet(connection: Connection, data: Any) -> None: ...

    assert isinstance(demo.app.realtime, Sockets)
    if event == "greet":
        demo.app.realtime.on("greet", greet)
    with pytest.raises(ValueError, match=f"the event '{event}' is taken"):
        demo.app.realtime.on(event, greet)


async def test_a_service_may_be_added_with_its_events_while_sockets_are_open(demo: Demo) -> None:
    async with Wire.open(demo.url) as wire:
        demo.app.use("late", MemoryService())
        assert await wire.call("create", "late", {"a": 1}) == [None, {"a": 1, "_id": 0}]
        assert await wire.event("late created") == [{"a": 1, "_id": 0}]
