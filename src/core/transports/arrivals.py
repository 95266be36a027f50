"""How many sockets one address may open."""

from __future__ import annotations

import math
import time
from collections import Counter
from typing import Final

import structlog

from ..application import Scope
from ..errors import TooManyRequests
from ..throttle import Throttle, network_of

logger = structlog.stdlib.get_logger(__name__)

QUIET_SECONDS: Final = 60.0
"""For so long a refusal is not logged again: there may be thousands."""

RETRY_SECONDS: Final = 10
"""What is told to who has too many sockets: nobody knows when one of them will close."""


class Arrivals:
    """Counts the sockets of each address: so many new ones a minute, so many at once, 0 for any number.

    An address of IPv6 is its network. Sockets without an address are not limited. Each node counts for
    itself: it is its own time that is guarded, and a school that comes back is not to wait for Redis.
    """

    def __init__(self, per_minute: int = 0, at_once: int = 0) -> None:
        self.refused = 0
        """How many sockets were refused, since the start."""
        self._limit = f"{per_minute}/minute" if per_minute else ""
        self._at_once = at_once
        self._throttle = Throttle()
        self.open: Counter[str] = Counter()
        """How many sockets there are of each network, where their number is limited."""
        self._networks: dict[str, str] = {}  # of each session
        self._quiet_until = 0.0

    async def admit(self, address: str | None) -> None:
        """Count a new one. Raises TooManyRequests with ``retryAfter`` in seconds."""
        if address is None:
            return
        network = network_of(address)
        if self._at_once and self.open[network] >= self._at_once:
            self._refuse(network, "Too many sockets of this address are open", RETRY_SECONDS)
        wait = await self._throttle.hit(self._limit, network) if self._limit else None
        if wait is not None:
            self._refuse(network, "This address has opened too many sockets lately", math.ceil(wait))

    def opened(self, session: str, address: str | None) -> None:
        if self._at_once and address is not None:
            network = self._networks[session] = network_of(address)
            self.open[network] += 1

    def closed(self, session: str) -> None:
        network = self._networks.pop(session, None)
        if network is not None:
            self.open[network] -= 1
            if not self.open[network]:
                del self.open[network]

    def _refuse(self, network: str, reason: str, seconds: int) -> None:
        self.refused += 1
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET_SECONDS
            logger.warning("sockets are refused", of=network, reason=reason)
        raise TooManyRequests(reason, {"retryAfter": seconds})


def address_of(scope: Scope) -> str | None:
    """Where a request comes from, as the server sees it or a trusted proxy says."""
    client = scope.get("client")
    return client[0] if client else None
