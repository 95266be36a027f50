"""What the application itself says to a provider, and what the browser is to say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request

import structlog

from ...errors import NotAuthenticated, Unavailable
from ...shapes import is_mapping
from ..fetching import read_json
from ..oidc import OidcOptions, OidcStrategy
from .attempt import Attempt
from .options import OauthProvider

ERROR_CODE: Final = re.compile(r"\w{1,64}", re.ASCII)

logger = structlog.stdlib.get_logger(__name__)

Answer = Mapping[str, Any]


class ProviderClient:
    def __init__(self, provider: OauthProvider) -> None:
        self._provider = provider
        self._identity: OidcStrategy | None = None
        if provider.issuer is not None and provider.keys_url is not None:
            options = OidcOptions(
                issuer=provider.issuer,
                audience=provider.key,
                keys_url=provider.keys_url,
                algorithms=provider.algorithms,
                nonce=True,
                timeout=provider.timeout,
            )
            self._identity = OidcStrategy(options)

    def authorize_url(self, attempt: Attempt, callback: str) -> str:
        """Where the browser is to go; the provider sends it on to ``callback``."""
        provider = self._provider
        scope = list(provider.scope)
        if self._identity is not None and "openid" not in scope:
            scope.insert(0, "openid")
        query = {
            **provider.custom_params,
            "response_type": "code",
            "client_id": provider.key,
            "redirect_uri": callback,
            "state": attempt.state,
        }
        if scope:
            query["scope"] = " ".join(scope)
        if provider.pkce:
            query |= {"code_challenge": attempt.challenge, "code_challenge_method": "S256"}
        if self._identity is not None:
            query["nonce"] = attempt.nonce
        separator = "&" if urlsplit(provider.authorize_url).query else "?"
        return provider.authorize_url + separator + urlencode(query)

    def code(self, answer: Mapping[str, str]) -> str:
        """What the provider sent along with the browser. Raises NotAuthenticated for a refusal.

        ``iss``, where it is sent, is who answers: RFC 9207.
        """
        issuer = self._provider.issuer
        issuers = (issuer,) if isinstance(issuer, str) else issuer
        code = answer.get("code")
        if not code or (issuers is not None and answer.get("iss", issuers[0]) not in issuers):
            raise refusal(answer.get("error"))
        return code

    async def tokens(self, code: str, attempt: Attempt, callback: str) -> Answer:
        """What the provider gives for a code: RFC 6749, section 5.1.

        Raises NotAuthenticated where it refuses, Unavailable where it does not answer.
        """
        provider = self._provider
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "client_id": provider.key,
            "client_secret": provider.secret,
        }
        if provider.pkce:
            form["code_verifier"] = attempt.verifier
        answer = await self._read(provider.access_url, {}, urlencode(form).encode())
        if "error" in answer:  # some providers refuse with the status 200
            raise refusal(answer["error"])
        return answer

    async def profile(self, tokens: Answer, attempt: Attempt) -> Answer:
        """Who has logged in. Raises as ``tokens`` does."""
        if self._identity is not None:
            return await self._identity.verify(tokens.get("id_token"), attempt.nonce)
        token: object = tokens.get("access_token")
        if self._provider.profile_url is None or not isinstance(token, str) or not token.isprintable():
            raise refusal(None)
        return await self._read(self._provider.profile_url, {"Authorization": f"Bearer {token}"})

    async def _read(self, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        sent = {"Accept": "application/json", "User-Agent": "stonechat", **headers}
        request = Request(url, body, sent)  # noqa: S310 - see OauthProvider
        try:
            answer: object = await asyncio.to_thread(read_json, request, self._provider.timeout)
            if not is_mapping(answer):
                raise ValueError("the answer is not an object")  # noqa: TRY301
        except HTTPError as error:
            error.close()
            logger.warning("a provider refuses", url=url, status=error.code)
            if 400 <= error.code < 500:
                raise refusal(None) from error
            raise Unavailable("The provider does not answer") from error
        except (OSError, ValueError, HTTPException) as error:
            logger.warning("a provider does not answer", url=url, reason=repr(error))
            raise Unavailable("The provider does not answer") from error
        return answer


def refusal(code: object) -> NotAuthenticated:
    """``code`` is the provider's, which is told if it looks like one."""
    known = isinstance(code, str) and ERROR_CODE.fullmatch(code)
    return NotAuthenticated(f"The provider refused the login{f': {code}' if known else ''}")
