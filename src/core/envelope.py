"""Envelopes: a text is sealed with a data key, and that is wrapped by a master key; both by AES-256-GCM.

What is sealed tells the version of its key, and opens only where it was sealed for::

    sealed   1 byte format, 4 bytes version, 12 bytes nonce, ciphertext, 16 bytes tag
    wrapped  12 bytes nonce, 32 bytes ciphertext, 16 bytes tag

Format, version and context are authenticated. Each nonce is random: NIST allows 2**32 of them under one key.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
FORMAT: Final = b"\x01"
HEADER_BYTES: Final = 5
LATEST_VERSION: Final = 2**32 - 1


class SealError(Exception):
    """Why something sealed cannot be opened."""


class Wrapped(NamedTuple):
    """A data key as it is stored, and the id of the master key that opens it."""

    master_id: str
    data: bytes


def context_of(*parts: object) -> bytes:
    """What something is sealed for; no two lists of parts make the same."""
    encoded = [str(part).encode() for part in parts]
    return b"".join(len(part).to_bytes(4) + part for part in encoded)


def version_of(sealed: bytes) -> int:
    """The version of the key that seals it. Raises SealError for what is not sealed."""
    if len(sealed) < HEADER_BYTES + NONCE_BYTES + TAG_BYTES or sealed[:1] != FORMAT:
        raise SealError("it is not sealed in a way that is known here")
    return int.from_bytes(sealed[1:HEADER_BYTES])


class DataKey:
    def __init__(self, version: int, key: bytes) -> None:
        self._header = FORMAT + version.to_bytes(HEADER_BYTES - 1)
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, context: bytes) -> bytes:
        return self._header + _encrypted(self._cipher, data, self._header + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises SealError for what was changed, sealed for something else or with another key."""
        if sealed[:HEADER_BYTES] != self._header:
            raise SealError("it is sealed with another version of the key")
        return _decrypted(self._cipher, sealed[HEADER_BYTES:], self._header + context)


class MasterKeys:
    """Keys by id; the last of them wraps what is new. ``texts`` are ``id:key``, the key in base64.

    Raises ValueError for a text that is none, and for an id that comes twice; the error quotes no key.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._ciphers: dict[str, AESGCM] = {}
        for text in texts:
            master_id, key = master_key(text)
            if master_id in self._ciphers:
                raise ValueError(f"has two keys with the id {master_id!r}")
            self._ciphers[master_id] = AESGCM(key)

    @property
    def ids(self) -> list[str]:
        return list(self._ciphers)

    @property
    def newest(self) -> str | None:
        return next(reversed(self._ciphers), None)

    def wrap(self, key: bytes, context: bytes) -> Wrapped:
        """Raises LookupError where there is no master key."""
        if (newest := self.newest) is None:
            raise LookupError("there is no master key")
        return Wrapped(newest, _encrypted(self._ciphers[newest], key, context))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """Raises SealError where the master key is not there, or is not the one that has wrapped it."""
        cipher = self._ciphers.get(wrapped.master_id)
        if cipher is None:
            raise SealError(f"the master key {wrapped.master_id!r} is not configured")
        return _decrypted(cipher, wrapped.data, context)


def new_key() -> bytes:
    return AESGCM.generate_key(KEY_BYTES * 8)


def master_key(text: str) -> tuple[str, bytes]:
    """The id and the key of ``id:key``. Raises ValueError, which quotes no key."""
    master_id, _, encoded = text.partition(":")
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        key = b""
    if not master_id.strip() or len(key) != KEY_BYTES:
        raise ValueError(f"is not an id, a colon and {KEY_BYTES} bytes in base64")
    return master_id.strip(), key


def _encrypted(cipher: AESGCM, data: bytes, context: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, data, context)


def _decrypted(cipher: AESGCM, data: bytes, context: bytes) -> bytes:
    try:
        return cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise SealError("it was changed, or sealed for something else or with another key") from None
