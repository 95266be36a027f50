from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest, FeathersError, MethodNotAllowed
from stonechat.core.testing import serving
from stonechat.core.transports.rest import rest
from stonechat.core.transports.web import FileRoute, web

PAGE = "https://school.example"
MAX_BODY = 1_000


class Echo:
    """Answers with the name of the method and what it got."""

    async def find(self, params: Params) -> Any:
        return answer("find", params)

    async def get(self, id: Any, params: Params) -> Any:
        return answer("get", params, id=id)

    async def create(self, data: Any, params: Params) -> Any:
        return answer("create", params, data=data)

    async def update(self, id: Any, data: Any, params: Params) -> Any:
        return answer("update", params, id=id, data=data)

    async def patch(self, id: Any, data: Any, params: Params) -> Any:
        return answer("patch", params, id=id, data=data)

    async def remove(self, id: Any, params: Params) -> Any:
        return answer("remove", params, id=id)

    async def archive(self, data: Any, params: Params) -> Any:
        return answer("archive", params, data=data)

    async def hidden(self, data: Any, params: Params) -> Any:
        return answer("hidden", params, data=data)


class Reader:
    async def find(self, params: Params) -> Any:
        return None


def answer(method: str, params: Params, **more: Any) -> dict[str, Any]:
    return {"method": method, "query": params.query, "route": params.route, **more}


class Site:
    """An application that is served to all tests here, and the context of the last call."""

    def __init__(self, folder: Path) -> None:
        methods = ["find", "get", "create", "update", "patch", "remove", "archive"]
        self.last: HookContext | None = None
        self.app = Application()
        self.app.configure(rest(origins=[PAGE], max_body=MAX_BODY))
        self.app.use("echo", Echo(), methods=methods)
        self.app.use("reader", Reader())
        self.app.use("users/:userId/notes", Echo(), route_params={"kind": "note"})
        self.app.hooks({"before": [self.remember]})
        web(self.app).routes.append(Route("/plain/{kind}", plain))
        web(self.app).files.append(FileRoute(folder, {"X-Folder": "files"}))

    def remember(self, context: HookContext) -> None:
        self.last = context

    def hooked(self, hook: Callable[[HookContext], None]) -> str:
        """The path of another echo, with a hook before its methods."""
        path = f"/hooked-{len(self.app.services)}"
        self.app.use(path, Echo()).service(path).hooks({"before": [hook]})
        return path


async def plain(request: Request) -> Response:
    kind = request.path_params["kind"]
    if kind == "broken":
        raise RuntimeError("password=hunter2")
    if kind == "feathers":
        raise BadRequest("no", {"a": 1})
    if kind.isdecimal():
        raise HTTPException(int(kind), "too hot", {"Retry-After": "5"})
    return PlainTextResponse("plain")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("files")
    (folder / "index.html").write_text("<p>home</p>")
    (folder / "style.css").write_text("p {}")
    return Site(folder)


@pytest.fixture(scope="module")
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(site.app) as url, httpx2.AsyncClient(base_url=url) as client:
        yield client


def error(name: str, code: int, message: str, **more: Any) -> dict[str, Any]:
    class_name = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
    return {"name": name, "message": message, "code": code, "className": class_name, **more}


INTERNAL = error("GeneralError", 500, "Internal server error")


@pytest.mark.parametrize(
    ("verb", "path", "status", "expected"),
    [
        ("GET", "/echo", 200, {"method": "find"}),
        ("GET", "/echo/5", 200, {"method": "get", "id": "5"}),
        ("POST", "/echo", 201, {"method": "create", "data": {"a": 1}}),
        ("POST", "/echo/5", 201, {"method": "create", "data": {"a": 1}}),
        ("PUT", "/echo/5", 200, {"method": "update", "id": "5", "data": {"a": 1}}),
        ("PUT", "/echo", 200, {"method": "update", "id": None, "data": {"a": 1}}),
        ("PATCH", "/echo/5", 200, {"method": "patch", "id": "5", "data": {"a": 1}}),
        ("PATCH", "/echo", 200, {"method": "patch", "id": None, "data": {"a": 1}}),
        ("DELETE", "/echo/5", 200, {"method": "remove", "id": "5"}),
        ("DELETE", "/echo", 200, {"method": "remove", "id": None}),
    ],
)
async def test_verbs_and_paths_are_methods(
    client: httpx2.AsyncClient, verb: str, path: str, status: int, expected: dict[str, Any]
) -> None:
    response = await client.request(verb, path, json={"a": 1} if "data" in expected else None)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"query": {}, "route": {}, **expected}


