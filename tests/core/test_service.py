from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import BadRequest
from stonechat.core.service import Service, create_context

Heard = list[tuple[str, Any]]


class Notes:
    """Every method answers with its name and arguments; ``batch`` is the result of the next call."""

    title = "notes"

    def __init__(self) -> None:
        self.batch: Any = None

    async def find(self, params: Params) -> Any:
        return self.batch or ["find", params]

    async def get(self, id: Any, params: Params) -> Any:
        return ["get", id, params]

    async def create(self, data: Any, params: Params) -> Any:
        return self.batch or {"create": data, "params": params}

    async def update(self, id: Any, data: Any, params: Params) -> Any:
        return {"update": id, "data": data, "params": params}

    async def patch(self, id: Any, data: Any, params: Params) -> Any:
        return self.batch or {"patch": id, "data": data, "params": params}

    async def remove(self, id: Any, params: Params) -> Any:
        return {"remove": id, "params": params}

    async def archive(self, data: Any, params: Params) -> Any:
        return {"archive": data, "params": params}

    def count(self) -> int:
        return 5


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def service(notes: Notes) -> Service:
    standard = ["find", "get", "create", "update", "patch", "remove"]
    return Application().use("notes", notes, methods=[*standard, "archive"], events=["log"]).service("notes")


@pytest.fixture
def heard(service: Service) -> Heard:
    heard: Heard = []

    def listen(event: str) -> None:
        def listener(item: Any, context: HookContext) -> None:
            assert context.service is service
            heard.append((event, item))

        service.on(event, listener)

    for event in ("created", "updated", "patched", "removed", "renamed", "log"):
        listen(event)
    return heard


async def test_methods_get_their_arguments_and_params_last(service: Service) -> None:
    params = Params(query={})
    assert await service.find(params) == ["find", params]
    assert await service.get(1, params) == ["get", 1, params]
    assert await service.create({"a": 1}, params) == {"create": {"a": 1}, "params": params}
    assert await service.update(1, {"a": 1}, params) == {"update": 1, "data": {"a": 1}, "params": params}
    assert await service.patch(None, {"a": 1}, params) == {"patch": None, "data": {"a": 1}, "params": params}
    assert await service.remove(None, params) == {"remove": None, "params": params}
    assert await service.call("archive", [1], params) == {"archive": [1], "params": params}


async def test_params_are_never_missing(service: Service) -> None:
    _, params = await service.find()
    assert isinstance(params, Params)
    _, _, params = await service.get(1)
    assert isinstance(params, Params)


async def test_each_method_that_writes_emits_its_event(service: Service, heard: Heard) -> None:
    await service.find()
    await service.get(1)
    created = await service.create({})
    updated = await service.update(1, {})
    patched = await service.patch(1, {})
    removed = await service.remove(1)
    await service.call("archive", {})
    assert heard == [("created", created), ("updated", updated), ("patched", patched), ("removed", removed)]


async def test_a_list_is_emitted_item_by_item(service: Service, notes: Notes, heard: Heard) -> None:
    notes.batch = [{"_id": 1}, {"_id": 2}]
    assert await service.create([{}, {}]) == notes.batch
    assert heard == [("created", {"_id": 1}), ("created", {"_id": 2})]


async def test_an_empty_list_is_no_event(service: Service, notes: Notes, heard: Heard) -> None:
    service.hooks({"after": [_set_result([])]})
    await service.patch(None, {})
    assert heard == []


async def test_the_event_comes_after_all_hooks_and_before_the_result(service: Service) -> None:
    trace: list[str] = []

    def after(context: HookContext) -> None:
        trace.append("after")

    def listener(item: Any, context: HookContext) -> None:
        trace.append("event")

    service.on("created", listener)
    service.app.hooks({"after": [after]})
    await service.create({})
    trace.append("result")
    assert trace == ["after", "event", "result"]


