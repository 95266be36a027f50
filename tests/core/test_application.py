from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

import stonechat
from stonechat.core.application import Application, LifecycleContext
from stonechat.core.channels import Channel
from stonechat.core.context import Connection, HookContext, Params
from stonechat.core.hooks import Next
from stonechat.core.service import Service
from stonechat.core.transports.rest import rest


class Echo:
    """Answers with its name; notes its setup and teardown in ``trace``."""

    def __init__(self, name: str = "echo", trace: list[str] | None = None) -> None:
        self.name = name
        self.trace: list[str] = [] if trace is None else trace

    async def find(self, params: Params) -> Any:
        return self.name

    async def create(self, data: Any, params: Params) -> Any:
        return data

    async def archive(self, data: Any, params: Params) -> Any:
        return f"archived by {self.name}"

    async def setup(self, app: Application, path: str) -> None:
        await asyncio.sleep(0)
        self.trace.append(f"setup {path}")

    async def teardown(self, app: Application, path: str) -> None:
        await asyncio.sleep(0)
        self.trace.append(f"teardown {path}")


class PlainSetup:
    def __init__(self, trace: list[str]) -> None:
        self.trace = trace

    def setup(self, app: Application, path: str) -> None:
        self.trace.append(f"setup {path}")


@pytest.fixture
def app() -> Application:
    return Application()


def test_settings_are_read_and_set() -> None:
    given = {"a": 1}
    app = Application(given)
    assert app.set("b", 2) is app
    assert (app.get("a"), app.get("b"), app.get("c")) == (1, 2, None)
    assert app.settings == {"a": 1, "b": 2}
    assert given == {"a": 1}


def test_configure_calls_at_once_with_the_application(app: Application) -> None:
    seen: list[Application] = []
    assert app.configure(seen.append) is app
    assert seen == [app]


@pytest.mark.parametrize("path", ["notes", "/notes", "notes/", "/notes/"])
def test_slashes_around_a_path_do_not_count(app: Application, path: str) -> None:
    assert app.use(path, Echo()) is app
    assert list(app.services) == ["notes"]
    assert app.service("notes") is app.service("/notes/")
    assert app.service("notes").path == "notes"


@pytest.mark.parametrize("path", ["", "/", "//"])
def test_the_root_has_a_path_too(app: Application, path: str) -> None:
    app.use(path, Echo())
    assert list(app.services) == ["/"]
    assert app.service("") is app.service("/")


@pytest.mark.parametrize("path", [5, None, ["notes"]])
def test_a_path_is_a_text(app: Application, path: object) -> None:
    with pytest.raises(TypeError) as raised:
        app.use(cast("str", path), Echo())
    assert str(raised.value) == f"'{path}' is not a valid service path."


def test_an_unknown_service_cannot_be_found(app: Application) -> None:
    with pytest.raises(LookupError, match=r"^Can not find service 'nope'$"):
        app.service("/nope/")


def test_the_version_is_that_of_the_package(app: Application) -> None:
    assert app.version == stonechat.__version__


class Inventive(Application):
    """Has a service wherever one is looked for, except in the cellar."""

    def default_service(self, path: str) -> Any:
        if path.startswith("cellar"):
            return super().default_service(path)
        return Echo(f"made for {path}")


async def test_a_service_can_be_made_for_a_path_that_has_none() -> None:
    app = Inventive()
    made = app.service("/attic/")
    assert await made.find() == "made for attic"
    assert app.service("attic") is made
    assert list(app.services) == ["attic"]


def test_no_service_is_made_where_the_application_refuses() -> None:
    app = Inventive()
    with pytest.raises(LookupError, match=r"^Can not find service 'cellar/door'$"):
        app.service("cellar/door")
    assert app.services == {}


async def test_a_service_that_is_torn_down_is_not_made_anew() -> None:
    app = Inventive()
    with pytest.raises(LookupError, match="Can not find service 'attic'"):
        await app.unuse("attic")
    assert app.services == {}


async def test_without_a_transport_a_path_can_be_given_to_another_service(app: Application) -> None:
    app.use("notes", Echo("first")).use("others", Echo())
    app.use("/notes", Echo("second"))
    assert await app.service("notes").find() == "second"
    assert list(app.services) == ["notes", "others"]
    match = app.lookup("notes/5")
    assert match is not None
    assert match.value is app.service("notes")


async def test_with_a_transport_a_path_can_be_taken_once_only(app: Application) -> None:
    app.configure(rest()).use("notes", Echo("first"))
    with pytest.raises(ValueError, match=r"^Path notes already exists$"):
        app.use("/notes", Echo("second"))
    assert await app.service("notes").find() == "first"
    await app.unuse("notes")
    app.use("/notes", Echo("second"))
    assert await app.service("notes").find() == "second"


