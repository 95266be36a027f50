"""Keeping out who guesses passwords."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..application import Application
from ..errors import TooManyRequests
from ..throttle import throttle_of


@dataclass(frozen=True, slots=True)
class LockoutOptions:
    """``account``: attempts for one name, cleared by a success. ``address``: failures from one address.

    Written as in ``5/15 minutes``; empty for any number. Many people may share an address: it is
    given more, and their successes do not count.
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
        wait = None
        throttle, options = throttle_of(self._app), self._options
        if address is not None and options.address:
            wait = await throttle.waiting(options.address, "login", "address", address)
        if wait is None and options.account:
            wait = await throttle.hit(options.account, "login", "account", account)
        if wait is not None:
            raise TooManyRequests("Too many attempts to log in", {"retryAfter": math.ceil(wait)})

    async def failed(self, address: str | None) -> None:
        if address is not None and self._options.address:
            _ = await throttle_of(self._app).hit(self._options.address, "login", "address", address)

    async def succeeded(self, account: str) -> None:
        if self._options.account:
            await throttle_of(self._app).clear(self._options.account, "login", "account", account)