async def test_a_failed_call_emits_nothing(service: Service, heard: Heard) -> None:
    def fail(context: HookContext) -> None:
        raise BadRequest("no")

    service.hooks({"after": [fail]})
    with pytest.raises(BadRequest):
        await service.create({})
    assert heard == []


@pytest.mark.parametrize(
    ("event", "expected"), [(None, []), ("renamed", ["renamed"]), ("patched", ["patched"])]
)
async def test_the_event_can_be_suppressed_and_renamed(
    service: Service, heard: Heard, event: str | None, expected: list[str]
) -> None:
    def rename(context: HookContext) -> None:
        context.event = event

    service.hooks({"after": {"create": [rename]}})
    await service.create({})
    assert [name for name, _ in heard] == expected


async def test_a_custom_method_may_name_an_event(service: Service, heard: Heard) -> None:
    def name(context: HookContext) -> None:
        context.event = "patched"

    service.hooks({"before": {"archive": [name]}})
    result = await service.call("archive", {})
    assert heard == [("patched", result)]


async def test_an_event_that_the_service_declares_is_its_own_business(notes: Notes) -> None:
    service = Application().use("notes", notes, events=["created"]).service("notes")
    heard: list[Any] = []

    def listener(*arguments: Any) -> None:
        heard.extend(arguments)

    service.on("created", listener)
    await service.create({})
    assert heard == []
    service.emit("created", "by hand")
    assert heard == ["by hand"]


def _set_result(result: Any) -> Any:
    def hook(context: HookContext) -> None:
        context.result = result

    return hook


async def test_an_early_result_is_emitted_too(service: Service, heard: Heard) -> None:
    service.hooks({"before": [_set_result({"early": True})]})
    await service.create({})
    assert heard == [("created", {"early": True})]


async def test_running_a_context_answers_with_the_context(service: Service) -> None:
    context = HookContext(service, "get", id=1)
    assert await service.run(context) is context
    assert context.result[:2] == ["get", 1]


async def test_a_context_made_for_a_call_has_what_hooks_leave_in_it(service: Service) -> None:
    def leave(context: HookContext) -> None:
        context.http.status = 202
        context.dispatch = {"safe": True}

    service.hooks({"after": [leave]})
    context = create_context(service, "patch", id=1, data={"a": 1}, params=Params(query={}))
    assert (await service.run(context)).http.status == 202
    assert context.result == {"patch": 1, "data": {"a": 1}, "params": {"query": {}}}
    assert context.dispatch == {"safe": True}


def test_no_context_is_made_for_a_method_that_is_not_there(service: Service) -> None:
    with pytest.raises(ValueError, match=r"^Can not create context for method nope$"):
        create_context(service, "nope")


async def test_custom_methods_and_other_attributes_are_reached_through_the_service(service: Service) -> None:
    seen: list[str] = []

    def look(context: HookContext) -> None:
        seen.append(context.method)

    service.hooks({"before": [look]})
    result: Awaitable[Any] = service.archive({"a": 1})
    assert await result == {"archive": {"a": 1}, "params": {}}
    assert seen == ["archive"]
    assert (service.title, service.count()) == ("notes", 5)
    with pytest.raises(AttributeError):
        _ = service.nothing


async def test_a_method_that_is_not_there_cannot_be_called() -> None:
    class Reader:
        async def find(self, params: Params) -> list[Any]:
            return []

    service = Application().use("reader", Reader()).service("reader")
    with pytest.raises(AttributeError, match="service 'reader' has no method 'create'"):
        await service.create({})


async def test_a_method_that_is_not_listed_is_hidden_from_clients_but_keeps_its_hooks(notes: Notes) -> None:
    service = Application().use("notes", notes, methods=["find", "archive"]).service("notes")
    seen: list[str] = []

    def look(context: HookContext) -> None:
        seen.append(context.method)

    service.hooks({"before": {"all": [look]}})
    await service.create({})
    assert service.methods == ("find", "archive")
    assert seen == ["create"]


