import asyncio
import threading

import argon2
import pytest

from stonechat.core.authentication import PasswordHasher, PasswordOptions


@pytest.fixture
def hasher(cheap: PasswordOptions) -> PasswordHasher:
    return PasswordHasher(cheap)


@pytest.mark.parametrize("wrong", ["", "correct hors", "Correct horse", "correct horse ", "\ud800"])
async def test_a_wrong_password_does_not_match(hasher: PasswordHasher, wrong: str) -> None:
    assert not await hasher.verify(await hasher.hash("correct horse"), wrong)


@pytest.mark.parametrize(
    "stored", ["", "correct horse", "$2b$10$abcdefghijklmnopqrstuv", "$argon2id$broken", "ä"]
)
async def test_what_is_no_hash_matches_nothing(hasher: PasswordHasher, stored: str) -> None:
    assert not await hasher.verify(stored, "correct horse")


@pytest.mark.parametrize("password", ["correct horse", "пароль", "x" * 1024, "\ud800", "a\0b"])
async def test_a_password_matches_its_hash_which_is_argon2id(hasher: PasswordHasher, password: str) -> None:
    hashed = await hasher.hash(password)
    assert hashed.startswith("$argon2id$")
    assert password not in hashed
    assert await hasher.verify(hashed, password)
    assert hashed != await hasher.hash(password)


async def test_a_nul_does_not_end_a_password(hasher: PasswordHasher) -> None:
    assert not await hasher.verify(await hasher.hash("a\0b"), "a\0c")


async def test_composed_and_decomposed_letters_are_the_same_password(hasher: PasswordHasher) -> None:
    assert await hasher.verify(await hasher.hash("pa\u0308dagogik"), "p\u00e4dagogik")


async def test_a_hash_of_other_costs_is_to_be_renewed(hasher: PasswordHasher) -> None:
    other = PasswordHasher(PasswordOptions(time_cost=2, memory_cost=8))
    hashed = await other.hash("correct horse")
    assert hasher.needs_rehash(hashed)
    assert not other.needs_rehash(hashed)
    assert await hasher.verify(hashed, "correct horse")


async def test_hashes_are_made_off_the_loop_and_a_few_at_a_time(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, working, most = threading.Lock(), 0, 0
    both = threading.Barrier(2, timeout=10)
    real = argon2.PasswordHasher.hash

    def watched(self: argon2.PasswordHasher, password: str | bytes) -> str:
        nonlocal working, most
        assert threading.current_thread() is not threading.main_thread()
        with lock:
            working += 1
            most = max(most, working)
        both.wait()
        hashed = real(self, password)
        with lock:
            working -= 1
        return hashed

    monkeypatch.setattr(argon2.PasswordHasher, "hash", watched)
    await asyncio.gather(*(hasher.hash("correct horse") for _ in range(6)))
    assert most == 2