async def test_a_service_that_is_no_longer_used_is_torn_down_and_its_path_is_free(app: Application) -> None:
    first = Echo("first")
    service = app.use("notes", first).service("notes")
    assert await app.unuse("/notes") is service
    assert first.trace == ["teardown notes"]
    assert app.services == {}
    assert app.route(["notes"]) is None
    app.use("notes", Echo("second"))
    assert await app.service("notes").find() == "second"


async def test_what_is_not_used_cannot_be_unused(app: Application) -> None:
    with pytest.raises(LookupError, match="Can not find service 'nope'"):
        await app.unuse("nope")


def test_mixins_see_every_service_registered_after_them(app: Application) -> None:
    seen: list[tuple[Service, str, Any]] = []

    def mixin(service: Service, path: str, options: Any) -> None:
        seen.append((service, path, options))

    app.use("before", Echo())
    app.mixins.append(mixin)
    app.use("/after", Echo(), tenant=False)
    assert seen == [(app.service("after"), "after", {"tenant": False})]


def test_a_mixin_that_refuses_keeps_the_service_out(app: Application) -> None:
    def mixin(service: Service, path: str, options: Any) -> None:
        raise ValueError("refused")

    app.mixins.append(mixin)
    with pytest.raises(ValueError, match="refused"):
        app.use("notes", Echo())
    assert app.services == {}
    assert app.route(["notes"]) is None


async def test_services_are_set_up_and_torn_down_one_after_the_other_in_the_order_of_registration(
    app: Application,
) -> None:
    trace: list[str] = []
    app.use("b", Echo(trace=trace)).use("a", PlainSetup(trace)).use("c", Echo(trace=trace))
    assert not app.is_set_up
    await app.setup()
    assert app.is_set_up
    assert trace == ["setup b", "setup a", "setup c"]
    trace.clear()
    await app.teardown()
    assert not app.is_set_up
    assert trace == ["teardown b", "teardown c"]


async def test_a_service_registered_after_the_set_up_is_set_up_at_once(app: Application) -> None:
    await app.setup()
    trace: list[str] = []
    app.use("late", PlainSetup(trace))
    assert trace == ["setup late"]


async def test_the_set_up_of_a_late_service_is_not_waited_for(app: Application) -> None:
    await app.setup()
    trace: list[str] = []
    app.use("late", Echo(trace=trace))
    assert trace == []
    await app.tasks.close()
    assert trace == ["setup late"]


async def test_a_service_may_register_another_while_it_is_set_up(app: Application) -> None:
    trace: list[str] = []

    class Parent:
        async def setup(self, app: Application, path: str) -> None:
            app.use("child", Echo(trace=trace))

    app.use("parent", Parent())
    await app.setup()
    await app.tasks.close()
    assert trace == ["setup child"]


async def test_a_failing_set_up_fails_the_whole(app: Application) -> None:
    class Broken:
        def setup(self, app: Application, path: str) -> None:
            raise RuntimeError("broken")

    trace: list[str] = []
    app.use("broken", Broken()).use("next", Echo(trace=trace))
    with pytest.raises(RuntimeError, match="broken"):
        await app.setup()
    assert trace == []


async def test_background_tasks_end_even_if_a_teardown_fails(app: Application) -> None:
    class Broken:
        def teardown(self, app: Application, path: str) -> None:
            raise RuntimeError("broken")

    app.use("broken", Broken())
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        done.set()

    _ = app.tasks.start(work())
    with pytest.raises(RuntimeError, match="broken"):
        await app.teardown()
    assert done.is_set()


async def test_hooks_around_set_up_and_teardown(app: Application) -> None:
    trace: list[str] = []

    async def hook(context: LifecycleContext, next: Next) -> None:
        assert context.app is app
        trace.append(f">{context.method}")
        await next()
        trace.append(f"<{context.method}")

    app.use("notes", Echo(trace=trace))
    app.hooks({"setup": [hook, hook], "teardown": [hook]})
    await app.setup()
    await app.teardown()
    assert trace == [
        *(">setup", ">setup", "setup notes", "<setup", "<setup"),
        *(">teardown", "teardown notes", "<teardown"),
    ]


async def test_hooks_around_the_set_up_see_the_server(app: Application) -> None:
    seen: list[tuple[str, object]] = []

    async def hook(context: LifecycleContext, next: Next) -> None:
        seen.append((context.method, context.server))
        await next()

    server = object()
    app.hooks({"setup": [hook], "teardown": [hook]})
    await app.setup(server)
    await app.teardown()
    assert seen == [("setup", server), ("teardown", server)]