async def test_an_id_behind_a_path_that_is_posted_to_is_ignored(
    site: Site, client: httpx2.AsyncClient
) -> None:
    await client.post("/echo/5", json={})
    assert site.last is not None
    assert site.last.id is None


async def test_head_is_get_without_the_body(client: httpx2.AsyncClient) -> None:
    for path in ("/echo", "/echo/5", "/nope", "/style.css"):
        whole, head = await client.get(path), await client.head(path)
        assert head.content == b""
        assert head.status_code == whole.status_code
        assert head.headers["content-length"] == str(len(whole.content))
        assert head.headers["content-type"] == whole.headers["content-type"]


async def test_a_custom_method_is_named_by_a_header(client: httpx2.AsyncClient) -> None:
    response = await client.post("/echo", json=[1], headers={"X-Service-Method": "archive"})
    assert response.status_code == 200
    assert response.json() == {"method": "archive", "data": [1], "query": {}, "route": {}}


@pytest.mark.parametrize("name", ["hidden", "find", "create", "remove", "nope", "on", "__init__"])
async def test_other_methods_cannot_be_named(client: httpx2.AsyncClient, name: str) -> None:
    response = await client.post("/echo", json={}, headers={"X-Service-Method": name})
    assert response.status_code == 405
    message = f"Method `{name}` is not supported by this endpoint."
    assert response.json() == error("MethodNotAllowed", 405, message)


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
async def test_the_header_counts_for_post_only(client: httpx2.AsyncClient, verb: str) -> None:
    response = await client.request(verb, "/echo/5", headers={"X-Service-Method": "archive"})
    assert response.json()["method"] in {"get", "update", "remove"}


@pytest.mark.parametrize(
    ("verb", "path", "method"),
    [
        ("POST", "/reader", "create"),
        ("GET", "/reader/5", "get"),
        ("PUT", "/reader/5", "update"),
        ("PATCH", "/reader", "patch"),
        ("DELETE", "/reader/5", "remove"),
    ],
)
async def test_a_method_that_is_not_there_is_not_allowed(
    client: httpx2.AsyncClient, verb: str, path: str, method: str
) -> None:
    response = await client.request(verb, path)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    message = f"Method `{method}` is not supported by this endpoint."
    assert response.json() == error("MethodNotAllowed", 405, message)


@pytest.mark.parametrize("verb", ["OPTIONS", "TRACE", "PROPFIND"])
async def test_an_unknown_verb_is_not_allowed(client: httpx2.AsyncClient, verb: str) -> None:
    response = await client.request(verb, "/echo")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE"
    assert response.json() == error("MethodNotAllowed", 405, f"Method {verb} not allowed")


async def test_custom_methods_allow_post(site: Site, client: httpx2.AsyncClient) -> None:
    site.app.use("archive", Echo(), methods=["archive"])
    response = await client.get("/archive")
    assert response.headers["allow"] == "POST"


async def test_methods_of_own_code_that_are_not_allowed_say_what_is(
    site: Site, client: httpx2.AsyncClient
) -> None:
    def refuse(context: HookContext) -> None:
        raise MethodNotAllowed("Can not remove multiple entries")

    response = await client.delete(site.hooked(refuse))
    assert response.json()["message"] == "Can not remove multiple entries"
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize("path", ["/nope", "/nope/5", "/Echo", "/echo/5/6", "/users/5"])
@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_an_unknown_path_is_not_found(client: httpx2.AsyncClient, verb: str, path: str) -> None:
    response = await client.request(verb, path)
    assert response.status_code == 404
    assert response.json() == error("NotFound", 404, f"Path {path} not found")


