"""Messages that only a browser can read: RFC 8291, over the encoding ``aes128gcm`` of RFC 8188."""

from __future__ import annotations

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD: Final = 4096
SALT_BYTES: Final = 16
AUTH_BYTES: Final = 16
POINT_BYTES: Final = 65
OVERHEAD: Final = SALT_BYTES + 4 + 1 + POINT_BYTES + 1 + 16
"""Bytes that sealing adds: the header, the delimiter and the tag."""

LAST_RECORD: Final = b"\x02"


class Recipient:
    """Raises ValueError for keys that are none; the message names the one at fault."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.auth = decoded(keys.get("auth", ""))
        if len(self.auth) != AUTH_BYTES:
            raise ValueError("auth")
        self.point = decoded(keys.get("p256dh", ""))
        try:
            self.public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), self.point)
        except ValueError:
            raise ValueError("p256dh") from None
        if len(self.point) != POINT_BYTES:
            raise ValueError("p256dh")


def seal(
    content: bytes,
    to: Recipient,
    *,
    salt: bytes | None = None,
    key: EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of a request. ``salt`` and ``key`` are new for every message: they are given in tests only."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    key = key or generate_private_key(SECP256R1())
    own = point_of(key)
    shared = key.exchange(ECDH(), to.public)
    material = _derive(shared, to.auth, b"WebPush: info\0" + to.point + own, 32)
    content_key = _derive(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(material, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4) + bytes([len(own)]) + own
    return header + AESGCM(content_key).encrypt(nonce, content + LAST_RECORD, None)


def private_key(text: str) -> EllipticCurvePrivateKey:
    """Of the 32 bytes that tools for VAPID print, as base64url. Raises ValueError, which quotes nothing."""
    raw = decoded(text.strip())
    try:
        if len(raw) == 32:
            return derive_private_key(int.from_bytes(raw), SECP256R1())
    except ValueError:
        pass
    raise ValueError("is not a private key for VAPID: 32 bytes as base64url") from None


def point_of(key: EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def decoded(text: str) -> bytes:
    """Base64url with or without padding; empty for what is none."""
    try:
        return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return b""


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
