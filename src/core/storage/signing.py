"""Addresses that say what they are for, and until when, under a signature."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, Literal, Self, cast
from urllib.parse import quote, urlencode

from ..errors import Forbidden

Verb = Literal["GET", "PUT"]
SIGNATURE: Final = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an address allows: ``size`` in bytes, ``expires`` in seconds since 1970, all of it signed."""

    verb: Verb
    key: str
    type: str
    expires: int
    size: int = 0
    name: str = ""

    @classmethod
    def read(cls, key: str, query: Mapping[str, str]) -> Self:
        """Raises Forbidden for what no signer has made."""
        try:
            return cls(
                verb=cast("Verb", query["verb"]),
                key=key,
                type=query["type"],
                expires=int(query["expires"]),
                size=int(query["size"]),
                name=query.get("name", ""),
            )
        except (KeyError, ValueError):
            raise altered() from None


class Signer:
    """``secret`` is shared by all nodes; another purpose of the same secret has other signatures."""

    def __init__(self, secret: str, purpose: str = "stored files") -> None:
        self._key = hmac.digest(secret.encode(), purpose.encode(), "sha256")

    def query(self, grant: Grant) -> str:
        """The query string of an address that allows this."""
        said = {name: str(value) for name, value in asdict(grant).items() if name != "key" and value != ""}
        return urlencode({**said, SIGNATURE: self._signature(grant)}, quote_via=quote)

    def check(self, key: str, query: Mapping[str, str], verbs: tuple[Verb, ...]) -> Grant:
        """What the address of a request allows. Raises Forbidden, with a ``code`` in its data."""
        grant = Grant.read(key, query)
        given = query.get(SIGNATURE, "")
        if not hmac.compare_digest(self._signature(grant).encode(), given.encode()):
            raise altered()
        if datetime.now(UTC).timestamp() >= grant.expires:
            raise Forbidden("The address has expired", {"code": "URL_EXPIRED"})
        if grant.verb not in verbs:
            raise Forbidden(f"The address is for {grant.verb} only", {"code": "URL_FOR_ANOTHER_METHOD"})
        return grant

    def _signature(self, grant: Grant) -> str:
        # Each part by its length, so that no two grants are one text.
        parts = [str(part).encode(errors="replace") for part in asdict(grant).values()]
        content = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()


def altered() -> Forbidden:
    return Forbidden("The address was altered, or nobody has given it", {"code": "URL_ALTERED"})