@pytest.mark.parametrize("path", ["/echo/", "//echo", "/echo?"])
async def test_extra_slashes_are_tolerated(client: httpx2.AsyncClient, path: str) -> None:
    url = str(client.base_url).rstrip("/") + path
    assert (await client.get(url)).json()["method"] == "find"


@pytest.mark.parametrize(
    ("path", "id"),
    [("a%2Fb", "a/b"), ("a%20b", "a b"), ("%C3%A9", "é"), ("a+b", "a+b"), ("%25", "%"), ("%3F", "?")],
)
async def test_ids_are_decoded(client: httpx2.AsyncClient, path: str, id: str) -> None:
    assert (await client.get(f"/echo/{path}")).json()["id"] == id


async def test_placeholders_are_in_the_route(client: httpx2.AsyncClient) -> None:
    body = (await client.get("/users/a%2Fb/notes/5?x=1")).json()
    assert body == {
        "method": "get",
        "id": "5",
        "query": {"x": "1"},
        "route": {"kind": "note", "userId": "a/b"},
    }


async def test_a_longer_path_goes_before_the_id_of_a_shorter_one(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.app.use("echo/reader", Reader())
    assert (await client.get("/echo/reader")).status_code == 204
    assert (await client.get("/echo/other")).json()["id"] == "other"
    await site.app.unuse("echo/reader")
    assert (await client.get("/echo/reader")).json()["id"] == "reader"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a[b]=1", {"a": {"b": "1"}}),
        ("name[$in][]=x&name[$in][]=y", {"name": {"$in": ["x", "y"]}}),
        ("%24limit=5&q=a+b%20c", {"$limit": "5", "q": "a b c"}),
        ("w&e=", {"w": "", "e": ""}),
        ("é=ü", {"é": "ü"}),
    ],
)
async def test_the_query_reaches_the_service(
    client: httpx2.AsyncClient, query: str, expected: dict[str, Any]
) -> None:
    assert (await client.get(f"/echo?{query}")).json()["query"] == expected


async def test_too_many_parameters_are_a_bad_request(client: httpx2.AsyncClient) -> None:
    response = await client.get("/echo?" + "&".join(["a"] * 2001))
    assert response.status_code == 400
    assert response.json()["name"] == "BadRequest"


async def test_the_service_learns_who_calls(site: Site, client: httpx2.AsyncClient) -> None:
    await client.get("/echo", headers={"X-Own": "1", "ACCEPT": "text/html"})
    assert site.last is not None
    params = site.last.params
    assert params.provider == "rest"
    assert (params.headers["x-own"], params.headers["accept"]) == ("1", "text/html")
    assert params["address"] == "127.0.0.1"
    assert params.user is None


async def test_a_client_sets_no_other_params(site: Site, client: httpx2.AsyncClient) -> None:
    await client.post("/echo?provider=&user[_id]=1&authenticated=true", json={"params": {"user": 1}})
    assert site.last is not None
    assert set(site.last.params) == {"query", "provider", "headers", "route", "address"}


async def test_a_form_is_read_like_a_query(client: httpx2.AsyncClient) -> None:
    content = {"name": "Ada L", "tags[]": ["x", "y"], "at[b]": "1"}
    response = await client.post("/echo", data=content)
    assert response.json()["data"] == {"name": "Ada L", "tags": ["x", "y"], "at": {"b": "1"}}


async def test_without_a_body_the_data_is_an_empty_object(client: httpx2.AsyncClient) -> None:
    for verb in ("POST", "PUT", "PATCH"):
        assert (await client.request(verb, "/echo")).json()["data"] == {}


