"""The authentication service: creates access tokens, and knows who is behind one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..application import Application, Configure
from ..context import Connection, HookContext, Params
from ..errors import NotAuthenticated, NotFound, TooManyRequests
from ..hooks import Next
from ..shapes import is_mapping
from ..timers import CallLater, call_later
from .elsewhere import Elsewhere
from .entities import Entities
from .entity_watch import EntityWatch
from .hashing import PasswordHasher
from .jwt import JwtStrategy
from .local import LocalStrategy
from .lockout import Lockout
from .logins import Logins
from .options import AuthenticationOptions
from .refresh import RefreshStrategy
from .session_guard import SessionGuard
from .sessions import Grant, Sessions
from .strategy import ConnectionEvent, Strategy
from .tokens import Tokens


class AuthenticationService:
    """``create`` logs in and ``remove`` logs out; there is nothing to find, and no event is published.

    Both answer ``{"accessToken", "authentication": {"strategy", "payload", ...}, "user"}`` with the
    user as clients may see it, and ``create`` a ``"refreshToken"`` where the options ask for sessions.
    Without sessions a token is not revoked by ``remove``: it runs out.
    """

    def __init__(
        self,
        app: Application,
        options: AuthenticationOptions,
        *,
        passwords: PasswordHasher | None = None,
        call_later: CallLater = call_later,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        self.options = options
        self.tokens = Tokens(options.tokens)
        self.passwords = passwords or PasswordHasher(options.passwords)
        self.entities = Entities(app, options.service, options.entity_id, options.accepts)
        self.lockout = Lockout(app, options.lockout)
        self.logins = Logins(
            lambda connection: app.emit("disconnect", connection), call_later=call_later, now=now
        )
        self.watch = EntityWatch(app, self.entities, self.logins, options.entity)
        self.sessions: Sessions | None = None
        self.strategies: dict[str, Strategy] = {}
        self.local = LocalStrategy(options.local)
        self.register("jwt", JwtStrategy(options.jwt))
        self.register("local", self.local)
        if options.sessions is not None:
            self.sessions = Sessions(app, options.sessions, options.tokens, on_end=self._close, now=now)
            self.register("refresh", RefreshStrategy())

    def register(self, name: str, strategy: Strategy) -> None:
        strategy.attach(name, self)
        self.strategies[name] = strategy

    async def setup(self, app: Application, path: str) -> None:
        """Raises LookupError where the options name a service or a strategy that does not exist."""
        _ = self.entities.service
        if self.sessions is not None:
            await self.sessions.setup()
        for name in (*self.options.auth_strategies, *(self.options.parse_strategies or ())):
            if name not in self.strategies:
                raise LookupError(f"Can not find the authentication strategy '{name}'")

    async def create(self, data: Any, params: Params) -> dict[str, Any]:
        """Log in with ``{"strategy": name, ...}``. Raises NotAuthenticated, TooManyRequests if locked out.

        Own code may name the strategies that it allows in ``params.auth_strategies``. The entity as
        stored is put into ``params``, for the hooks and listeners that follow.
        """
        strategies: tuple[str, ...] = params.get("auth_strategies") or self.options.auth_strategies
        if not strategies:
            raise NotAuthenticated(
                "No authentication strategies allowed for creating a JWT (`authStrategies`)"
            )
        started = time.monotonic()
        also = () if self.sessions is None else ("refresh",)
        result = await self.authenticate(data, params, *strategies, *also)
        user: dict[str, Any] = result[self.options.entity]
        if not result.get("accessToken"):
            result = await self._with_tokens(result, params, started)
        params[self.options.entity] = user
        return await self._visible(result)

    async def remove(self, id: str | None, params: Params) -> dict[str, Any]:
        """Log out; everywhere with the query ``{"everywhere": true}``, where sessions are kept.

        Raises NotAuthenticated for who is not logged in, and for another token's id.
        """
        authentication = params.authentication
        if id is not None and id != (authentication or {}).get("accessToken"):
            raise NotAuthenticated("Invalid access token")
        result = await self.authenticate(authentication, params, *self.options.auth_strategies)
        answer = await self._visible(result)
        payload = result["authentication"].get("payload", {})
        if self.sessions is not None:
            if params.query.get("everywhere") in (True, "true"):
                await self.sessions.end_all(payload["sub"], sparing=params.connection)
            elif "sid" in payload:
                await self.sessions.end(payload["sid"], sparing=params.connection)
        return answer

    async def authenticate(self, data: object, params: Params, *strategies: str) -> dict[str, Any]:
        """Check ``data`` by its strategy, if that is one of ``strategies``; the entity comes as stored.

        Raises NotAuthenticated.
        """
        name = data.get("strategy") if is_mapping(data) else None
        if not is_mapping(data) or not name:
            raise NotAuthenticated("Invalid authentication information (no `strategy` set)")
        if not isinstance(name, str) or name not in strategies:
            raise NotAuthenticated(
                "Invalid authentication information (strategy not allowed in authStrategies)"
            )
        strategy = self.strategies.get(name)
        if strategy is None:
            raise NotAuthenticated("Invalid authentication information")
        return await strategy.authenticate(data, params)

    def parse(self, headers: Mapping[str, str]) -> dict[str, Any] | None:
        """The authentication in request headers (by lower-cased name), not verified; None without one."""
        allowed = self.options.parse_strategies
        for name in self.options.auth_strategies if allowed is None else allowed:
            parsed = self.strategies[name].parse(headers)
            if parsed is not None:
                return parsed
        return None

    async def get_payload(self, result: Mapping[str, Any], params: Params) -> dict[str, Any]:
        """What a new token says besides its standard claims: ``params.payload``. To be overridden."""
        return dict(params.get("payload") or {})

    def check_session(self, payload: Mapping[str, Any]) -> None:
        """Raises NotAuthenticated for an access token whose session has ended."""
        if self.sessions is not None:
            self.sessions.check(payload)

    async def create_access_token(self, payload: Mapping[str, Any], user: Mapping[str, Any]) -> str:
        return self.tokens.issue(self.entities.id_of(user), payload)

    def handle_connection(
        self, event: ConnectionEvent, connection: Connection, result: Mapping[str, Any] | None = None
    ) -> None:
        for strategy in self.strategies.values():
            strategy.handle_connection(event, connection, result)

    async def around_create(self, context: HookContext, next: Next) -> None:
        """After all other hooks: bind the connection to the user and tell listeners of the login."""
        context.event = None
        params = context.params
        if params.provider is None:
            await next()
            return
        connection = params.connection
        if connection is not None:
            await self._log_in(connection, context, next)
            if self.logins.user_of(connection) is None:
                return
        else:
            await next()
        await self.app.emit_async("login", context.result, params, context)

    async def around_remove(self, context: HookContext, next: Next) -> None:
        context.event = None
        await next()
        params = context.params
        if params.provider is None:
            return
        if (connection := params.connection) is not None:
            self.handle_connection("logout", connection, context.result)
            self.app.leave_channels(connection)
        await self.app.emit_async("logout", context.result, params, context)

    async def _log_in(self, connection: Connection, context: HookContext, next: Next) -> None:
        changes = self.watch.changes
        self.logins.begin_login(connection)
        try:
            await next()
            user_id: str = context.result["authentication"]["payload"]["sub"]
            user = await self._stored(user_id, context.params)
        finally:
            present = self.logins.end_login(connection)
        if not present:
            return
        self.check_session(context.result["authentication"]["payload"])
        self._check_room(connection, user_id)
        if self.logins.user_of(connection) not in {None, user_id}:
            # Somebody else now: what the one before could hear is not for the one who comes.
            self.app.leave_channels(connection)
        self.handle_connection("login", connection, {**context.result, self.options.entity: user})
        if changes != self.watch.changes:
            await self.watch.refresh(user_id)

    def _check_room(self, connection: Connection, user_id: str) -> None:
        most, known = self.options.max_connections, self.logins.of_user(user_id)
        if most and len(known) >= most and connection not in known:
            raise TooManyRequests("Too many connections of this user are open", {"limit": most})

    async def _with_tokens(self, result: dict[str, Any], params: Params, started: float) -> dict[str, Any]:
        user = result[self.options.entity]
        payload = await self.get_payload(result, params)
        grant: Grant | None = result.pop("grant", None)
        if self.sessions is not None:
            grant = grant or await self.sessions.begin(self.entities.id_of(user), checked_at=started)
            payload = {**payload, "sid": grant.session_id}
            result["refreshToken"] = grant.refresh_token
        token = await self.create_access_token(payload, user)
        authentication = {**result["authentication"], "payload": self.tokens.verify(token)}
        return {"accessToken": token, **result, "authentication": authentication}

    def _close(self, user_id: str, session_id: str, *, sparing: Connection | None) -> None:
        for connection in self.logins.of_session(user_id, session_id):
            if connection is not sparing:
                self.app.emit("disconnect", connection)

    async def _stored(self, user_id: str, params: Params) -> dict[str, Any]:
        """Whom ``create`` has put into params; loaded where a hook gave the result instead."""
        user: dict[str, Any] | None = params.get(self.options.entity)
        if user is None or self.entities.id_of(user) != user_id:
            user = await self.entities.load(user_id)
        if user is None:
            raise NotAuthenticated(f"Could not find the {self.options.entity}")
        return user

    async def _visible(self, result: dict[str, Any]) -> dict[str, Any]:
        name = self.options.entity
        try:
            seen = await self.entities.visible(result[name], name)
        except NotFound as error:
            raise NotAuthenticated(f"Could not find the {name}") from error
        hidden = frozenset[str]().union(*(strategy.secret_fields for strategy in self.strategies.values()))
        if is_mapping(seen):
            seen = {key: value for key, value in seen.items() if key not in hidden}
        return {**result, name: seen}


Build = Callable[[Application, AuthenticationOptions], AuthenticationService]


def authentication(options: AuthenticationOptions, build: Build = AuthenticationService) -> Configure:
    """Register the authentication service; ``build`` makes it (a class of your own, or its constructor)."""

    def configure(app: Application) -> None:
        service = build(app, options)
        app.use(options.path, service, methods=("create", "remove"), public=True, tenant=False)
        registered = app.service(options.path)
        registered.hooks({"around": {"create": [service.around_create], "remove": [service.around_remove]}})
        app.set("default_authentication", registered.path)
        app.on("disconnect", partial(service.handle_connection, "disconnect"))
        service.watch.attach()
        Elsewhere(app, service).attach()
        if service.sessions is not None:
            field = options.local.password_field
            SessionGuard(service.entities, service.sessions, field).attach()

    return configure


def authentication_of(app: Application) -> AuthenticationService | None:
    """The application's authentication, where it is configured."""
    service = app.default_authentication()
    wrapped = None if service is None else service.wrapped
    return wrapped if isinstance(wrapped, AuthenticationService) else None
