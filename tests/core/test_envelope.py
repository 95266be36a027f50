from __future__ import annotations

import os
from base64 import b64encode

import pytest

from stonechat.core.envelope import (
    DataKey,
    MasterKeys,
    SealError,
    Wrapped,
    context_of,
    master_key,
    new_key,
    version_of,
)

HERE = context_of("message", "talk", 7)


def a_key(version: int = 3) -> DataKey:
    return DataKey(version, new_key())


def text_of(name: str, key: bytes | None = None) -> str:
    return f"{name}:{b64encode(key or os.urandom(32)).decode()}"


def test_what_is_sealed_opens_where_it_was_sealed_for() -> None:
    key = a_key()
    sealed = key.seal("Grüße".encode(), HERE)
    assert key.open(sealed, HERE).decode() == "Grüße"
    assert version_of(sealed) == 3
    assert "Grüße".encode() not in sealed


def test_the_same_is_sealed_otherwise_each_time() -> None:
    key = a_key()
    assert len({key.seal(b"yes", HERE) for _ in range(100)}) == 100


def test_no_byte_of_it_can_be_changed() -> None:
    key = a_key()
    sealed = key.seal(b"at noon", HERE)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(SealError):
            key.open(changed, HERE)


@pytest.mark.parametrize(
    "elsewhere", [context_of("message", "talk", 8), context_of("edit", "talk", 7), context_of("message"), b""]
)
def test_it_does_not_open_for_anything_else(elsewhere: bytes) -> None:
    key = a_key()
    with pytest.raises(SealError):
        key.open(key.seal(b"at noon", HERE), elsewhere)


def test_it_does_not_open_with_another_key_or_version() -> None:
    key = new_key()
    sealed = DataKey(3, key).seal(b"at noon", HERE)
    for other in (a_key(), DataKey(4, key)):
        with pytest.raises(SealError):
            other.open(sealed, HERE)


@pytest.mark.parametrize("nothing", [b"", b"\x01", b"\x01" * 32, b"\x02" * 40])
def test_what_is_not_sealed_is_refused(nothing: bytes) -> None:
    with pytest.raises(SealError):
        version_of(nothing)


def test_contexts_of_other_parts_differ() -> None:
    parts = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), (), ("",)]
    assert len({context_of(*one) for one in parts}) == len(parts)


def test_the_last_master_key_wraps_and_all_unwrap() -> None:
    old, new, key = text_of("2025"), text_of("2026"), new_key()
    wrapped = MasterKeys([old]).wrap(key, HERE)
    assert wrapped.master_id == "2025"
    both = MasterKeys([old, new])
    assert both.unwrap(wrapped, HERE) == key
    again = both.wrap(both.unwrap(wrapped, HERE), HERE)
    assert again.master_id == both.newest == "2026"
    assert MasterKeys([new]).unwrap(again, HERE) == key


def test_a_key_is_wrapped_for_one_conversation_and_version() -> None:
    masters = MasterKeys([text_of("a")])
    wrapped = masters.wrap(new_key(), HERE)
    with pytest.raises(SealError, match="for something else"):
        masters.unwrap(wrapped, context_of("message", "talk", 8))


def test_a_master_key_that_is_missing_is_named() -> None:
    wrapped = MasterKeys([text_of("old")]).wrap(new_key(), HERE)
    with pytest.raises(SealError, match="'old' is not configured"):
        MasterKeys([text_of("new")]).unwrap(wrapped, HERE)


def test_another_key_of_the_same_id_unwraps_nothing() -> None:
    wrapped = MasterKeys([text_of("a")]).wrap(new_key(), HERE)
    with pytest.raises(SealError, match="another key"):
        MasterKeys([text_of("a")]).unwrap(wrapped, HERE)
    with pytest.raises(SealError):
        MasterKeys([text_of("a")]).unwrap(Wrapped("a", b""), HERE)


def test_without_a_master_key_nothing_is_wrapped() -> None:
    with pytest.raises(LookupError):
        MasterKeys([]).wrap(new_key(), HERE)


@pytest.mark.parametrize("text", ["", "c2VjcmV0", "a:c2VjcmV0", ":" + "A" * 44, "a:" + "!" * 44])
def test_a_text_that_is_no_master_key_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes in base64") as refused:
        master_key(text)
    assert "c2VjcmV0" not in str(refused.value)


def test_two_master_keys_have_two_ids() -> None:
    with pytest.raises(ValueError, match="two keys with the id 'a'"):
        MasterKeys([text_of("a"), text_of("a")])
