"""A provider of OAuth 2 and of OpenID Connect, as strict as a real one, whose people agree to everything."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from stonechat.core.application import Application
from stonechat.core.authentication import OauthProvider
from stonechat.core.testing import serving
from stonechat.core.transports.web import web

KEY: Final = "the-school"
SECRET: Final = "known to both"


@dataclass
class Provider:
    """``profile`` is of who is logged in there; ``refusal`` an error code, with which all are sent back."""

    url: str = ""
    profile: dict[str, Any] = field(default_factory=lambda: {"id": 7, "login": "ada"})
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "ada-1"})
    refusal: str | None = None
    answers: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    _codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    _key: Any = field(default_factory=lambda: generate_private_key(SECP256R1()))

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncGenerator[Self]:
        provider, app = cls(), Application()
        web(app).routes += [
            Route("/authorize", provider.authorize),
            Route("/token", provider.give_token, methods=["POST"]),
            Route("/me", provider.tell_profile),
            Route("/keys", provider.tell_keys),
            Route("/moved", RedirectResponse("/me")),
        ]
        async with serving(app) as provider.url:
            yield provider

    def options(self, **changes: Any) -> OauthProvider:
        urls = {
            "authorize": f"{self.url}/authorize",
            "access": f"{self.url}/token",
            "profile": f"{self.url}/me",
        }
        known = {f"{name}_url": url for name, url in urls.items()}
        options: dict[str, Any] = {"key": KEY, "secret": SECRET, **known, **changes}
        return OauthProvider(**options)

    def oidc_options(self, **changes: Any) -> OauthProvider:
        oidc = {"issuer": self.url, "keys_url": f"{self.url}/keys", "algorithms": ("ES256",)}
        return self.options(**{"profile_url": None, **oidc, **changes})

    async def authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.asked.append(query)
        answer = {"state": query["state"], "iss": self.url}
        if self.refusal is not None:
            return RedirectResponse(
                f"{query['redirect_uri']}?{urlencode({**answer, 'error': self.refusal})}", 303
            )
        code = token_urlsafe()
        self._codes[code] = query
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({**answer, 'code': code})}", 303)

    async def give_token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if (form["client_id"], form["client_secret"]) != (KEY, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form["code"], None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"] or not _proven(form, asked):
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": "a token", "token_type": "bearer"}
        if "openid" in asked.get("scope", ""):
            now = int(time.time())
            claims = {"iss": self.url, "aud": KEY, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
            token = jwt.encode({**claims, **self.claims}, self._key, "ES256", headers={"kid": "only"})
            answer["id_token"] = token
        return JSONResponse({**answer, **self.answers})

    def identity_token(self, **claims: Any) -> str:
        """As an application gets it that asks the provider itself."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": KEY, "sub": "ada-1", "iat": now, "exp": now + 60}
        return jwt.encode({**usual, **claims}, self._key, "ES256", headers={"kid": "only"})

    async def tell_profile(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer a token":
            return JSONResponse({}, 401)
        return JSONResponse(self.profile)

    async def tell_keys(self, _: Request) -> Response:
        key = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return JSONResponse({"keys": [{**key, "kid": "only", "alg": "ES256", "use": "sig"}]})


def _proven(form: dict[str, str], asked: dict[str, str]) -> bool:
    challenge = asked.get("code_challenge")
    if challenge is None:
        return "code_verifier" not in form
    digest = sha256(form.get("code_verifier", "").encode()).digest()
    return asked["code_challenge_method"] == "S256" and challenge == urlsafe_b64encode(
        digest
    ).decode().rstrip("=")
