from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from stonechat.core.coercion import Coercer, coercer_for, parse_integer

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (bool, "false", False),
        (bool, "1", True),
        (bool, 0, False),
        (bool, True, True),
        (int, "12", 12),
        (int, "-3", -3),
        (int, "12.0", 12),
        (int, "2.5", 2.5),
        (float, "1e3", 1000),
        (float, 0.5, 0.5),
        (str, "x", "x"),
        (datetime, "2024-05-01T12:00:00.000Z", NOON),
        (datetime, "2024-05-01T12:00", NOON),
        (datetime, NOON.astimezone(timezone(timedelta(hours=2))), NOON),
    ],
)
def test_text_becomes_a_value(kind: type, value: Any, expected: Any) -> None:
    result = coercer_for(kind)(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (bool, "yes"),
        (bool, 2),
        (bool, None),
        (int, "twelve"),
        (int, ""),
        (int, "1_000.5x"),
        (int, True),
        (int, [1]),
        (int, 2**63),
        (int, "1e400"),
        (int, "9" * 4000),
        (float, "nan"),
        (float, "Infinity"),
        (float, float("inf")),
        (str, 5),
        (str, {"$ne": 1}),
        (datetime, "soon"),
        (datetime, 5),
    ],
)
def test_what_does_not_fit_is_refused(kind: type, value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        coercer_for(kind)(value)


def test_any_other_function_is_its_own_coercer() -> None:
    upper: Coercer = str.upper
    assert coercer_for(upper) is upper


@pytest.mark.parametrize(
    ("value", "expected"), [("٣", None), ("+4", 4), ("--4", None), ("1e5", 1), (-2.9, -2)]
)
def test_integers_are_found_as_javascript_finds_them(value: Any, expected: int | None) -> None:
    assert parse_integer(value) == expected
