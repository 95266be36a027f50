from __future__ import annotations

from typing import Any

import pytest

from stonechat.core.pagination import PaginationOptions


@pytest.mark.parametrize(
    ("options", "requested", "expected"),
    [
        ({"default": 10, "max": 50}, None, 10),
        ({"default": 10, "max": 50}, 20, 20),
        ({"default": 10, "max": 50}, 51, 50),
        ({"default": 10, "max": 50}, 0, 0),
        ({"default": 10, "max": 5}, None, 5),
        ({"default": 10}, 1000, 1000),
        ({"max": 50}, None, 50),
        ({"max": 50}, 100, 50),
        ({}, 7, 7),
        ({}, None, None),
        (False, None, None),
        (None, 7, 7),
        (PaginationOptions(3, 4), 9, 4),
    ],
)
def test_the_limit_of_a_call(options: Any, requested: int | None, expected: int | None) -> None:
    assert PaginationOptions.of(options).limit(requested) == expected
