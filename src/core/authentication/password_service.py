"""The service ``passwords``: forgotten ones are set anew, known ones changed."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from ..application import Application, Configure
from ..context import HookContext, Params
from ..errors import BadRequest, NotAuthenticated, NotFound, TooManyRequests
from ..hooks import Next
from ..shapes import is_mapping
from ..throttle import network_of, throttle_of
from .hashing import HASHED
from .hook import authenticate, check_password
from .local import LocalStrategy
from .records import Records, fingerprint
from .service import AuthenticationService, authentication_of

PASSWORD_RESET: Final = "password-reset"  # noqa: S105 - the name of an event

logger = structlog.stdlib.get_logger(__name__)

Deliver = Callable[[Mapping[str, Any], str], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class PasswordServiceOptions:
    """``resets`` is the path of the service that keeps the tokens, registered with ``methods=()``.

    Its records: ``{userId, tokenHash, expiresAt}``. ``expires_in``: seconds that a token holds.
    ``minimum``: characters of a password. ``per_account`` and ``per_address``: how often a reset may
    be asked for. ``deliver(entity, token)`` brings the token to its owner, as every listener of the
    application's event ``password-reset`` may, with the same arguments.
    """

    path: str = "passwords"
    resets: str = "password-resets"
    expires_in: int = 30 * 60
    minimum: int = 8
    per_account: str = "3/hour"
    per_address: str = "30/hour"
    deliver: Deliver | None = None


class PasswordService:
    """``create`` asks for a reset, ``reset`` uses its token, ``change`` is for who is logged in.

    All answer ``{}``. ``create`` does so at once, with the work still to be done: neither the answer
    nor its time tells whether there is such an account. Where sessions are kept, those of the account
    end, except the one that changes its password.
    """

    def __init__(
        self, app: Application, options: PasswordServiceOptions, now: Callable[[], float] = time.time
    ) -> None:
        self._app = app
        self.options = options
        self._resets = Records(app, options.resets)
        self._now = now

    async def setup(self, app: Application, path: str) -> None:
        """Raises LookupError or ValueError where the service of the resets is missing or open to clients."""
        self._resets.verify()

    async def create(self, data: Any, params: Params) -> dict[str, Any]:
        """Ask for a token, naming the account as for a login: ``{"email"}``.

        Raises BadRequest where it is not named, TooManyRequests.
        """
        name = self._local.name_in(data) if is_mapping(data) else None
        if name is None:
            raise BadRequest("An account must be named")
        await self._count(name, params.get("address"))
        if self._app.has_listeners(PASSWORD_RESET):
            _ = self._app.tasks.start(self._issue(dict(data)), name="password reset")
        else:
            logger.warning("no deliverer of reset tokens is configured", event_name=PASSWORD_RESET)
        return {}

    async def reset(self, data: Any, params: Params) -> dict[str, Any]:
        """Set the password with ``{"token", "password"}``. Raises BadRequest."""
        token = _text(data, "token")
        password = check_password(_text(data, "password"), "password", self.options.minimum)
        found = await self._resets.find({"tokenHash": fingerprint(token), "$limit": 1})
        reset = found[0] if found else None
        if reset is None or reset["expiresAt"] <= self._moment() or await self._resets.remove(reset) is None:
            raise _invalid_token()
        if not await self._store(reset["userId"], password, Params()):
            raise _invalid_token()
        return {}

    async def change(self, data: Any, params: Params) -> dict[str, Any]:
        """Set one's own password with ``{"password", "newPassword"}``.

        Raises BadRequest, also for a wrong ``password``, and TooManyRequests.
        """
        authentication = self._authentication
        user: dict[str, Any] | None = params.get(authentication.options.entity)
        if user is None:
            raise NotAuthenticated("Not authenticated")
        old = _text(data, "password")
        new = check_password(_text(data, "newPassword"), "newPassword", self.options.minimum)
        user_id, address = authentication.entities.id_of(user), params.get("address")
        account = f"change of {user_id}"
        await authentication.lockout.attempt(account, address)
        hashed = user.get(self._local.options.password_field)
        if not isinstance(hashed, str) or not await authentication.passwords.verify(hashed, old):
            await authentication.lockout.failed(address)
            raise BadRequest("The password is wrong", {"errors": {"password": "is wrong"}})
        await authentication.lockout.succeeded(account)
        unchanged = {self._local.options.password_field: hashed}
        if not await self._store(user_id, new, params.internal(query=unchanged)):
            raise BadRequest("The password is wrong", {"errors": {"password": "was changed meanwhile"}})
        return {}

    @property
    def _authentication(self) -> AuthenticationService:
        service = authentication_of(self._app)
        if service is None:
            raise LookupError("passwords need a configured authentication")
        return service

    @property
    def _local(self) -> LocalStrategy:
        return self._authentication.local

    async def _count(self, name: str, address: str | None) -> None:
        # The address first: it must not have any number of names counted, nor pay for a refused one.
        throttle, wait = throttle_of(self._app), None
        by_address = (self.options.per_address, "password-reset", "address", network_of(address or ""))
        if address is not None:
            wait = await throttle.waiting(*by_address)
        if wait is None:
            wait = await throttle.hit(self.options.per_account, "password-reset", "account", name)
        if wait is None and address is not None:
            wait = await throttle.hit(*by_address)
        if wait is not None:
            raise TooManyRequests("Too many resets were asked for", {"retryAfter": math.ceil(wait)})

    async def _issue(self, data: Mapping[str, Any]) -> None:
        entity = await self._local.find(data)
        if entity is None:
            return
        user_id = self._authentication.entities.id_of(entity)
        await self._forget(user_id)
        token = secrets.token_urlsafe(32)
        expires_at = self._moment(self.options.expires_in)
        await self._resets.create(
            {"userId": user_id, "tokenHash": fingerprint(token), "expiresAt": expires_at}
        )
        await self._app.emit_async(PASSWORD_RESET, entity, token)

    async def _store(self, user_id: str, password: str, params: Params) -> bool:
        """Whether there still is such a user, and as the query of ``params`` wants it."""
        authentication = self._authentication
        entities = authentication.entities
        if await entities.load(user_id) is None:
            return False
        data = {self._local.options.password_field: await authentication.passwords.hash(password)}
        try:
            await entities.service.patch(user_id, data, Params({**params, HASHED: True}))
        except NotFound:
            return False
        await self._forget(user_id)
        return True

    async def _forget(self, user_id: str) -> None:
        for reset in await self._resets.find({"userId": user_id}):
            await self._resets.remove(reset)

    def _moment(self, seconds: float = 0.0) -> datetime:
        return datetime.fromtimestamp(round(self._now() + seconds, 3), UTC)


def passwords(options: PasswordServiceOptions | None = None) -> Configure:
    """Register the service; after ``authentication`` and the service of the resets, in any order."""
    chosen = options or PasswordServiceOptions()

    def configure(app: Application) -> None:
        methods = ("create", "reset", "change")
        app.use(chosen.path, PasswordService(app, chosen), methods=methods, public=True, tenant=False)
        service = app.service(chosen.path)
        service.hooks({"around": {"create": [_silent]}, "before": {"change": [authenticate("jwt")]}})
        if chosen.deliver is not None:
            app.on(PASSWORD_RESET, chosen.deliver)

    return configure


async def _silent(context: HookContext, next: Next) -> None:
    context.event = None
    await next()


def _text(data: Any, name: str) -> str:
    value: object = data.get(name) if is_mapping(data) else None
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a text", {"errors": {name: "must be a text"}})
    return value


def _invalid_token() -> BadRequest:
    return BadRequest("The token is not valid", {"errors": {"token": "is wrong, used or too old"}})