@pytest.mark.parametrize("content", [b"{", b"nope", b'{"a": 1', b"\xff"])
async def test_malformed_json_is_a_bad_request(client: httpx2.AsyncClient, content: bytes) -> None:
    response = await client.post("/echo", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["name"] == "BadRequest"
    assert response.json()["message"].startswith("The body is not valid JSON")


@pytest.mark.parametrize("content", [None, 5, "text", True])
async def test_data_of_a_standard_method_is_an_object_or_a_list(
    client: httpx2.AsyncClient, content: object
) -> None:
    response = await client.post("/echo", content=json.dumps(content))
    assert response.status_code == 400
    assert (await client.post("/echo", json=[{"a": 1}])).json()["data"] == [{"a": 1}]


async def test_a_body_that_is_too_large_is_refused_by_its_declared_length(client: httpx2.AsyncClient) -> None:
    response = await client.post("/echo", json={"a": "x" * MAX_BODY})
    assert response.status_code == 413
    message = f"The body exceeds {MAX_BODY} bytes"
    assert response.json() == error("PayloadTooLarge", 413, message, data={"limit": MAX_BODY})
    assert (await client.get("/echo")).status_code == 200


async def test_a_body_that_is_too_large_is_refused_while_it_comes_in(client: httpx2.AsyncClient) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(5):
            yield b"x" * (MAX_BODY // 4)

    response = await client.post("/echo", content=chunks())
    assert response.status_code == 413
    assert (await client.get("/echo")).status_code == 200


async def test_no_result_is_204_without_a_body(client: httpx2.AsyncClient) -> None:
    response = await client.get("/reader")
    assert response.status_code == 204
    assert response.content == b""
    assert "content-length" not in response.headers
    assert "content-type" not in response.headers


def setting(**http: Any) -> Callable[[HookContext], None]:
    def hook(context: HookContext) -> None:
        context.http = http

    return hook


@pytest.mark.parametrize(
    ("http", "status", "location"),
    [
        ({"status": 202}, 202, None),
        ({"location": "/echo/ö 1"}, 303, "/echo/%C3%B6%201"),
        ({"location": "https://x.example/a%20b?c=[d]#e"}, 303, "https://x.example/a%20b?c=[d]#e"),
        ({"location": "/x", "status": 201}, 201, "/x"),
        ({"headers": {"Location": "/x"}}, 303, "/x"),
        ({"headers": {"location": "/x"}}, 303, "/x"),
        ({"headers": {"X-A": "1"}}, 201, None),
        ({"location": "/a\r\nX-Evil: 1"}, 303, "/a%0D%0AX-Evil:%201"),
    ],
)
async def test_hooks_choose_status_and_location(
    site: Site, client: httpx2.AsyncClient, http: dict[str, Any], status: int, location: str | None
) -> None:
    response = await client.post(site.hooked(setting(**http)), json={})
    assert response.status_code == status
    assert response.headers.get("location") == location
    assert response.json()["method"] == "create"
    assert "x-evil" not in response.headers


async def test_a_list_of_values_repeats_a_header(site: Site, client: httpx2.AsyncClient) -> None:
    hook = setting(headers={"Set-Cookie": ["a=1", "b=2"], "X-One": "é"})
    response = await client.get(site.hooked(hook))
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (b"x-one", "é".encode("latin-1")) in [
        (name.lower(), value) for name, value in response.headers.raw
    ]


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "☃"])
async def test_a_header_that_cannot_be_sent_is_an_error(
    site: Site, client: httpx2.AsyncClient, value: str
) -> None:
    response = await client.get(site.hooked(setting(headers={"X-A": value})))
    assert response.json() == INTERNAL
    assert "x-evil" not in response.headers


async def test_a_header_may_be_a_number(site: Site, client: httpx2.AsyncClient) -> None:
    response = await client.get(site.hooked(setting(headers={"X-Left": 5, "X-Each": [1, "b"]})))
    assert response.headers["x-left"] == "5"
    assert response.headers.get_list("x-each") == ["1", "b"]


