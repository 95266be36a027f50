"""Access tokens: signed JSON web tokens, checked with one algorithm and one key."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast
from uuid import uuid4

import jwt

from ..errors import NotAuthenticated

ALGORITHM: Final = "HS256"
SHORTEST_SECRET: Final = 32  # bytes, the output of SHA-256: RFC 7518, section 3.2
LONGEST_TOKEN: Final = 8192
MESSAGES: Final[dict[type[Exception], str]] = {
    jwt.InvalidSignatureError: "invalid signature",
    jwt.InvalidAlgorithmError: "invalid algorithm",
}
REQUIRED: Final = ("exp", "iat", "sub", "jti")  # and aud and iss, which pyjwt misses by itself

# pyjwt's types of keys are those of cryptography, which pyright knows in part only.
_encode = cast("Callable[..., str]", jwt.encode)  # pyright: ignore[reportUnknownMemberType]
_decode = cast("Callable[..., dict[str, Any]]", jwt.decode_complete)  # pyright: ignore[reportUnknownMemberType]


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """How tokens are made and what a token must say to be taken.

    ``type`` is the ``typ`` of the header: a token of another kind that was signed with the same
    secret gives no access. Raises ValueError for a secret that is too short to be one.
    """

    secret: str = field(repr=False)
    audience: str = "https://yourdomain.com"
    issuer: str = "feathers"
    type: str = "access"
    expires_in: int = 24 * 60 * 60
    leeway: int = 0

    def __post_init__(self) -> None:
        if len(self.secret.encode()) < SHORTEST_SECRET:
            raise ValueError(f"the secret of access tokens needs at least {SHORTEST_SECRET} bytes")


class Tokens:
    def __init__(self, options: TokenOptions) -> None:
        self.options = options

    def issue(
        self, subject: str, payload: Mapping[str, Any] | None = None, *, expires_in: int | None = None
    ) -> str:
        """A token for ``subject``. The claims it stands on cannot be replaced by ``payload``."""
        now = int(time.time())
        claims: dict[str, Any] = {
            **(payload or {}),
            "iat": now,
            "exp": now + (self.options.expires_in if expires_in is None else expires_in),
            "aud": self.options.audience,
            "iss": self.options.issuer,
            "sub": subject,
            "jti": str(uuid4()),
        }
        return _encode(claims, self.options.secret, ALGORITHM, headers={"typ": self.options.type})

    def verify(self, token: object) -> dict[str, Any]:
        """The claims of a token.

        Raises NotAuthenticated with the messages of node's jsonwebtoken, which clients know, and
        data ``{"name": "TokenExpiredError", "expiredAt"}``, ``{"name": "NotBeforeError", "date"}`` or
        ``{"name": "JsonWebTokenError"}``.
        """
        if not isinstance(token, str) or not token.isascii() or len(token) > LONGEST_TOKEN:
            raise _refusal("jwt malformed")
        try:
            decoded = self._decode(token)
        except jwt.ExpiredSignatureError as error:
            data = {"name": "TokenExpiredError", "expiredAt": self._moment(token, "exp")}
            raise NotAuthenticated("jwt expired", data) from error
        except jwt.ImmatureSignatureError as error:
            data = {"name": "NotBeforeError", "date": self._moment(token, "nbf")}
            raise NotAuthenticated("jwt not active", data) from error
        except jwt.InvalidTokenError as error:
            raise _refusal(self._message(error, has_three_parts=token.count(".") == 2)) from error
        if decoded["header"].get("typ") != self.options.type:
            raise _refusal("invalid token type")
        claims: dict[str, Any] = decoded["payload"]
        return claims

    def _decode(self, token: str, *, verify_times: bool = True) -> dict[str, Any]:
        return _decode(
            token,
            self.options.secret,
            algorithms=[ALGORITHM],
            audience=self.options.audience,
            issuer=self.options.issuer,
            leeway=self.options.leeway,
            # Another node's clock may be a second ahead: "issued in the future" says nothing.
            options={
                "require": list(REQUIRED),
                "verify_iat": False,
                "verify_exp": verify_times,
                "verify_nbf": verify_times,
            },
        )

    def _moment(self, token: str, claim: str) -> str | None:
        try:
            seconds = self._decode(token, verify_times=False)["payload"][claim]
            moment = datetime.fromtimestamp(seconds, UTC)
        except (jwt.InvalidTokenError, TypeError, ValueError, OverflowError):
            return None
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _message(self, error: jwt.InvalidTokenError, *, has_three_parts: bool) -> str:
        if (message := MESSAGES.get(type(error))) is not None:
            return message
        match error:
            case jwt.InvalidAudienceError() | jwt.MissingRequiredClaimError(claim="aud"):
                return f"jwt audience invalid. expected: {self.options.audience}"
            case jwt.InvalidIssuerError() | jwt.MissingRequiredClaimError(claim="iss"):
                return f"jwt issuer invalid. expected: {self.options.issuer}"
            case jwt.DecodeError() if "crypto" in str(error):  # node compares signatures as text
                return "invalid signature"
            case jwt.DecodeError() if has_three_parts:
                return "invalid token"
            case _:
                return "jwt malformed"


def _refusal(message: str) -> NotAuthenticated:
    return NotAuthenticated(message, {"name": "JsonWebTokenError"})
