"""Which web pages may open a connection: those of the server's own address, and those it was told of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from ..application import Scope
from ..errors import Forbidden

ANY: Final = "*"
PORTS: Final = {"http": 80, "https": 443}
LAST_PORT: Final = 65_535
WRITTEN: Final = re.compile(
    r"(https?)://(?:\[([0-9a-f:.]+)\]|([a-z0-9._~-]+))(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE
)
SECURE: Final = ("https", "wss")
OTHER_PAGES: Final = ("cross-site", "same-site")  # of the header Sec-Fetch-Site


class Origin(NamedTuple):
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As browsers write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == PORTS[self.scheme] else f":{self.port}")


def parse_origin(text: str) -> Origin:
    """Raises ValueError for what is no page's origin: ``null``, or an address with a path or a user."""
    written = WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is not an origin")
    scheme, address, name = written[1].lower(), written[2], written[3]
    port = PORTS[scheme] if written[4] is None else int(written[4])
    if not 0 < port <= LAST_PORT:
        raise ValueError(f"{text!r} has no port that there is")
    return Origin(scheme, name.lower() if name else str(IPv6Address(address)), port)


class Origins:
    """``allowed``: besides the server's own, as ``https://chat.example.org``, or ``*`` for any page's.

    Raises ValueError for what is no origin. As to browsers, a subdomain and a name with a dot at its end
    are other hosts.
    """

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._any = ANY in allowed
        self._allowed = {parse_origin(text) for text in allowed if text != ANY}

    @property
    def names(self) -> list[str]:
        """Those that are allowed, as browsers write them."""
        return [ANY] if self._any else sorted(map(str, self._allowed))

    def check(self, scope: Scope) -> None:
        """Raises Forbidden for what a page of another origin asks for.

        A request without an origin is no page's, and nobody needs to be kept from it, unless the browser
        tells otherwise: what a page includes, as an image or a script, is asked for without.
        """
        if self._any:
            return
        origins = _values(scope, b"origin")
        if not origins:
            if any(site in OTHER_PAGES for site in _values(scope, b"sec-fetch-site")):
                raise Forbidden("Pages of other sites may not connect")
            return
        origin = ", ".join(origins)
        if not self._is_allowed(origin, scope):
            raise Forbidden("Pages of this origin may not connect", {"origin": origin})

    def _is_allowed(self, text: str, scope: Scope) -> bool:
        try:
            origin = parse_origin(text)
            if origin in self._allowed:
                return True
            # The port that a client leaves out is its own scheme's, whatever the scheme behind a proxy.
            (host,) = _values(scope, b"host")
            own = parse_origin(f"{origin.scheme}://{host}")
        except ValueError:
            return False
        # A proxy may have ended the TLS of a page, but nobody has added any.
        return origin == own and (origin.scheme == "https" or scope.get("scheme") not in SECURE)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