async def test_the_headers_of_the_body_are_not_for_a_hook_to_choose(
    site: Site, client: httpx2.AsyncClient
) -> None:
    hook = setting(headers={"Content-Type": "text/csv", "content-length": "3", "X-A": "1"})
    response = await client.get(site.hooked(hook))
    assert response.headers.get_list("content-type") == ["application/json; charset=utf-8"]
    assert response.headers.get_list("content-length") == [str(len(response.content))]
    assert (response.headers["x-a"], response.json()["method"]) == ("1", "find")


@pytest.mark.parametrize("status", [200, 201, 303])
async def test_a_chosen_status_with_a_body_has_one_for_nothing_too(
    site: Site, client: httpx2.AsyncClient, status: int
) -> None:
    def hook(context: HookContext) -> None:
        context.http = {"status": status}
        context.result = None

    response = await client.get(site.hooked(hook))
    assert (response.status_code, response.content) == (status, b"null")
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("status", [204, 205, 304])
async def test_a_status_without_a_body_has_none(site: Site, client: httpx2.AsyncClient, status: int) -> None:
    response = await client.get(site.hooked(setting(status=status)))
    assert (response.status_code, response.content) == (status, b"")
    assert (await client.get("/reader")).status_code == 204


@pytest.mark.parametrize(
    ("dispatch", "status", "content"), [({"a": 1}, 201, b'{"a":1}'), (None, 204, b""), ([], 201, b"[]")]
)
async def test_the_dispatch_is_sent_instead_of_the_result(
    site: Site, client: httpx2.AsyncClient, dispatch: Any, status: int, content: bytes
) -> None:
    def hook(context: HookContext) -> None:
        context.dispatch = dispatch

    response = await client.post(site.hooked(hook), json={})
    assert (response.status_code, response.content) == (status, content)


def raising(failure: Exception) -> Callable[[HookContext], None]:
    def hook(context: HookContext) -> None:
        raise failure

    return hook


async def test_an_error_is_sent_with_its_data(site: Site, client: httpx2.AsyncClient) -> None:
    hook = raising(BadRequest("bad", {"a": 1, "errors": {"name": "missing"}}))
    response = await client.get(site.hooked(hook))
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == error("BadRequest", 400, "bad", data={"a": 1}, errors={"name": "missing"})


async def test_an_error_is_json_for_whoever_prefers_html(client: httpx2.AsyncClient) -> None:
    response = await client.get("/nope", headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert response.json()["name"] == "NotFound"


async def test_an_own_error_keeps_its_code(site: Site, client: httpx2.AsyncClient) -> None:
    class OutOfChalk(FeathersError, code=418):
        pass

    response = await client.get(site.hooked(raising(OutOfChalk("none left"))))
    assert response.status_code == 418
    assert response.json() == error("OutOfChalk", 418, "none left")


@pytest.mark.parametrize(
    "failure", [RuntimeError("password=hunter2"), KeyError("secret"), BadRequest("x", {"a": object()})]
)
async def test_any_other_exception_is_logged_and_shows_nothing(
    site: Site, client: httpx2.AsyncClient, failure: Exception
) -> None:
    with capture_logs() as logs:
        response = await client.get(site.hooked(raising(failure)))
    assert response.status_code == 500
    assert response.json() == INTERNAL
    assert "call failed" in [entry["event"] for entry in logs]


async def test_a_result_that_cannot_be_encoded_is_an_error(site: Site, client: httpx2.AsyncClient) -> None:
    def hook(context: HookContext) -> None:
        context.dispatch = object()

    assert (await client.get(site.hooked(hook))).json() == INTERNAL


async def test_a_page_of_an_allowed_origin_may_ask_and_call(client: httpx2.AsyncClient) -> None:
    headers = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "content-type, authorization, x-service-method, x-own",
    }
    granted = await client.options("/echo/5", headers=headers)
    assert granted.status_code == 204
    assert granted.headers["access-control-allow-origin"] == PAGE
    assert "PATCH" in granted.headers["access-control-allow-methods"]
    assert "x-own" in granted.headers["access-control-allow-headers"]
    assert "content-length" not in granted.headers
    called = await client.get("/echo", headers={"Origin": PAGE})
    assert called.headers["access-control-allow-origin"] == PAGE
    assert "origin" in called.headers["vary"].lower()


