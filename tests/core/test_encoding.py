from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from bson import Decimal128, ObjectId
from hypothesis import given, strategies as st

from stonechat.core.context import Params
from stonechat.core.encoding import decode, encode, jsonable

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC), '"2026-01-02T03:04:05.678Z"'),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '"2026-01-02T03:04:05.000Z"'),
        (datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2))), '"2026-01-02T01:04:00.000Z"'),
        (datetime(2026, 1, 2, 3, 4), '"2026-01-02T03:04:00.000Z"'),  # noqa: DTZ001 - it is taken as UTC
        (date(2026, 1, 2), '"2026-01-02"'),
        (time(3, 4, 5), '"03:04:05"'),
        (Decimal("1.10"), '"1.10"'),
        (Decimal128("1.10"), '"1.10"'),
        (UUID(int=5), '"00000000-0000-0000-0000-000000000005"'),
        (ObjectId("0123456789abcdef01234567"), '"0123456789abcdef01234567"'),
        (float("nan"), "null"),
        (float("inf"), "null"),
        ({3, 1, 2}, "[1,2,3]"),
        (frozenset({"b", "a"}), '["a","b"]'),
        ((1, 2), "[1,2]"),
        ({1: "a"}, '{"1":"a"}'),
        (Params(query={"é": None}), '{"query":{"é":null}}'),
        (True, "true"),
    ],
)
def test_values_and_their_json(value: Any, text: str) -> None:
    assert encode(value).decode() == text
    assert encode([{"deep": value}]).decode() == f'[{{"deep":{text}}}]'


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})


def test_a_package_can_register_its_own_types() -> None:
    class Money:
        def __init__(self, cents: int) -> None:
            self.cents = cents

    def euros(value: Money) -> str:
        return f"{value.cents / 100:.2f}"

    jsonable.register(Money, euros)
    assert encode([Money(150)]) == b'["1.50"]'


def test_data_classes_are_objects() -> None:
    @dataclass
    class Point:
        x: int

    assert encode(Point(1)) == b'{"x":1}'


@pytest.mark.parametrize(
    "text", [b"", b"{", b"nope", b"NaN", b'{"a":1}x', b"\xff", b'"\\ud800"', b"[" * 100_000]
)
def test_malformed_json_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@given(JSON)
def test_json_comes_back_as_it_was(value: Any) -> None:
    text = encode(value)
    assert decode(text) == value
    assert json.loads(text) == value
