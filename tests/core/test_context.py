from __future__ import annotations

from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.context import UNSET, Connection, HookContext, Http, Params, Unset
from stonechat.core.service import Service


class Things:
    async def find(self, params: Params) -> list[Any]:
        return []

    async def create(self, data: Any, params: Params) -> Any:
        return data

    async def update(self, id: Any, data: Any, params: Params) -> Any:
        return data

    async def patch(self, id: Any, data: Any, params: Params) -> Any:
        return data

    async def remove(self, id: Any, params: Params) -> Any:
        return {}


@pytest.fixture
def service() -> Service:
    return Application().use("things", Things()).service("things")


def test_unset_is_falsy_but_not_none() -> None:
    assert not UNSET
    assert UNSET is Unset.UNSET


@pytest.mark.parametrize(
    ("method", "event"),
    [
        ("find", None),
        ("get", None),
        ("create", "created"),
        ("update", "updated"),
        ("patch", "patched"),
        ("remove", "removed"),
        ("archive", None),
    ],
)
def test_each_method_has_its_event(service: Service, method: str, event: str | None) -> None:
    assert HookContext(service, method).event == event


@pytest.mark.parametrize("name", ["app", "service", "path", "method", "arguments"])
def test_what_a_call_is_cannot_be_changed(service: Service, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(HookContext(service, "find"), name, "other")


def test_a_new_context_has_neither_result_nor_dispatch(service: Service) -> None:
    context = HookContext(service, "create", data={"a": 1})
    assert context.result is UNSET
    assert context.dispatch is UNSET
    assert (context.type, context.path, context.app) == ("around", "things", service.app)
    assert context.params == {}


def test_params_stay_params_whatever_mapping_is_put_there(service: Service) -> None:
    context = HookContext(service, "find", params={"query": {"a": 1}})
    assert context.params.query == {"a": 1}
    context.params = {"provider": "rest"}
    assert context.params.provider == "rest"


def test_the_same_params_are_passed_on(service: Service) -> None:
    params = Params(provider="rest")
    assert HookContext(service, "find", params=params).params is params


def test_http_is_made_at_the_first_asking(service: Service) -> None:
    context = HookContext(service, "find")
    assert not context.has_http
    context.http.status = 202
    assert context.has_http
    assert context.http.status == 202


def test_http_can_be_set_whole(service: Service) -> None:
    context = HookContext(service, "find")
    context.http = {"status": 202, "headers": {"X-A": "1"}, "location": "/x"}
    assert (context.http.status, context.http.headers, context.http.location) == (202, {"X-A": "1"}, "/x")
    context.http = Http(status=201)
    assert (context.http.status, context.http.headers) == (201, {})


def test_the_status_has_an_older_name(service: Service) -> None:
    context = HookContext(service, "create")
    assert context.status_code is None
    assert not context.has_http
    context.status_code = 202
    assert (context.http.status, context.status_code) == (202, 202)


@pytest.mark.parametrize(
    ("dispatch", "outcome"), [(UNSET, {"a": 1}), (None, None), ({"b": 2}, {"b": 2}), ({}, {})]
)
def test_clients_get_the_dispatch_if_one_was_set_be_it_none(
    service: Service, dispatch: Any, outcome: Any
) -> None:
    context = HookContext(service, "create")
    context.result = {"a": 1}
    context.dispatch = dispatch
    assert context.outcome == outcome


def test_without_a_result_clients_get_none(service: Service) -> None:
    assert HookContext(service, "create").outcome is None


def test_a_snapshot_does_not_follow_the_context(service: Service) -> None:
    context = HookContext(service, "create", data=1)
    copy = context.snapshot()
    context.type = "error"
    context.data = 2
    assert (copy.type, copy.data, copy.path) == ("around", 1, "things")


def test_to_json_has_a_result_only_if_one_is_set(service: Service) -> None:
    context = HookContext(service, "patch", id=1, data={"a": 1}, params=Params(query={}))
    expected: dict[str, Any] = {
        "path": "things",
        "method": "patch",
        "type": "around",
        "id": 1,
        "data": {"a": 1},
        "params": {"query": {}},
        "event": "patched",
    }
    assert context.to_json() == expected
    context.result = None
    assert context.to_json() == {**expected, "result": None}


def test_params_of_own_code_have_empty_defaults() -> None:
    params = Params()
    assert (params.provider, params.user, params.authentication, params.connection) == (None,) * 4
    assert (params.headers, params.route, params.authenticated) == ({}, {}, False)
    assert params == {}


def test_a_query_made_at_the_first_use_is_kept() -> None:
    params = Params()
    params.query["a"] = 1
    assert params == {"query": {"a": 1}}
    params.query = {"b": 2}
    assert params["query"] == {"b": 2}


def test_keys_and_attributes_are_the_same() -> None:
    connection = Connection(id="x")
    params = Params(
        provider="rest", user={"_id": 1}, headers={"a": "b"}, route={"c": "d"}, connection=connection
    )
    assert (params.provider, params.user, params.headers) == ("rest", {"_id": 1}, {"a": "b"})
    assert (params.route, params.connection) == ({"c": "d"}, connection)


def test_every_other_key_is_an_attribute_too() -> None:
    params = Params(tenant="hill")
    params.locale = "de"
    assert (params.tenant, params["locale"]) == ("hill", "de")
    assert not hasattr(params, "other")
    with pytest.raises(AttributeError, match="params have no 'other'"):
        _ = params.other


def test_what_is_set_on_a_connection_is_in_its_keys() -> None:
    connection = Connection(id="x")
    connection.school = "hill"
    assert Params(connection)["school"] == "hill"


def test_internal_params_are_a_copy_without_provider_and_query() -> None:
    params = Params(provider="rest", query={"a": 1}, user={"_id": 1})
    assert params.internal(paginate=False) == {"user": {"_id": 1}, "paginate": False}
    assert isinstance(params.internal(), Params)
    assert params.provider == "rest"


def test_internal_params_can_carry_a_query() -> None:
    assert Params(query={"a": 1}).internal(query={"b": 2}) == {"query": {"b": 2}}


def test_connections_are_equal_by_identity_only() -> None:
    one, other = Connection(id="x"), Connection(id="x")
    assert one == one  # noqa: PLR0124
    assert one != other
    assert one != {"id": "x"}
    assert len({one, other, one}) == 2


def test_a_connection_stays_itself_when_it_changes() -> None:
    connection = Connection(id="x", provider="socketio")
    members = {connection}
    connection["user"] = {"_id": 1}
    assert connection in members
    assert (connection.id, connection.provider, connection.user) == ("x", "socketio", {"_id": 1})
