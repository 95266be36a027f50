from __future__ import annotations

from typing import Any

import pytest

from stonechat.core.projection import outermost, select_fields

RECORD: dict[str, Any] = {"_id": 1, "a": {"b": 2, "c": {"d": 3}}, "l": [{"x": 1, "y": 2}, 5, [{"x": 3}]]}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], {}),
        (["_id", "nothing"], {"_id": 1}),
        (["a.b"], {"a": {"b": 2}}),
        (["a.c.d", "a.b"], {"a": {"b": 2, "c": {"d": 3}}}),
        (["a", "a.b"], {"a": {"b": 2, "c": {"d": 3}}}),
        (["_id.x"], {}),
        (["l.x"], {"l": [{"x": 1}, [{"x": 3}]]}),
    ],
)
def test_only_selected_fields_remain(names: list[str], expected: dict[str, Any]) -> None:
    assert select_fields(RECORD, names) == expected


def test_names_inside_others_are_dropped() -> None:
    assert outermost(["a.b.c", "a.b", "x", "ab", "x", "a.bc"]) == ["a.b", "x", "ab", "a.bc"]
