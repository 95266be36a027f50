"""One attempt to log in, which the browser carries in a cookie while it is at the provider."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from ...errors import BadRequest, NotAuthenticated
from ..tokens import TokenOptions, Tokens

LIFETIME: Final = 10 * 60  # seconds
LONGEST_COOKIE: Final = 3800  # bytes; browsers drop a cookie of more than 4096 with its name and attributes

_random = partial(token_urlsafe, 32)


@dataclass(frozen=True, slots=True)
class Attempt:
    """``redirect`` is the path to end at, below ``origin``; ``link`` the access token of who links accounts.

    ``state`` comes back with the answer, ``nonce`` in an identity token; ``verifier`` is PKCE's.
    """

    provider: str
    origin: str
    redirect: str
    link: str
    state: str = field(default_factory=_random)
    nonce: str = field(default_factory=_random)
    verifier: str = field(default_factory=_random)

    @property
    def challenge(self) -> str:
        """S256: RFC 7636, section 4.2."""
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Attempts:
    """Attempts as values of a cookie: signed, of no use as access tokens, and only for some minutes."""

    def __init__(self, options: TokenOptions) -> None:
        self._tokens = Tokens(replace(options, type="oauth", expires_in=LIFETIME))

    def write(self, attempt: Attempt) -> str:
        """Raises BadRequest for one that no cookie can hold."""
        value = self._tokens.issue(attempt.provider, asdict(attempt))
        if len(value) > LONGEST_COOKIE:
            raise BadRequest("The redirect or the token is too long")
        return value

    def read(self, value: str | None, provider: str) -> Attempt | None:
        """None for what is no attempt at this provider, and for one that took too long."""
        try:
            claims = self._tokens.verify(value)
        except NotAuthenticated:
            return None
        if claims["sub"] != provider:
            return None
        return Attempt(**{one.name: claims[one.name] for one in fields(Attempt)})
