from __future__ import annotations

import json

import pytest

from stonechat.core.encoding import MAX_DEPTH, decode, encode

SHAPES = [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")]


def nested(shape: tuple[str, str], levels: int) -> str:
    start, end = shape
    times = levels // len(end)
    return f"{start * times}1{end * times}"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_so_many_levels_are_read_and_can_be_given_back_within_others(shape: tuple[str, str]) -> None:
    text = nested(shape, MAX_DEPTH)
    for given in (text, text.encode()):
        value = decode(given)
        assert json.loads(text) == value
        assert encode([None, {"data": [{"of": value}]}])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("more", [2, 100, 126, 1000])
def test_more_are_not_json_to_us(shape: tuple[str, str], more: int) -> None:
    text = nested(shape, MAX_DEPTH + more)
    for given in (text, text.encode()):
        with pytest.raises(ValueError, match=r"nested more deeply than 128|depth limit"):
            decode(given)


def test_any_number_of_brackets_may_stand_side_by_side() -> None:
    value = [{"a": [number], "b": {"c": "[[["}} for number in range(500)]
    assert decode(encode(value)) == value
