"""Who may read the metrics."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Final

from starlette.requests import Request

from ..errors import FeathersError, Forbidden, NotAuthenticated

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
FORWARDED: Final = ("x-forwarded-for", "x-real-ip", "forwarded", "via")

Access = Callable[[Request], FeathersError | None]
"""Why the request is refused, or None."""


def by_token(token: str) -> Access:
    """For whoever brings it: ``Authorization: Bearer …``."""

    def refusal(request: Request) -> FeathersError | None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), token.encode())
        return None if scheme.lower() == "bearer" and same else NotAuthenticated("Not authenticated")

    return refusal


def by_network(networks: Sequence[str]) -> Access:
    """For whoever asks from one of them, without a proxy.

    Behind a proxy that is not known as one, everybody's address is the proxy's, which is near.
    """
    allowed = [ip_network(network) for network in networks]

    def refusal(request: Request) -> FeathersError | None:
        host = "" if request.client is None else request.client.host
        is_direct = not any(name in request.headers for name in FORWARDED)
        try:
            is_near = any(ip_address(host) in network for network in allowed)
        except ValueError:  # no address, as of a Unix socket
            is_near = False
        return None if is_direct and is_near else Forbidden("The metrics are not served to this address")

    return refusal