async def test_methods_may_be_plain_functions() -> None:
    class Plain:
        def get(self, id: Any, params: Params) -> Any:
            return {"_id": id}

    assert await Application().use("plain", Plain()).service("plain").get(1) == {"_id": 1}


def test_the_raw_object_is_left_alone(notes: Notes, service: Service) -> None:
    assert service.wrapped is notes
    assert not hasattr(notes, "hooks")
    assert not hasattr(notes, "emit")


@pytest.mark.parametrize(
    "name",
    [
        *("on", "once", "off", "emit", "emit_async", "has_listeners"),
        *("hooks", "setup", "teardown", "publish", "register_publisher", "call", "run"),
        *("all", "around", "before", "after", "error"),
        *("app", "path", "methods", "options", "_x", "__repr__"),
    ],
)
def test_some_names_are_not_allowed_for_custom_methods(name: str) -> None:
    class Odd:
        async def find(self, params: Params) -> Any: ...

    setattr(Odd, name, Odd.find)
    with pytest.raises(
        ValueError, match=rf"^'{name}' on service 'odd' is not allowed as a custom method name$"
    ):
        Application().use("odd", Odd(), methods=["find", name])


def test_a_listed_method_must_exist(notes: Notes) -> None:
    with pytest.raises(ValueError, match="service 'notes' lists the method 'nope' but does not have it"):
        Application().use("notes", notes, methods=["find", "nope"])


@pytest.mark.parametrize("thing", [object(), None, 5])
def test_an_object_without_methods_is_no_service(thing: object) -> None:
    with pytest.raises(ValueError, match=r"^Invalid service object passed for path `x`$"):
        Application().use("x", thing)


def test_an_object_with_only_setup_is_a_service() -> None:
    class Boot:
        async def setup(self, app: Application, path: str) -> None: ...

    assert Application().use("boot", Boot()).service("boot").methods == ()


def test_events_of_the_object_and_of_its_registration_are_known(notes: Notes) -> None:
    notes.events = ["log", "seen"]  # type: ignore[attr-defined]
    service = Application().use("notes", notes, events=["seen", "read"]).service("notes")
    assert service.custom_events == ("log", "seen", "read")
    assert service.events == ("created", "updated", "patched", "removed", "log", "seen", "read")


def test_the_events_that_are_published_can_be_listed_whole(notes: Notes) -> None:
    app = Application()
    service = app.use("notes", notes, events=["log"], service_events=["created", "seen"]).service("notes")
    assert service.events == ("created", "seen")
    assert service.publish("seen", lambda item, context: None) is service
    with pytest.raises(ValueError, match=r"^'removed' is not a valid service event$"):
        service.publish("removed", lambda item, context: None)


async def test_an_event_that_is_not_listed_is_still_told_to_listeners(notes: Notes) -> None:
    app = Application().use("notes", notes, service_events=["created"])
    heard: list[str] = []
    published: list[str] = []

    def publisher(item: Any, context: HookContext) -> None:
        published.append(context.method)

    def listener(item: Any, context: HookContext) -> None:
        heard.append(context.method)

    app.publish(publisher).service("notes").on("created", listener).on("removed", listener)
    await app.service("notes").create({})
    await app.service("notes").remove(1)
    assert heard == ["create", "remove"]
    assert published == ["create"]


def test_events_have_a_name_on_the_wire(notes: Notes) -> None:
    app = Application()
    app.use("notes", notes, wire_events={"created": "note"}).use("/", Notes())
    assert app.service("notes").wire_event("created") == "note"
    assert app.service("notes").wire_event("removed") == "notes removed"
    assert app.service("/").wire_event("created") == "/ created"


def test_free_options_are_kept(notes: Notes) -> None:
    service = Application().use("notes", notes, tenant=False).service("notes")
    assert service.options == {"tenant": False}
