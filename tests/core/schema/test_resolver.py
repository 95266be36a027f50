import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from stonechat.core.context import UNSET
from stonechat.core.errors import BadRequest, Forbidden
from stonechat.core.schema import Resolver, ResolverStatus, resolve, virtual

ADA = {"first": "Ada", "last": "Lovelace", "age": 36}


async def failure(resolver: Resolver, obj: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as raised:
        await resolver.resolve(obj)
    assert raised.value.message == "Error resolving data"
    return raised.value


async def test_a_function_gets_value_object_context_and_status() -> None:
    context, seen = object(), list[Any]()

    def note(value: Any, obj: Any, context: Any, status: Any) -> Any:
        seen.append((value, obj, context))
        assert isinstance(status, ResolverStatus)
        assert status.path == ("age",)
        return value

    assert await resolve({"age": note}).resolve(ADA, context) == ADA
    assert seen == [(36, ADA, context)]


async def test_functions_may_be_sync_or_async_and_other_fields_stay() -> None:
    async def shout(value: str, obj: Any, context: Any, status: Any) -> str:
        return value.upper()

    resolver = resolve({"first": lambda value, obj, context, status: value[0], "last": shout})
    assert await resolver.resolve(ADA) == {"first": "A", "last": "LOVELACE", "age": 36}
    assert ADA["first"] == "Ada"


async def test_unset_removes_a_field_and_none_is_a_value() -> None:
    resolver = resolve(
        {"first": lambda value, obj, context, status: UNSET, "last": lambda value, obj, context, status: None}
    )
    assert await resolver.resolve(ADA) == {"last": None, "age": 36}


async def test_the_value_of_a_field_that_is_not_there_is_unset() -> None:
    resolver = resolve({"email": lambda value, obj, context, status: value and value.lower()})
    assert await resolver.resolve(ADA) == ADA
    assert await resolver.resolve({"email": "A@B"}) == {"email": "a@b"}
    assert await resolver.resolve({"email": None}) == {"email": None}


async def test_a_virtual_field_is_computed_from_the_others() -> None:
    resolver = resolve(
        {
            "name": virtual(lambda obj, context, status: f"{obj['first']} {obj['last']}"),
            "first": lambda value, obj, context, status: UNSET,
        }
    )
    assert resolver.virtual_names == {"name"}
    assert await resolver.resolve(ADA) == {"last": "Lovelace", "age": 36, "name": "Ada Lovelace"}


async def test_all_fields_of_all_records_are_resolved_at_once() -> None:
    together = asyncio.Barrier(6)

    async def meet(value: Any, obj: Any, context: Any, status: Any) -> int:
        await together.wait()
        return len(value)

    resolver = resolve({"first": meet, "last": meet})
    async with asyncio.timeout(5):
        resolved = await resolver.resolve_each([ADA, {**ADA, "first": "A"}, ADA])
    assert [(one["first"], one["last"]) for one in resolved] == [(3, 8), (1, 8), (3, 8)]


async def test_every_failure_is_collected_by_field() -> None:
    def refuse(value: Any, obj: Any, context: Any, status: Any) -> None:
        raise ValueError(f"not {value}")

    async def forbid(value: Any, obj: Any, context: Any, status: Any) -> None:
        raise Forbidden("Not yours", {"field": "age"})

    error = await failure(
        resolve({"first": refuse, "last": lambda value, obj, context, status: value, "age": forbid}), ADA
    )
    assert error.data == {
        "first": {"message": "not Ada"},
        "age": {
            "name": "Forbidden",
            "message": "Not yours",
            "code": 403,
            "className": "forbidden",
            "data": {"field": "age"},
        },
    }


async def test_a_fault_of_the_program_is_logged_besides() -> None:
    with capture_logs() as logs:
        error = await failure(resolve({"first": lambda value, obj, context, status: value / 2}), ADA)
        await failure(resolve({"first": lambda value, obj, context, status: int(value)}), ADA)
    assert list(error.data or ()) == ["first"]
    assert [(entry["event"], entry["exc_info"].__class__) for entry in logs] == [
        ("resolver failed", TypeError)
    ]


async def test_a_converter_makes_the_object_that_the_functions_begin_with() -> None:
    async def convert(obj: Any, context: Any, status: Any) -> dict[str, Any]:
        return {"first": obj["name"], "of": context}

    resolver = resolve({"first": lambda value, obj, context, status: (value, obj["of"])}, converter=convert)
    assert await resolver.resolve({"name": "Ada"}, "context") == {
        "first": ("Ada", "context"),
        "of": "context",
    }


async def test_what_a_converter_raises_is_raised() -> None:
    def convert(obj: Any, context: Any, status: Any) -> Any:
        raise Forbidden("Not yours")

    with pytest.raises(Forbidden):
        await resolve({}, converter=convert).resolve(ADA)


async def test_only_the_wanted_properties_are_resolved() -> None:
    called: list[str] = []

    def note(value: Any, obj: Any, context: Any, status: ResolverStatus) -> Any:
        called.append(status.path[-1])
        return value

    status = ResolverStatus(properties=("first", "gone", "home.city"))
    resolver = resolve({"first": note, "last": note})
    home = {"city": "York", "number": 4}
    assert await resolver.resolve({**ADA, "home": home}, None, status) == {"first": "Ada", "home": home}
    assert called == ["first"]


async def test_a_field_that_leads_back_to_itself_is_left_out() -> None:
    async def again(value: Any, obj: Any, context: Any, status: ResolverStatus) -> Any:
        return await resolver.resolve(obj, context, status)

    resolver = resolve({"self": again})
    async with asyncio.timeout(5):
        assert await resolver.resolve({"a": 1}) == {"a": 1, "self": {"a": 1}}


async def test_a_cancelled_function_cancels_the_call() -> None:
    async def give_up(value: Any, obj: Any, context: Any, status: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await resolve({"first": give_up}).resolve(ADA)