async def test_a_failing_hook_keeps_the_services_from_being_set_up(app: Application) -> None:
    async def fail(context: LifecycleContext, next: Next) -> None:
        raise RuntimeError("no database")

    trace: list[str] = []
    app.use("notes", Echo(trace=trace)).hooks({"setup": [fail]})
    with pytest.raises(RuntimeError, match="no database"):
        await app.setup()
    assert (trace, app.is_set_up) == ([], False)


async def test_hooks_of_all_methods_do_not_run_around_the_set_up(app: Application) -> None:
    async def hook(context: HookContext, next: Next) -> None:
        raise RuntimeError("not here")

    app.hooks([hook])
    await app.setup()
    assert app.is_set_up


async def test_a_hook_around_the_set_up_may_go_on_once_only(app: Application) -> None:
    trace: list[str] = []

    async def twice(context: LifecycleContext, next: Next) -> None:
        await next()
        await next()

    app.use("notes", Echo(trace=trace)).hooks({"setup": [twice]})
    with pytest.raises(RuntimeError, match=r"next\(\) called multiple times"):
        await app.setup()
    assert trace == ["setup notes"]


class Nested:
    """An application in another one, with hooks, options and a publisher of its own."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.inner = Application()
        self.inner.use(
            "notes",
            Echo("inner", self.trace),
            methods=["find", "archive"],
            events=["log"],
            wire_events={"created": "note"},
            route_params={"kind": "note"},
            tenant=False,
        )
        self.inner.hooks({"before": [self.note("inner app")]})
        self.inner.service("notes").hooks({"before": [self.note("inner service")]})
        self.outer = Application().use("/api/", self.inner)
        self.outer.hooks({"before": [self.note("outer app")]})

    def note(self, text: str) -> Any:
        def hook(context: HookContext) -> None:
            self.trace.append(f"{text} {context.path}")

        return hook


def test_the_services_of_an_application_can_be_used_under_a_path() -> None:
    nested = Nested()
    service = nested.outer.service("api/notes")
    assert list(nested.outer.services) == ["api/notes"]
    assert service.app is nested.outer
    assert service.methods == ("find", "archive")
    assert service.custom_events == ("log",)
    assert service.wire_event("created") == "note"
    assert service.route_params == {"kind": "note"}
    assert service.options == {"tenant": False}


async def test_the_hooks_of_an_application_in_another_still_run() -> None:
    nested = Nested()
    assert await nested.outer.service("api/notes").find() == "inner"
    expected = ["outer app api/notes", "inner app api/notes", "inner service api/notes"]
    assert nested.trace == expected
    nested.inner.service("notes").hooks({"before": [nested.note("later")]})
    nested.inner.hooks({"before": {"find": [nested.note("latest")]}})
    nested.outer.service("api/notes").hooks({"before": [nested.note("outer service")]})
    nested.trace.clear()
    await nested.outer.service("api/notes").find()
    assert nested.trace == [
        *expected[:2],
        *("latest api/notes", "inner service api/notes", "later api/notes", "outer service api/notes"),
    ]


async def test_the_publisher_of_an_application_in_another_still_chooses() -> None:
    nested = Nested()
    published: list[tuple[str, str]] = []

    def publisher(item: Any, context: HookContext) -> Channel:
        published.append((context.path, item))
        return Channel()

    nested.inner.service("notes").publish(publisher)
    await nested.outer.service("api/notes").create("item")
    assert published == [("api/notes", "item")]


async def test_the_publishers_of_the_inner_application_go_before_those_of_the_outer() -> None:
    nested = Nested()
    chosen: list[str] = []

    def choosing(name: str) -> Any:
        def publisher(item: Any, context: HookContext) -> None:
            chosen.append(name)

        return publisher

    nested.outer.publish("created", choosing("outer"))
    await nested.outer.service("api/notes").create("item")
    nested.inner.publish(choosing("inner"))
    await nested.outer.service("api/notes").create("item")
    assert chosen == ["outer", "inner"]


async def test_listeners_hear_of_a_shared_service_wherever_they_listen_and_it_is_called() -> None:
    nested = Nested()
    inner, outer = nested.inner.service("notes"), nested.outer.service("api/notes")
    heard: list[tuple[str, Any]] = []

    def listening(name: str) -> Any:
        def listener(item: Any, *_: Any) -> None:
            heard.append((name, item))

        return listener

    inner.on("created", listening("inner")).on("log", listening("inner"))
    outer.on("created", listening("outer"))
    await outer.create(1)
    await inner.create(2)
    outer.emit("log", 3)
    assert heard == [("inner", 1), ("outer", 1), ("inner", 2), ("outer", 2), ("inner", 3)]


async def test_what_happens_in_the_inner_application_is_published_by_the_outer() -> None:
    nested = Nested()
    member = Connection(id="a")
    delivered: list[tuple[str, Any]] = []

    def deliver(service: Service, event: str, payload: Any, connections: list[Connection]) -> None:
        assert connections == [member]
        delivered.append((service.path, payload))

    nested.outer.publish(lambda item, context: Channel([member])).on("publish", deliver)
    await nested.inner.service("notes").create("called inside")
    nested.inner.service("notes").emit("log", "emitted inside")
    assert delivered == [("api/notes", "called inside"), ("api/notes", "emitted inside")]


async def test_a_service_that_the_outer_application_unuses_is_published_there_no_more() -> None:
    nested = Nested()
    published: list[Any] = []

    def publisher(item: Any, context: HookContext) -> None:
        published.append(item)

    nested.outer.publish(publisher)
    await nested.outer.unuse("api/notes")
    assert await nested.inner.service("notes").create("item") == "item"
    nested.outer.use("api", nested.inner)
    await nested.inner.service("notes").create("again")
    nested.outer.use("api/notes", Echo())
    await nested.inner.service("notes").create("replaced")
    assert published == ["again"]


async def test_the_services_of_an_application_in_another_are_set_up_and_torn_down_with_it() -> None:
    nested = Nested()
    await nested.outer.setup()
    await nested.outer.teardown()
    assert nested.trace == ["setup api/notes", "teardown api/notes"]


async def test_applications_can_be_nested_deeper() -> None:
    nested = Nested()
    top = Application().use("v1", nested.outer)
    top.hooks({"before": [nested.note("top app")]})
    assert list(top.services) == ["v1/api/notes"]
    assert top.service("v1/api/notes").options == {"tenant": False}
    await top.setup()
    assert await top.service("v1/api/notes").find() == "inner"
    nested.inner.hooks({"before": {"find": [nested.note("later")]}})
    await top.service("v1/api/notes").find()
    hooks = ["top app", "outer app", "inner app", "inner service"]
    assert nested.trace == [
        "setup v1/api/notes",
        *(f"{hook} v1/api/notes" for hook in hooks),
        *(f"{hook} v1/api/notes" for hook in (*hooks[:3], "later", hooks[3])),
    ]


async def test_a_service_can_be_used_at_a_second_path_of_the_same_application(app: Application) -> None:
    seen: list[str] = []

    def look(context: HookContext) -> None:
        seen.append(context.path)

    app.use("notes", Echo(), methods=["find"]).hooks({"before": [look]})
    app.use("archive", app.service("notes"), methods=["find", "create"])
    app.service("notes").hooks({"before": [look]})
    await app.service("archive").find()
    assert seen == ["archive", "archive"]
    assert app.service("archive").methods == ("find", "create")


def test_the_root_of_an_application_is_at_its_path(app: Application) -> None:
    app.use("api", Application().use("/", Echo()))
    assert list(app.services) == ["api"]


LOOKUPS: list[tuple[str, tuple[str, str | None, dict[str, str]] | None]] = [
    ("notes", ("notes", None, {})),
    ("/notes/", ("notes", None, {})),
    ("notes/5", ("notes", "5", {})),
    ("users/5/notes", ("users/:userId/notes", None, {"userId": "5"})),
    ("users/:userId/notes", ("users/:userId/notes", None, {"userId": ":userId"})),
    ("nope", None),
    ("", None),
]


@pytest.mark.parametrize(("path", "found"), LOOKUPS)
def test_the_path_of_a_socket_call_leads_where_that_of_a_request_does(
    app: Application, path: str, found: object
) -> None:
    app.use("notes", Echo()).use("users/:userId/notes", Echo())
    match = app.lookup(path)
    assert (match and (match.value.path, match.id, match.route)) == found


def test_the_authentication_service_is_the_one_that_the_settings_name(app: Application) -> None:
    assert app.default_authentication() is None
    app.set("default_authentication", "login")
    assert app.default_authentication() is None
    app.use("login", Echo()).use("other", Echo())
    assert app.default_authentication() is app.service("login")
    assert app.default_authentication("other") is app.service("other")


async def test_an_application_without_a_transport_answers_nobody(app: Application) -> None:
    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: Any) -> None: ...

    with pytest.raises(RuntimeError, match="the application has no transport"):
        await app({"type": "http"}, receive, send)