async def test_a_page_may_read_errors_too(client: httpx2.AsyncClient) -> None:
    for path in ("/nope", "/reader/5"):
        response = await client.get(path, headers={"Origin": PAGE})
        assert response.headers["access-control-allow-origin"] == PAGE


async def test_a_page_of_another_origin_may_not(client: httpx2.AsyncClient) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    refused = await client.options("/echo", headers=headers)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    called = await client.get("/echo", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in called.headers


async def test_every_answer_has_a_request_id(client: httpx2.AsyncClient) -> None:
    paths = ("/echo", "/nope", "/reader", "/style.css", "/plain/broken")
    ids = [(await client.get(path)).headers["x-request-id"] for path in paths]
    assert len(set(ids)) == len(paths)


@pytest.mark.parametrize(
    ("given", "kept"), [("job-17.a_b", True), ("a b", False), ("x" * 65, False), ("", False)]
)
async def test_a_plain_request_id_of_the_client_is_kept(
    client: httpx2.AsyncClient, given: str, kept: bool
) -> None:
    response = await client.get("/echo", headers={"X-Request-Id": given})
    assert (response.headers["x-request-id"] == given) is kept
    assert response.headers["x-request-id"]


async def test_each_request_is_logged_without_its_query(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="stonechat.core.transports.web")
    configured = structlog.get_config()
    structlog.reset_defaults()
    transport = httpx2.ASGITransport(app=site.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
        with capture_logs() as logs:
            await client.get("/echo?token=secret")
    structlog.configure(**configured)
    (entry,) = logs
    assert (entry["verb"], entry["path"], entry["status"]) == ("GET", "/echo", 200)


async def test_a_service_may_come_and_go_while_it_is_served(site: Site, client: httpx2.AsyncClient) -> None:
    assert (await client.get("/late")).status_code == 404
    site.app.use("late", Echo())
    assert (await client.get("/late")).status_code == 200
    await site.app.unuse("late")
    assert (await client.get("/late")).status_code == 404


async def test_files_are_behind_services_and_plain_routes(site: Site, client: httpx2.AsyncClient) -> None:
    home, style, route = [await client.get(path) for path in ("/", "/style.css", "/plain/x")]
    assert (home.text, style.text, route.text) == ("<p>home</p>", "p {}", "plain")
    assert style.headers["x-folder"] == "files"
    assert "x-folder" not in route.headers
    assert (await client.post("/style.css")).status_code == 404
    site.app.use("style.css", Echo())
    assert (await client.get("/style.css")).json()["method"] == "find"
    await site.app.unuse("style.css")


@pytest.mark.parametrize(
    "path", ["%00", "x" * 300, "..%2f..%2fetc%2fpasswd", "%2e%2e/secret", "a/../../x", "%ff"]
)
async def test_odd_file_names_are_not_found(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(f"{client.base_url}/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "status", "name", "message"),
    [
        ("404", 404, "NotFound", "Path /plain/404 not found"),
        ("401", 401, "NotAuthenticated", "too hot"),
        ("429", 429, "TooManyRequests", "too hot"),
        ("503", 503, "Unavailable", "too hot"),
        ("418", 500, "GeneralError", "too hot"),
    ],
)
async def test_errors_of_plain_routes_are_errors_of_feathers(
    client: httpx2.AsyncClient, kind: str, status: int, name: str, message: str
) -> None:
    response = await client.get(f"/plain/{kind}")
    assert response.status_code == status
    assert response.json() == error(name, status, message)
    assert response.headers["retry-after"] == "5"
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_plain_route_that_raises_shows_no_more_than_a_service(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/plain/broken")).json() == INTERNAL
    assert (await client.get("/plain/feathers")).json() == error("BadRequest", 400, "no", data={"a": 1})


async def test_a_websocket_to_an_unknown_path_is_refused(client: httpx2.AsyncClient) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert (await client.get("/echo", headers=headers)).status_code == 403
