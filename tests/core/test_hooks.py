from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, cast

import pytest

from stonechat.core.application import Application
from stonechat.core.context import UNSET, HookContext, Params
from stonechat.core.errors import BadRequest, Conflict, Forbidden
from stonechat.core.hooks import HookFunction, HookMap, Next

Hooks = dict[str, dict[str, list[HookFunction]]]

OUTWARDS = ["svc.after.all", "svc.after.create", "<svc.around.create", "<svc.around.all"]
LAST = ["app.after.all", "app.after.create", "<app.around.create", "<app.around.all", "event"]
ORDER = [
    *(">app.around.all", ">app.around.create", "app.before.all", "app.before.create"),
    *(">svc.around.all", ">svc.around.create", "svc.before.all", "svc.before.create"),
    "method",
    *OUTWARDS,
    *LAST,
]


class Notes:
    """Notes what happens in ``trace``; ``fails`` names the place that is to raise."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.app = Application()
        self.app.use("notes", self, methods=["find", "get", "create", "patch", "remove", "archive"])
        self.service = self.app.service("notes")
        self.service.on("created", self.heard)

    async def find(self, params: Params) -> list[Any]:
        return [{"query": params.query}]

    async def get(self, id: Any, params: Params) -> Any:
        return {"id": id}

    async def create(self, data: Any, params: Params) -> Any:
        self.at("method")
        return data

    async def patch(self, id: Any, data: Any, params: Params) -> Any:
        return {"id": id, **data}

    async def remove(self, id: Any, params: Params) -> Any:
        return {"id": id}

    def archive(self, data: Any, params: Params) -> Any:
        return {"archived": data}

    def heard(self, item: Any, context: HookContext) -> None:
        self.trace.append("event")

    def at(self, place: str) -> None:
        self.trace.append(place)
        if place in self.fails:
            raise self.fails[place]

    def everywhere(self) -> Notes:
        self.app.hooks(self.hooks("app"))
        self.service.hooks(self.hooks("svc"))
        return self

    def hooks(self, level: str) -> Hooks:
        return {
            "around": {name: [self.around(f"{level}.around.{name}")] for name in ("create", "all")},
            **{
                kind: {name: [self.note(f"{level}.{kind}.{name}")] for name in ("create", "all")}
                for kind in ("before", "after", "error")
            },
        }

    def around(self, place: str) -> HookFunction:
        async def hook(context: HookContext, next: Next) -> None:
            assert context.type == "around"
            self.at(f">{place}")
            try:
                await next()
            except Exception:
                self.trace.append(f"!{place}")
                raise
            assert context.type == "around"
            self.at(f"<{place}")

        return hook

    def note(self, place: str) -> HookFunction:
        async def hook(context: HookContext) -> None:
            assert context.type == place.split(".")[1]
            self.at(place)

        return hook


@pytest.fixture
def notes() -> Notes:
    return Notes()


async def test_hooks_run_in_the_order_of_feathers(notes: Notes) -> None:
    notes.everywhere()
    assert await notes.service.create({"text": "hi"}) == {"text": "hi"}
    assert notes.trace == ORDER


async def test_hooks_of_one_list_run_in_the_order_of_registration_after_the_method_too(notes: Notes) -> None:
    first: Hooks = {kind: {"create": [notes.note(f"1.{kind}")]} for kind in ("before", "after")}
    second: Hooks = {
        kind: {"create": [notes.note(f"2.{kind}"), notes.note(f"3.{kind}")]} for kind in ("before", "after")
    }
    notes.service.hooks(first).hooks(second)
    await notes.service.create({})
    assert notes.trace == [
        "1.before",
        "2.before",
        "3.before",
        "method",
        "1.after",
        "2.after",
        "3.after",
        "event",
    ]


async def test_around_hooks_of_one_list_nest_in_the_order_of_registration(notes: Notes) -> None:
    notes.service.hooks([notes.around("1"), notes.around("2")])
    await notes.service.create({})
    assert notes.trace == [">1", ">2", "method", "<2", "<1", "event"]


INNER_ERRORS = ["svc.error.create", "svc.error.all"]
APP_ERRORS = ["app.error.create", "app.error.all"]


@pytest.mark.parametrize(
    ("failing", "handlers"),
    [
        ("method", [*INNER_ERRORS, *APP_ERRORS]),
        ("svc.before.create", [*INNER_ERRORS, *APP_ERRORS]),
        ("svc.before.all", ["svc.error.all", *APP_ERRORS]),
        ("svc.after.all", [*INNER_ERRORS, *APP_ERRORS]),
        ("svc.after.create", [*INNER_ERRORS, *APP_ERRORS]),
        (">svc.around.create", APP_ERRORS),
        (">svc.around.all", APP_ERRORS),
        ("<svc.around.create", APP_ERRORS),
        ("<svc.around.all", APP_ERRORS),
        ("app.before.create", APP_ERRORS),
        ("app.before.all", ["app.error.all"]),
        ("app.after.all", APP_ERRORS),
        ("app.after.create", APP_ERRORS),
        (">app.around.all", []),
        (">app.around.create", []),
        ("<app.around.all", []),
        ("<app.around.create", []),
    ],
)
async def test_an_error_reaches_the_error_hooks_around_it_from_the_inside_out(
    notes: Notes, failing: str, handlers: list[str]
) -> None:
    notes.everywhere()
    notes.fails[failing] = error = Forbidden("no")
    with pytest.raises(Forbidden) as raised:
        await notes.service.create({})
    assert raised.value is error
    until = ORDER.index(failing) + 1
    assert notes.trace[:until] == ORDER[:until]
    rest = notes.trace[until:]
    assert [place for place in rest if ".error." in place] == handlers
    assert not set(rest) & set(ORDER)


async def test_around_hooks_see_the_error_between_the_error_hooks_of_service_and_application(
    notes: Notes,
) -> None:
    notes.everywhere()
    notes.fails["method"] = ValueError("broken")
    with pytest.raises(ValueError, match="broken"):
        await notes.service.create({})
    assert notes.trace[len(ORDER[: ORDER.index("method")]) + 1 :] == [
        *INNER_ERRORS,
        *("!svc.around.create", "!svc.around.all"),
        *APP_ERRORS,
        *("!app.around.create", "!app.around.all"),
    ]


async def test_an_error_hook_that_raises_replaces_the_error_and_ends_its_list(notes: Notes) -> None:
    def replace(context: HookContext) -> None:
        notes.trace.append("replace")
        raise Conflict("instead")

    seen: list[HookContext] = []
    notes.service.hooks({"error": {"create": [replace, notes.note("svc.error.create")]}})
    notes.service.hooks({"error": {"all": [seen.append]}})
    notes.fails["method"] = BadRequest("first")
    with pytest.raises(Conflict, match="instead"):
        await notes.service.create({})
    assert notes.trace == ["method", "replace"]
    assert isinstance(seen[0].error, Conflict)


async def test_replacing_the_context_error_changes_what_is_raised(notes: Notes) -> None:
    def replace(context: HookContext) -> None:
        context.error = Conflict("instead")

    notes.service.hooks({"error": [replace]})
    notes.fails["method"] = BadRequest("first")
    with pytest.raises(Conflict, match="instead"):
        await notes.service.create({})


async def test_an_error_hook_cannot_unset_the_error(notes: Notes) -> None:
    def forget(context: HookContext) -> None:
        context.error = None

    notes.service.hooks({"error": [forget]})
    notes.fails["method"] = BadRequest("first")
    with pytest.raises(BadRequest, match="first"):
        await notes.service.create({})


@pytest.mark.parametrize("failing", ["svc.before.create", "method", "svc.after.create"])
async def test_the_original_is_the_context_as_it_was_when_the_error_came(notes: Notes, failing: str) -> None:
    seen: list[tuple[str, Any, str, Any, BaseException | None]] = []

    def look(context: HookContext) -> None:
        original = context.original
        assert original is not None
        seen.append((context.type, context.result, original.type, original.result, context.error))

    notes.everywhere()
    notes.service.hooks({"error": {"create": [look]}})
    notes.app.hooks({"error": {"all": [look]}})
    notes.fails[failing] = error = BadRequest("no")
    with pytest.raises(BadRequest):
        await notes.service.create({"text": "hi"})
    types = {"svc.before.create": "before", "svc.after.create": "after", "method": "around"}
    result = {"text": "hi"} if failing == "svc.after.create" else UNSET
    assert seen == [("error", UNSET, types[failing], result, error)] * 2


async def test_a_replaced_error_keeps_the_first_original(notes: Notes) -> None:
    originals: list[HookContext | None] = []

    def look(context: HookContext) -> None:
        originals.append(context.original)

    def replace(context: HookContext) -> None:
        look(context)
        raise Conflict("instead")

    notes.service.hooks({"error": {"create": [replace]}})
    notes.service.hooks({"error": {"all": [look]}})
    notes.fails["method"] = BadRequest("first")
    with pytest.raises(Conflict):
        await notes.service.create({})
    first, second = originals
    assert first is second


@pytest.mark.parametrize("result", [{"rescued": True}, None, [], 0])
async def test_a_result_in_an_error_hook_swallows_the_error(notes: Notes, result: Any) -> None:
    def rescue(context: HookContext) -> None:
        context.result = result

    events: list[Any] = []

    def listen(item: Any, context: HookContext) -> None:
        events.append(item)

    notes.service.on("created", listen)
    notes.everywhere()
    notes.service.hooks({"error": {"all": [rescue]}})
    notes.fails["method"] = BadRequest("no")
    assert await notes.service.create({}) == result
    after = notes.trace[notes.trace.index("method") + 1 :]
    expected = [*INNER_ERRORS, "<svc.around.create", "<svc.around.all", *LAST[:-1]]
    assert [place for place in after if place != "event"] == expected
    assert events == ([] if result == [] else [result])


async def test_an_error_swallowed_by_the_method_hooks_does_not_reach_the_others(notes: Notes) -> None:
    def rescue(context: HookContext) -> dict[str, Any]:
        return {"result": "rescued"}

    notes.everywhere()
    notes.service.hooks({"error": {"create": [rescue]}})
    notes.fails["svc.before.create"] = BadRequest("no")
    assert await notes.service.create({}) == "rescued"
    assert "svc.error.create" in notes.trace
    assert "svc.error.all" not in notes.trace


async def test_an_error_after_a_swallowed_one_is_handled_anew(notes: Notes) -> None:
    originals: list[str] = []

    def rescue(context: HookContext) -> None:
        context.result = "rescued"

    def look(context: HookContext) -> None:
        assert context.original is not None
        originals.append(context.original.type)

    notes.service.hooks({"error": {"create": [rescue]}})
    notes.app.hooks({"after": {"all": [notes.note("app.after.all")]}, "error": {"all": [look]}})
    notes.fails.update({"method": BadRequest("first"), "app.after.all": Conflict("second")})
    with pytest.raises(Conflict, match="second"):
        await notes.service.create({})
    assert originals == ["after"]


async def test_next_may_be_called_once_only(notes: Notes) -> None:
    async def twice(context: HookContext, next: Next) -> None:
        await next()
        await next()

    notes.service.hooks([twice])
    with pytest.raises(RuntimeError, match=r"^next\(\) called multiple times$"):
        await notes.service.create({})
    assert notes.trace == ["method"]


async def test_next_may_be_called_again_by_the_next_call(notes: Notes) -> None:
    notes.service.hooks([notes.around("once")])
    await notes.service.create({})
    await notes.service.create({})
    assert notes.trace == [">once", "method", "<once", "event"] * 2


async def test_an_around_hook_that_does_not_go_on_skips_what_is_inside(notes: Notes) -> None:
    async def stop(context: HookContext, next: Next) -> None:
        context.result = "stopped"

    notes.service.hooks([stop])
    notes.service.hooks(notes.hooks("svc"))
    assert await notes.service.create({}) == "stopped"
    assert notes.trace == ["event"]


async def test_an_around_hook_may_catch_the_error(notes: Notes) -> None:
    async def rescue(context: HookContext, next: Next) -> None:
        try:
            await next()
        except BadRequest:
            context.result = "rescued"

    notes.service.hooks([rescue])
    notes.fails["method"] = BadRequest("no")
    assert await notes.service.create({}) == "rescued"


@pytest.mark.parametrize("early", [{"early": True}, None])
async def test_an_early_result_skips_the_method_only(notes: Notes, early: Any) -> None:
    def early_result(context: HookContext) -> None:
        context.result = early

    notes.app.hooks({"before": {"all": [early_result]}})
    notes.everywhere()
    assert await notes.service.create({}) == early
    assert notes.trace == [place for place in ORDER if place != "method"]


async def test_what_hooks_return_is_assigned_to_the_context(notes: Notes) -> None:
    seen: list[HookContext] = []

    async def change(context: HookContext) -> Mapping[str, Any]:
        return {"data": {"text": "changed"}, "params": {"query": {"a": 1}}, "note": "free"}

    notes.service.hooks({"before": [change]}).hooks({"after": [seen.append]})
    assert await notes.service.create({}) == {"text": "changed"}
    (context,) = seen
    assert isinstance(context.params, Params)
    assert context.params.query == {"a": 1}
    assert context.note == "free"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["before", "after", "error"])
async def test_returning_the_context_or_nothing_changes_nothing(notes: Notes, kind: str) -> None:
    def same(context: HookContext) -> HookContext:
        return context

    def nothing(context: HookContext) -> None:
        pass

    notes.service.hooks({kind: [same, nothing]})
    assert await notes.service.create({"text": "hi"}) == {"text": "hi"}


@pytest.mark.parametrize("returned", ["text", 5, [1]])
async def test_returning_anything_else_is_a_mistake_that_is_named(notes: Notes, returned: Any) -> None:
    def hook(context: HookContext) -> object:
        return returned

    notes.service.hooks({"before": [hook]})
    with pytest.raises(TypeError, match="a hook returns nothing, the context or a mapping"):
        await notes.service.create({})


async def test_what_around_hooks_return_is_ignored(notes: Notes) -> None:
    async def hook(context: HookContext, next: Next) -> dict[str, Any]:
        await next()
        return {"result": "ignored"}

    notes.service.hooks([hook])
    assert await notes.service.create("kept") == "kept"


async def test_hooks_may_be_plain_functions(notes: Notes) -> None:
    def before(context: HookContext) -> None:
        context.data = {"text": "changed"}

    def around(context: HookContext, next: Next) -> Awaitable[None]:
        return next()

    notes.service.hooks({"before": before}).hooks({"around": around})
    assert await notes.service.create({}) == {"text": "changed"}


async def test_callable_objects_that_answer_awaitables_are_hooks_too(notes: Notes) -> None:
    class Hook:
        def __call__(self, context: HookContext) -> Awaitable[None]:
            return self.change(context)

        async def change(self, context: HookContext) -> None:
            context.data = "changed"

    notes.service.hooks({"before": [Hook()]})
    assert await notes.service.create({}) == "changed"


def forms(hook: HookFunction) -> list[HookMap]:
    return [
        {"before": hook},
        {"before": [hook]},
        {"before": (hook,)},
        {"before": {"all": hook}},
        {"before": {"all": [hook]}},
        {"before": {"create": hook}},
        {"before": {"create": [hook]}, "after": {}},
    ]


@pytest.mark.parametrize("form", range(7))
@pytest.mark.parametrize("level", ["app", "service"])
async def test_every_form_of_registration(notes: Notes, form: int, level: str) -> None:
    target = notes.app if level == "app" else notes.service
    assert target.hooks(forms(notes.note("svc.before.create"))[form]) is target
    await notes.service.create({})
    assert notes.trace == ["svc.before.create", "method", "event"]


@pytest.mark.parametrize("form", ["list", "tuple", "by method", "all", "single"])
@pytest.mark.parametrize("level", ["app", "service"])
async def test_every_form_of_registration_of_around_hooks(notes: Notes, form: str, level: str) -> None:
    hook = notes.around("x")
    shapes: dict[str, HookMap] = {
        "list": [hook],
        "tuple": (hook,),
        "by method": {"create": [hook]},
        "all": {"all": [hook]},
        "single": {"create": hook},
    }
    (notes.app if level == "app" else notes.service).hooks(shapes[form])
    await notes.service.create({})
    assert notes.trace == [">x", "method", "<x", "event"]


def untyped(registration: object) -> HookMap:
    return cast("HookMap", registration)


@pytest.mark.parametrize(
    ("registration", "message"),
    [
        ({"before": [print], "during": [print]}, "'during' is not a valid hook type"),
        ({"during": {"all": [print]}}, "'during' is not a valid hook type"),
        ({"before": {"nope": [print]}}, "Method nope is not a Feathers hooks enabled service method"),
        ({"nope": [print]}, "Method nope is not a Feathers hooks enabled service method"),
        ({"before": {"update": [print]}}, "Method update is not a Feathers hooks enabled service method"),
    ],
)
def test_mistakes_in_a_registration_are_named(notes: Notes, registration: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        notes.service.hooks(untyped(registration))


@pytest.mark.parametrize(
    "registration", [{"before": [print], "during": [print]}, {"during": {"all": [print]}}]
)
def test_the_application_too_refuses_an_unknown_type(notes: Notes, registration: object) -> None:
    with pytest.raises(ValueError, match="'during' is not a valid hook type"):
        notes.app.hooks(untyped(registration))


async def test_application_hooks_of_a_method_run_for_every_service_that_has_it(notes: Notes) -> None:
    class Other:
        async def create(self, data: Any, params: Params) -> Any:
            return data

    notes.app.hooks({"before": {"create": [notes.note("app.before.create")]}})
    notes.app.use("others", Other())
    await notes.app.service("others").create({})
    await notes.service.create({})
    await notes.service.find()
    assert notes.trace == ["app.before.create", "app.before.create", "method", "event"]


async def test_hooks_added_later_run_from_the_next_call_on(notes: Notes) -> None:
    await notes.service.create({})
    notes.service.hooks({"before": [notes.note("svc.before.all")]})
    await notes.service.create({})
    notes.app.hooks({"before": [notes.note("app.before.all")]})
    await notes.service.create({})
    assert [place for place in notes.trace if place not in {"method", "event"}] == [
        "svc.before.all",
        "app.before.all",
        "svc.before.all",
    ]


async def test_custom_methods_have_hooks_and_no_event(notes: Notes) -> None:
    events: list[str | None] = []

    def look(context: HookContext) -> None:
        events.append(context.event)

    notes.service.hooks({"after": {"archive": [look]}})
    assert await notes.service.call("archive", {"id": 1}) == {"archived": {"id": 1}}
    assert await notes.service.archive({"id": 2}) == {"archived": {"id": 2}}
    assert events == [None, None]


async def test_a_free_attribute_lives_as_long_as_the_call(notes: Notes) -> None:
    seen: list[Any] = []

    def start(context: HookContext) -> None:
        assert not hasattr(context, "started")
        context.started = "now"  # type: ignore[attr-defined]

    def look(context: HookContext) -> None:
        seen.append(context.started)  # type: ignore[attr-defined]

    notes.app.hooks({"before": [start]})
    notes.service.hooks({"after": [look]})
    await notes.service.create({})
    await notes.service.create({})
    assert seen == ["now", "now"]


async def test_the_context_shows_the_arguments_of_the_method(notes: Notes) -> None:
    seen: list[tuple[Any, ...]] = []

    def look(context: HookContext) -> None:
        seen.append(context.arguments)

    notes.service.hooks({"before": [look]})
    params = Params(query={})
    await notes.service.find(params)
    await notes.service.get(3, params)
    await notes.service.create("x", params)
    await notes.service.patch(None, {}, params)
    await notes.service.remove(None, params)
    await notes.service.call("archive", "x", params)
    assert seen == [(params,), (3, params), ("x", params), (None, {}, params), (None, params), ("x", params)]
