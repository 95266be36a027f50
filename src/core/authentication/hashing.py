"""Password hashing with argon2id, off the event loop."""

from __future__ import annotations

import asyncio
import unicodedata
from dataclasses import dataclass
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

LONGEST_PASSWORD: Final = 1024

HASHED: Final = "password_is_hashed"
"""A key of params, by which own code tells ``hash_password`` that the data holds a hash already."""


@dataclass(frozen=True, slots=True)
class PasswordOptions:
    """The cost of one hash: OWASP's choice for argon2id, some 20 ms and 19 MiB.

    ``memory_cost`` is in KiB. ``concurrency`` is how many hashes are worked on at a time; a whole
    school that logs in at eight o'clock waits its turn instead of taking every core and the memory.
    """

    time_cost: int = 2
    memory_cost: int = 19456
    parallelism: int = 1
    concurrency: int = 2


class PasswordHasher:
    def __init__(self, options: PasswordOptions | None = None) -> None:
        options = options or PasswordOptions()
        self._argon2 = argon2.PasswordHasher(
            time_cost=options.time_cost,
            memory_cost=options.memory_cost,
            parallelism=options.parallelism,
        )
        self.concurrency = options.concurrency
        self._turns = asyncio.Semaphore(options.concurrency)

    async def hash(self, password: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._argon2.hash, _normalized(password))

    async def verify(self, hashed: str, password: str) -> bool:
        """Whether it is the password; something that is no hash matches none, after the same work."""
        try:
            async with self._turns:
                return await asyncio.to_thread(self._argon2.verify, hashed, _normalized(password))
        except (InvalidHashError, UnicodeEncodeError):
            await self.verify_absent(password)
            return False
        except VerificationError:
            return False

    async def verify_absent(self, password: str) -> None:
        """The work of ``verify`` for a user there is none of: time must not tell who exists."""
        _ = await self.hash(password)

    def needs_rehash(self, hashed: str) -> bool:
        """Whether the hash was made with other costs than today's."""
        return self._argon2.check_needs_rehash(hashed)


def _normalized(password: str) -> bytes:
    # The same letter typed on two systems must hash alike (NIST SP 800-63B, section 5.1.1.2), and
    # JSON can carry half a surrogate pair, which is no text but must not fail either.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
