"""Keeping out who guesses passwords."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..application import Application
from ..errors import TooManyRequests
from ..throttle import network_of, throttle_of


@dataclass(frozen=True, slots=True)
class LockoutOptions:
    """``account``: attempts for one name, cleared by a success. ``address``: failures from one address.

    Written as in ``5/15 minutes``; empty for any number. Many people may share an address: it is
    given more, and their successes do not count. An IPv6 address is its network of 64 bits.
    """

    account: str = "5/15 minutes"
    address: str = "50/15 minutes"


class Lockout:
    """Counts attempts in the application's throttle, of a name the same whether somebody has it or not."""

    def __init__(self, app: Application, options: LockoutOptions) -> None:
        self._app = app
        self._options = options

    async def attempt(self, account: str, address: str | None) -> None:
        """Count one, before the password is looked at: of many at once, no more pass than the limit.

        Raises TooManyRequests, with ``retryAfter`` in seconds.
        """
        await self.check(address)
        if self._options.account:
            limit = self._options.account
            _refuse(await throttle_of(self._app).hit(limit, "login", "account", account))

    async def check(self, address: str | None) -> None:
        """Raises TooManyRequests where too many attempts have failed from the address."""
        if address is not None and self._options.address:
            limit, network = self._options.address, network_of(address)
            _refuse(await throttle_of(self._app).waiting(limit, "login", "address", network))

    async def failed(self, address: str | None) -> None:
        if address is not None and self._options.address:
            network = network_of(address)
            _ = await throttle_of(self._app).hit(self._options.address, "login", "address", network)

    async def succeeded(self, account: str) -> None:
        if self._options.account:
            await throttle_of(self._app).clear(self._options.account, "login", "account", account)


def _refuse(wait: float | None) -> None:
    if wait is not None:
        raise TooManyRequests("Too many attempts to log in", {"retryAfter": math.ceil(wait)})
