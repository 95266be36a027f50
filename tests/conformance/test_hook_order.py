"""The order of hooks, as a caller sees it: what has run writes itself into the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import httpx2
import pytest

from stonechat.core.application import Application
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Conflict
from stonechat.core.hooks import HookFunction, HookMap, Next
from stonechat.core.testing import serving
from stonechat.core.transports.realtime import realtime
from stonechat.core.transports.rest import rest
from tests.support.wire import Wire

Call = Callable[[dict[str, Any]], Any]

BEFORE: Final = [
    *("app.around.all >", "app.around.create >", "app.before.all", "app.before.create"),
    *("service.around.all >", "service.around.create >", "service.before.all", "service.before.create"),
]
AFTER: Final = [
    *("service.after.all", "service.after.create", "< service.around.create", "< service.around.all"),
    *("app.after.all", "app.after.create", "< app.around.create", "< app.around.all"),
]
OUTSIDE: Final = ("app.error.create", "app.error.all", "! app.around.create", "! app.around.all")


class Trace:
    """Answers with the steps of its call so far, which later steps add to."""

    async def create(self, data: Any, params: Params) -> dict[str, Any]:
        step(params, data, "method")
        return {"steps": params["steps"]}


def step(params: Params, data: Any, name: str) -> None:
    """Raises Conflict, with the steps until then, where the data says that this step fails."""
    params.setdefault("steps", []).append(name)
    if data.get("fails") == name:
        raise Conflict(name, {"steps": params["steps"]})


def plain(name: str) -> HookFunction:
    async def hook(context: HookContext) -> None:
        step(context.params, context.data, name)
        if context.data.get("answers") == name:
            context.result = {"steps": context.params["steps"]}

    return hook


def around(name: str) -> HookFunction:
    async def hook(context: HookContext, next: Next) -> None:
        step(context.params, context.data, f"{name} >")
        try:
            await next()
        except Conflict:
            step(context.params, context.data, f"! {name}")
            raise
        step(context.params, context.data, f"< {name}")

    return hook


def heard(item: dict[str, Any], context: HookContext) -> None:
    item["steps"].append("event")


def every_hook(scope: str) -> HookMap:
    return {
        kind: {
            method: [(around if kind == "around" else plain)(f"{scope}.{kind}.{method}")]
            # Not in the order they run in: that is no matter of how they are written down.
            for method in ("create", "all")
        }
        for kind in ("error", "after", "before", "around")
    }


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    app = Application()
    app.configure(rest()).configure(realtime())
    app.use("trace", Trace())
    app.hooks(every_hook("app")).service("trace").hooks(every_hook("service"))
    app.service("trace").on("created", heard)
    async with serving(app) as address:
        yield address


@pytest.fixture(params=["rest", "socket"])
async def create(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Call]:
    """Calls the service; the steps, those of the error if it fails."""

    def steps(answer: dict[str, Any]) -> Any:
        return answer["data"]["steps"] if "className" in answer else answer["steps"]

    if request.param == "rest":
        async with httpx2.AsyncClient(base_url=url) as client:

            async def by_rest(data: dict[str, Any]) -> Any:
                return steps((await client.post("/trace", json=data)).json())

            yield by_rest
    else:
        async with Wire.open(url) as wire:

            async def by_socket(data: dict[str, Any]) -> Any:
                return steps((await wire.call("create", "trace", data, {}))[-1])

            yield by_socket


async def test_a_call_goes_inwards_and_back_out_and_then_there_is_the_event(create: Call) -> None:
    assert await create({}) == [*BEFORE, "method", *AFTER, "event"]


async def test_a_result_before_the_method_skips_only_the_method(create: Call) -> None:
    for name in ("service.before.create", "service.before.all", "app.before.all"):
        assert await create({"answers": name}) == [*BEFORE, *AFTER, "event"]


async def test_an_error_goes_out_through_the_error_hooks(create: Call) -> None:
    assert await create({"fails": "method"}) == [
        *BEFORE,
        "method",
        *("service.error.create", "service.error.all", "! service.around.create", "! service.around.all"),
        *OUTSIDE,
    ]


@pytest.mark.parametrize(
    ("fails", "then"),
    [
        (
            "service.before.all",
            ("service.error.all", "! service.around.create", "! service.around.all", *OUTSIDE),
        ),
        (
            "service.around.create >",
            ("! service.around.all", *OUTSIDE),
        ),
        ("app.before.all", ("app.error.all", "! app.around.create", "! app.around.all")),
        ("app.around.all >", ()),
    ],
)
async def test_a_block_catches_only_what_happens_inside_it(
    create: Call, fails: str, then: tuple[str, ...]
) -> None:
    assert await create({"fails": fails}) == [*BEFORE[: BEFORE.index(fails) + 1], *then]


async def test_a_result_in_an_error_hook_ends_the_error(create: Call) -> None:
    steps = await create({"fails": "method", "answers": "service.error.create"})
    assert steps[len(BEFORE) + 1] == "service.error.create"
    assert "service.after.all" not in steps
    assert steps[-5:] == [*AFTER[4:], "event"]
