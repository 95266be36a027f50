"""The redirects of an OAuth login, from the page to the provider and back."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from .application import Application, Configure
from .authentication import AuthenticationService, authentication_of
from .authentication.oauth import Attempt, Attempts, OauthOptions, OauthStrategy, ProviderClient
from .authentication.oauth.attempt import LIFETIME
from .authentication.oauth.redirects import stays_inside
from .context import Params
from .errors import FeathersError, NotAuthenticated, NotFound
from .routing import strip_path
from .transports.calls import public_error
from .transports.responses import JSON, error_response
from .transports.web import web

COOKIE: Final = "feathers.oauth"
HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

BuildStrategy = Callable[[OauthOptions], OauthStrategy]


def oauth(options: OauthOptions, strategies: Mapping[str, BuildStrategy] | None = None) -> Configure:
    """Log in at other providers, by ``GET /oauth/<provider>``; after ``authentication``.

    The query may have ``redirect``, the path to end at, and ``feathers_token``, the access token of who
    links an account. The end is the path with ``#access_token=…`` or ``#error=…``. ``strategies`` are
    classes of your own by the provider's name, OauthStrategy otherwise.

    Raises LookupError without authentication, ValueError for a name that is another strategy's.
    """

    def configure(app: Application) -> None:
        authentication = authentication_of(app)
        if authentication is None:
            raise LookupError("oauth needs a configured authentication")
        own = strategies or {}
        if taken := (options.providers.keys() & authentication.strategies) | (own.keys() - options.providers):
            raise ValueError(f"no provider can have the name: {', '.join(sorted(taken))}")
        for name in options.providers:
            authentication.register(name, own.get(name, OauthStrategy)(options))
        logins = OauthLogins(authentication, options)
        path = f"/{strip_path(options.path)}/{{provider}}"
        web(app).routes += [Route(path, logins.start), Route(f"{path}/callback", logins.finish)]

    return configure


class OauthLogins:
    def __init__(self, authentication: AuthenticationService, options: OauthOptions) -> None:
        self._authentication = authentication
        self._options = options
        self._path = strip_path(options.path)
        self._attempts = Attempts(authentication.options.tokens)
        self._clients = {name: ProviderClient(one) for name, one in options.providers.items()}

    async def start(self, request: Request) -> Response:
        """To the provider; an error's JSON where a login may not begin like this."""
        try:
            strategy = self._strategy(request)
            attempt = await self._begin(strategy, request)
            cookie = self._attempts.write(attempt)
        except Exception as error:  # noqa: BLE001 - every failure becomes a response
            return _refused(error)
        callback = self._callback(request, strategy.name)
        location = self._clients[strategy.name].authorize_url(attempt, callback)
        response = RedirectResponse(location, 303, HEADERS)
        # Lax: the way back from the provider is a navigation, with which the cookie must come.
        response.set_cookie(COOKIE, cookie, max_age=LIFETIME, httponly=True, **self._scope(request))
        return response

    async def finish(self, request: Request) -> Response:
        """Back to the page, with a token or an error."""
        try:
            strategy = self._strategy(request)
            attempt = self._attempts.read(request.cookies.get(COOKIE), strategy.name)
            params = Params(origin=self._options.redirect, redirect="")
            if attempt is not None:
                params.update(origin=attempt.origin, redirect=attempt.redirect)
            outcome: Mapping[str, Any] | FeathersError
            try:
                outcome = await self._log_in(strategy.name, attempt, request, params)
            except Exception as error:  # noqa: BLE001 - who waits at the page is told
                outcome = public_error(error)
            response: Response = RedirectResponse(await strategy.get_redirect(outcome, params), 303, HEADERS)
        except Exception as error:  # noqa: BLE001 - every failure becomes a response
            response = _refused(error)
        response.delete_cookie(COOKIE, httponly=True, **self._scope(request))
        return response

    async def _begin(self, strategy: OauthStrategy, request: Request) -> Attempt:
        redirect = request.query_params.get("redirect", "")
        if not stays_inside(redirect):
            raise NotAuthenticated("Invalid redirect path.")
        return Attempt(
            provider=strategy.name,
            origin=await strategy.get_allowed_origin(Params(headers=dict(request.headers))),
            redirect=redirect,
            link=request.query_params.get("feathers_token", ""),
        )

    async def _log_in(
        self, name: str, attempt: Attempt | None, request: Request, params: Params
    ) -> Mapping[str, Any]:
        query = request.query_params
        state = query.get("state", "")
        if attempt is None or not hmac.compare_digest(state.encode(), attempt.state.encode()):
            raise NotAuthenticated("The login did not begin in this browser, or took too long")
        client, callback = self._clients[name], self._callback(request, name)
        tokens = await client.tokens(client.code(query), attempt, callback)
        profile = await client.profile(tokens, attempt)
        params = Params(params, auth_strategies=(name,))
        if attempt.link:
            params["authentication"] = {"strategy": "jwt", "accessToken": attempt.link}
        service = self._authentication.app.service(self._authentication.options.path)
        result: Mapping[str, Any] = await service.create(
            {**tokens, "profile": profile, "strategy": name}, params
        )
        return result

    def _strategy(self, request: Request) -> OauthStrategy:
        name: str = request.path_params["provider"]
        strategy = self._authentication.strategies.get(name)
        if name not in self._clients or not isinstance(strategy, OauthStrategy):
            raise NotFound(f"There is no provider '{name}'")
        return strategy

    def _callback(self, request: Request, name: str) -> str:
        return f"{self._own_url(request)}/{self._path}/{name}/callback"

    def _scope(self, request: Request) -> dict[str, Any]:
        """To whom the cookie goes."""
        own = urlsplit(self._own_url(request))
        return {
            "path": f"{own.path}/{self._path}",
            "secure": own.scheme == "https",
            "samesite": "lax",
        }

    def _own_url(self, request: Request) -> str:
        return (self._options.own_url or str(request.base_url)).rstrip("/")


def _refused(error: Exception) -> Response:
    status, headers, body = error_response(error)
    shown = {name.decode(): value.decode() for name, value in (*headers, JSON)}
    return Response(body, status, {**HEADERS, **shown})
