from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stonechat.core.application import Application
from stonechat.core.class_hooks import with_hooks
from stonechat.core.context import HookContext, Params
from stonechat.core.errors import Forbidden
from stonechat.core.hooks import HookFunction, Next
from stonechat.core.service import Service

trace: list[str] = []


def entering(name: str) -> HookFunction:
    async def hook(context: HookContext, next: Next) -> None:
        trace.append(name)
        await next()

    return hook


def noting(name: str) -> HookFunction:
    def hook(context: HookContext) -> None:
        trace.append(name)

    return hook


async def failing(context: HookContext, next: Next) -> None:
    raise Forbidden("no")


@with_hooks([entering("class")])
class Notes:
    async def find(self, params: Params) -> list[Any]:
        trace.append("find")
        return []

    @with_hooks([entering("get 1"), entering("get 2")])
    async def get(self, id: Any, params: Params) -> Any:
        trace.append("get")
        return {"_id": id}


@with_hooks([entering("subclass")])
class OwnNotes(Notes):
    @with_hooks([entering("own get")])
    async def get(self, id: Any, params: Params) -> Any:
        return await super().get(id, params)

    @with_hooks([entering("outer")])
    @with_hooks([entering("inner")])
    async def archive(self, data: Any, params: Params) -> Any:
        return data


def registered(service: object, **options: Any) -> Service:
    trace.clear()
    return Application().use("notes", service, **options).service("notes")


async def test_declared_hooks_run_between_those_of_the_application_and_the_service() -> None:
    service = registered(Notes())
    for name, target in (("app", service.app), ("service", service)):
        target.hooks({"around": [entering(f"{name} around")], "before": [noting(f"{name} before")]})
    await service.get(1)
    assert trace == [
        *("app around", "app before"),
        *("class", "get 1", "get 2"),
        *("service around", "service before"),
        "get",
    ]


async def test_the_errors_of_declared_hooks_are_for_the_application() -> None:
    class Guarded(Notes):
        @with_hooks([failing])
        async def find(self, params: Params) -> list[Any]:
            return []

    service = registered(Guarded())
    service.hooks({"error": [noting("service error")]}).app.hooks({"error": [noting("app error")]})
    with pytest.raises(Forbidden):
        await service.find()
    assert trace == ["class", "app error"]


async def test_hooks_of_one_method_do_not_run_for_another() -> None:
    await registered(Notes()).find()
    assert trace == ["class", "find"]


async def test_a_subclass_adds_to_what_its_base_declares() -> None:
    service = registered(OwnNotes(), methods=["find", "get", "archive"])
    await service.get(1)
    assert trace == ["class", "subclass", "get 1", "get 2", "own get", "get"]
    trace.clear()
    await service.find()
    assert trace == ["class", "subclass", "find"]


async def test_declarations_can_be_stacked_and_hold_for_custom_methods() -> None:
    service = registered(OwnNotes(), methods=["archive"])
    assert await service.call("archive", {"a": 1}) == {"a": 1}
    assert trace == ["class", "subclass", "outer", "inner"]


async def test_the_base_class_is_left_as_it_was() -> None:
    await registered(Notes()).get(1)
    assert trace == ["class", "get 1", "get 2", "get"]


async def test_functions_of_an_object_without_a_class_of_its_own_may_declare_hooks_too() -> None:
    @with_hooks([entering("find hook")])
    async def find(params: Params) -> str:
        return "found"

    assert await registered(SimpleNamespace(find=find)).find() == "found"
    assert trace == ["find hook"]


async def test_declared_hooks_are_not_lost_in_an_application_in_another() -> None:
    inner = registered(Notes()).app
    outer = Application().use("api", inner)
    await outer.service("api/notes").find()
    assert trace == ["class", "find"]


async def test_called_directly_the_method_has_no_hooks() -> None:
    trace.clear()
    assert await Notes().get(1, Params()) == {"_id": 1}
    assert trace == ["get"]
