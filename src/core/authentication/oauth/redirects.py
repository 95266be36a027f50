"""Where a browser may be sent after a login, and with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from ..fetching import LOCAL_HOSTS

PORTS: Final = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


def allowed_origin(referer: str, origins: Iterable[str]) -> str | None:
    """The origin of the page ``referer``, where it is one of ``origins``; on this machine with any port."""
    given = _origin(referer)
    if given is None:
        return None
    for origin in origins:
        listed = _origin(origin)
        if listed == given:
            return origin
        if listed is not None and listed[:2] == given[:2] and given[1] in LOCAL_HOSTS:
            scheme, host, port = given
            return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    return None


def stays_inside(path: str) -> bool:
    """Whether a browser that is sent to ``path`` below an origin stays there.

    Browsers read a backslash as a slash, and drop tabs and line ends before they read anything.
    """
    if not path:
        return True
    return path[0] == "/" and path[:2] != "//" and path.isprintable() and not set(path) & {"\\", "@"}


def answer_location(base: str, path: str, answer: Mapping[str, str]) -> str:
    """``base`` and ``path`` with the answer as fragment, which stays in the browser.

    If there is a fragment already, the answer is a query inside of it, as routers of pages read it.
    """
    target = base.rstrip("/") + path if path else base
    separator = "" if target.endswith("?") else "?" if "#" in target else "#"
    return target + separator + urlencode(answer, quote_via=quote)


def _origin(url: str) -> Origin | None:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
