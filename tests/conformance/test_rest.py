"""REST as Feathers' clients and its own tests expect it: paths, statuses, bodies, headers, queries."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx2
import pytest

Json = dict[str, Any]

JSON_TYPE: Final = "application/json; charset=utf-8"
NO_ID: Final = ("nope", "123456789", "0" * 24, "a%20b", "%C3%A9")
ADAPTERS: Final = ("people", "people-mongo", "people-beanie")


def error(name: str, code: int, message: str, **more: Any) -> Json:
    class_name = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
    return {"name": name, "message": message, "code": code, "className": class_name, **more}


async def todo(rest: httpx2.AsyncClient, **data: Any) -> Json:
    response = await rest.post("/todos", json={"text": "dishes", **data})
    created: Json = response.json()
    return created


# Verbs, paths and statuses


async def test_each_verb_is_a_method_with_its_status(rest: httpx2.AsyncClient) -> None:
    created = await rest.post("/todos", json={"text": "dishes", "done": False})
    assert (created.status_code, created.headers["content-type"]) == (201, JSON_TYPE)
    record = created.json()
    assert (record["text"], record["done"]) == ("dishes", False)
    path = f"/todos/{record['id']}"

    got = await rest.get(path)
    assert (got.status_code, got.json()) == (200, {**record, "query": {}})
    found = await rest.get("/todos")
    assert found.status_code == 200
    assert record in found.json()
    patched = await rest.patch(path, json={"done": True})
    assert (patched.status_code, patched.json()) == (200, {**record, "done": True})
    updated = await rest.put(path, json={"text": "laundry"})
    assert updated.status_code == 200
    assert updated.json() == {"_id": record["_id"], "id": record["id"], "text": "laundry"}
    removed = await rest.delete(path)
    assert (removed.status_code, removed.json()) == (200, updated.json())
    assert (await rest.get(path)).status_code == 404


async def test_many_are_created_patched_and_removed_without_an_id(rest: httpx2.AsyncClient) -> None:
    created = await rest.post("/todos", json=[{"text": "many a", "n": 1}, {"text": "many b", "n": 1}])
    assert created.status_code == 201
    assert [one["text"] for one in created.json()] == ["many a", "many b"]
    patched = await rest.patch("/todos?text[$in][]=many+a&text[$in][]=many+b", json={"n": 2})
    assert patched.status_code == 200
    assert [one["n"] for one in patched.json()] == [2, 2]
    removed = await rest.delete("/todos")
    assert (removed.status_code, removed.json()) == (200, {"id": None, "text": "deleted many"})


async def test_many_are_not_updated(rest: httpx2.AsyncClient) -> None:
    message = "You can not replace multiple instances. Did you mean 'patch'?"
    for path in (f"/{name}" for name in ADAPTERS):
        assert (await rest.put(path, json={"name": "x"})).json() == error("BadRequest", 400, message)


@pytest.mark.parametrize("name", ADAPTERS)
async def test_without_multi_many_are_refused(rest: httpx2.AsyncClient, name: str) -> None:
    for verb, method, data in (
        ("POST", "create", [{"name": "a"}]),
        ("PATCH", "patch", {"name": "a"}),
        ("DELETE", "remove", None),
    ):
        response = await rest.request(verb, f"/{name}", json=data)
        assert response.status_code == 405
        message = f"Can not {method} multiple entries"
        assert response.json() == error("MethodNotAllowed", 405, message)


async def test_the_id_of_a_create_is_ignored(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/todos/5000", json={"text": "x"})
    assert response.status_code == 201
    assert response.json()["id"] != 5000


async def test_an_empty_body_is_an_empty_object(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/todos")
    assert response.status_code == 201
    assert set(response.json()) == {"_id", "id"}


async def test_no_result_is_204_without_a_body(rest: httpx2.AsyncClient) -> None:
    record = await todo(rest)
    for verb, path in (("GET", "/readonly"), ("DELETE", f"/todos/{record['id']}?noContent=1")):
        response = await rest.request(verb, path)
        assert (response.status_code, response.content) == (204, b"")
        assert "content-type" not in response.headers


async def test_head_is_get_without_the_body(rest: httpx2.AsyncClient) -> None:
    for path, status in (("/todos", 200), ("/readonly", 204), ("/todos/nope", 404), ("/nope", 404)):
        got, head = await rest.get(path), await rest.head(path)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers.get("content-type") == got.headers.get("content-type")
        assert head.headers.get("content-length") == got.headers.get("content-length")


@pytest.mark.parametrize("path", ["/echo/a/things/", "//echo/a/things", "//echo//a/things"])
async def test_superfluous_slashes_are_tolerated(rest: httpx2.AsyncClient, path: str) -> None:
    response = await rest.get(f"{rest.base_url}{path}")
    assert response.json() == {"query": {}, "route": {"room": "a"}, "provider": "rest"}


@pytest.mark.parametrize(
    "path", ["/nope", "/Todos", "/todos/1/2", "/echo", "/echo/a", "/echo/a/things/1/2", "/"]
)
async def test_an_unknown_path_is_not_found(rest: httpx2.AsyncClient, path: str) -> None:
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        response = await rest.request(verb, path, headers={"Accept": "text/html"})
        assert (response.status_code, response.headers["content-type"]) == (404, JSON_TYPE)
        assert response.json() == error("NotFound", 404, f"Path {path} not found")


@pytest.mark.parametrize(
    ("path", "id", "room"),
    [
        ("/echo/a/things/5", "5", "a"),
        ("/echo/a%2Fb/things/c%2Fd", "c/d", "a/b"),
        ("/echo/%C3%A9/things/a%20b%3F%23", "a b?#", "é"),
        ("/echo/%252F/things/100%25", "100%", "%2F"),
        ("/echo/a+b/things/c+d", "c+d", "a+b"),
        ("/echo/things/things/things", "things", "things"),
    ],
)
async def test_ids_and_placeholders_are_decoded_text(
    rest: httpx2.AsyncClient, path: str, id: str, room: str
) -> None:
    response = await rest.get(f"{rest.base_url}{path}")
    assert response.json() == {"id": id, "query": {}, "route": {"room": room}}


# Methods


async def test_a_header_names_a_custom_method(rest: httpx2.AsyncClient) -> None:
    headers = {"X-Service-Method": "customMethod"}
    response = await rest.post("/todos", json={"message": "hi"}, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (200, JSON_TYPE)
    assert response.json() == {"data": {"message": "hi"}, "provider": "rest", "type": "customMethod"}


@pytest.mark.parametrize(
    "name",
    [
        *("internalMethod", "find", "get", "create", "update", "patch", "remove"),
        *("nope", "CUSTOMMETHOD", "hooks", "on", "setup", "__init__", "_find", "constructor"),
    ],
)
async def test_a_header_names_no_other_method(rest: httpx2.AsyncClient, name: str) -> None:
    response = await rest.post("/todos", json={}, headers={"X-Service-Method": name})
    assert response.status_code == 405
    message = f"Method `{name}` is not supported by this endpoint."
    assert response.json() == error("MethodNotAllowed", 405, message)


@pytest.mark.parametrize(
    ("verb", "path", "method"),
    [
        ("POST", "/readonly", "create"),
        ("PUT", "/readonly/1", "update"),
        ("PATCH", "/readonly/1", "patch"),
        ("DELETE", "/readonly/1", "remove"),
        ("DELETE", "/readonly", "remove"),
        ("GET", "/readonly/1", "get"),
        ("GET", "/authentication", "find"),
        ("PATCH", "/echo/a/things/1", "patch"),
    ],
)
async def test_a_missing_method_is_not_allowed(
    rest: httpx2.AsyncClient, verb: str, path: str, method: str
) -> None:
    response = await rest.request(verb, path)
    assert response.status_code == 405
    message = f"Method `{method}` is not supported by this endpoint."
    assert response.json() == error("MethodNotAllowed", 405, message)


async def test_a_405_says_what_is_allowed(rest: httpx2.AsyncClient) -> None:
    for path, allowed in (("/readonly", {"GET", "HEAD"}), ("/authentication", {"POST", "DELETE"})):
        response = await rest.patch(path, json={})
        assert set(response.headers["allow"].split(", ")) == allowed
    everything = await rest.request("PROPFIND", "/todos")
    assert set(everything.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("verb", ["PROPFIND", "OPTIONS", "LINK"])
async def test_an_unknown_verb_is_not_allowed(rest: httpx2.AsyncClient, verb: str) -> None:
    response = await rest.request(verb, "/todos")
    assert response.status_code == 405
    assert response.json() == error("MethodNotAllowed", 405, f"Method {verb} not allowed")


# The response


async def test_a_hook_chooses_status_and_headers(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/todos", json={"text": "x", "status": 206})
    assert (response.status_code, response.headers["x-foo"]) == (206, "bar")
    assert response.json()["text"] == "x"


async def test_a_location_is_a_303_with_the_body(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/todos", json={"text": "x", "location": "/some/where else/é"})
    assert (response.status_code, response.headers["location"]) == (303, "/some/where%20else/%C3%A9")
    assert response.json()["text"] == "x"
    chosen = await rest.post("/todos", json={"status": 201, "location": "/there"})
    assert (chosen.status_code, chosen.headers["location"]) == (201, "/there")


async def test_the_dispatch_is_sent_instead_of_the_result(rest: httpx2.AsyncClient) -> None:
    response = await rest.post("/todos", json={"text": "secret", "dispatchOnly": True})
    assert response.status_code == 201
    record = response.json()
    assert record == {"id": record["id"], "fromDispatch": True}
    assert (await rest.get(f"/todos/{record['id']}")).json()["text"] == "secret"


@pytest.mark.parametrize("accept", ["application/json", "text/html", "*/*"])
async def test_errors_are_json_whatever_is_accepted(rest: httpx2.AsyncClient, accept: str) -> None:
    record = await todo(rest)
    for query, expected in (
        ("error", error("GeneralError", 500, "Something went wrong")),
        ("feathersError=1", error("NotAcceptable", 406, "This is a Feathers error", data={"data": True})),
    ):
        response = await rest.get(f"/todos/{record['id']}?{query}", headers={"Accept": accept})
        assert (response.status_code, response.headers["content-type"]) == (expected["code"], JSON_TYPE)
        assert response.json() == expected


# The body


async def test_a_form_is_read_with_nested_keys(rest: httpx2.AsyncClient) -> None:
    response = await rest.post(
        "/todos",
        content="text=do+it&tag[a]=1&list[]=x&list[]=y&sum=1%2B1",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert response.status_code == 201
    record = response.json()
    assert {name: record[name] for name in ("text", "tag", "list", "sum")} == {
        "text": "do it",
        "tag": {"a": "1"},
        "list": ["x", "y"],
        "sum": "1+1",
    }


@pytest.mark.parametrize("content", ["{", '{"a": 1', "nope", "{'a': 1}", '{"a": }'])
async def test_malformed_json_is_a_bad_request(rest: httpx2.AsyncClient, content: str) -> None:
    for verb, path in (("POST", "/todos"), ("PATCH", "/todos/1"), ("PUT", "/todos/1")):
        headers = {"Content-Type": "application/json"}
        response = await rest.request(verb, path, content=content, headers=headers)
        assert response.status_code == 400
        answered = response.json()
        assert (answered["name"], answered["code"], answered["className"]) == (
            ("BadRequest", 400, "bad-request")
        )


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/x+json"]
)
async def test_json_is_known_by_its_content_type(rest: httpx2.AsyncClient, kind: str) -> None:
    response = await rest.post("/todos", content='{"text": "é☃"}', headers={"Content-Type": kind})
    assert (response.status_code, response.json()["text"]) == (201, "é☃")


# Pages of other addresses


async def test_a_page_may_ask_first(rest: httpx2.AsyncClient) -> None:
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        response = await rest.options(
            "/todos",
            headers={
                "Origin": "https://page.example",
                "Access-Control-Request-Method": verb,
                "Access-Control-Request-Headers": "content-type, authorization, x-service-method, accept",
            },
        )
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["access-control-allow-origin"] in {"*", "https://page.example"}
        assert verb in response.headers["access-control-allow-methods"]
        allowed = response.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in ("content-type", "authorization", "x-service-method"))


async def test_a_page_may_read_answers_and_errors(rest: httpx2.AsyncClient) -> None:
    for path in ("/todos", "/todos/nope", "/nope"):
        response = await rest.get(path, headers={"Origin": "https://page.example"})
        assert response.headers["access-control-allow-origin"] in {"*", "https://page.example"}


async def test_where_any_page_may_call_every_answer_says_so(rest: httpx2.AsyncClient) -> None:
    for path in ("/todos", "/todos/nope", "/nope"):
        response = await rest.get(path)
        assert response.headers.get_list("access-control-allow-origin") == ["*"]


async def test_a_page_may_send_headers_of_its_own(rest: httpx2.AsyncClient) -> None:
    headers = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-own, traceparent",
    }
    response = await rest.options("/todos", headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-headers"] == "x-own, traceparent"


async def test_a_page_may_poll(rest: httpx2.AsyncClient) -> None:
    headers = {"Origin": "https://page.example"}
    response = await rest.get("/socket.io/?EIO=4&transport=polling", headers=headers)
    assert response.status_code == 200
    # Two headers, even of one value, are as good as none to a browser.
    (allowed,) = response.headers.get_list("access-control-allow-origin")
    assert allowed in {"*", "https://page.example"}


# Query strings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("w", {"w": ""}),
        ("a[b]=1&a[c][d]=2", {"a": {"b": "1", "c": {"d": "2"}}}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[]=1", {"a": ["1"]}),
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a[0]=1&a[1]=2", {"a": ["1", "2"]}),
        ("a[1]=2&a[0]=1", {"a": ["1", "2"]}),
        ("a[5]=x", {"a": ["x"]}),
        ("a[0]=1&a[b]=2", {"a": {"0": "1", "b": "2"}}),
        ("a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("%24in%5B0%5D=x", {"$in": ["x"]}),
        ("name%5B%24in%5D%5B0%5D=x&name%5B%24in%5D%5B1%5D=y", {"name": {"$in": ["x", "y"]}}),
        (
            "%24or%5B0%5D%5Ba%5D=1&%24or%5B1%5D%5Bb%5D%5B%24gt%5D=2",
            {"$or": [{"a": "1"}, {"b": {"$gt": "2"}}]},
        ),
        ("q=a+b%20c%2Bd", {"q": "a b c+d"}),
        ("a.b=1", {"a.b": "1"}),
        ("a=b=c", {"a": "b=c"}),
        ("é=%C3%BC", {"é": "ü"}),
        ("n=1&t=true&z=null", {"n": "1", "t": "true", "z": "null"}),
        ("a[b][c][d][e][f][g]=1", {"a": {"b": {"c": {"d": {"e": {"f": {"[g]": "1"}}}}}}}),
        ("__proto__[x]=1&a[__proto__][x]=1&b=2", {"b": "2"}),
        ("at=2026-01-02T03%3A04%3A05.678Z", {"at": "2026-01-02T03:04:05.678Z"}),
        ("&&a=1&", {"a": "1"}),
    ],
)
async def test_a_query_string_is_read_as_qs_does(rest: httpx2.AsyncClient, text: str, expected: Json) -> None:
    response = await rest.get(f"{rest.base_url}/echo/a/things?{text}")
    assert response.json()["query"] == expected


async def test_long_lists_stay_lists(rest: httpx2.AsyncClient) -> None:
    numbers = [str(number) for number in range(300)]
    for pattern in ("a[]={}", "a[{}]={}", "a={}"):
        text = "&".join(pattern.format(*(number for _ in range(pattern.count("{}")))) for number in numbers)
        assert (await rest.get(f"/echo/a/things?{text}")).json()["query"] == {"a": numbers}


async def test_the_query_is_known_to_every_method(rest: httpx2.AsyncClient) -> None:
    record = await todo(rest)
    assert (await rest.get(f"/todos/{record['id']}?a[b]=1")).json()["query"] == {"a": {"b": "1"}}
    assert (await rest.get("/echo/a/things/5?x=1")).json()["query"] == {"x": "1"}
