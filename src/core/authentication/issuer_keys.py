"""The public keys of an issuer of identity tokens, fetched from its JWKS address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any
from urllib.request import Request

import jwt
import structlog

from ..errors import Unavailable
from ..shapes import is_list, is_mapping
from .fetching import check_https, read_json

logger = structlog.stdlib.get_logger(__name__)


class IssuerKeys:
    """Keys by their id, kept for ``lifetime`` seconds.

    An unknown id has them fetched anew, as issuers change their keys, but once in ``pause`` seconds
    at most: made-up ids must not turn this server against the issuer. Raises ValueError for an address
    that is not ``https``, except one of this machine.
    """

    def __init__(
        self,
        url: str,
        *,
        lifetime: float = 3600.0,
        pause: float = 30.0,
        timeout: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = check_https(url)
        self._lifetime = lifetime
        self._pause = pause
        self._timeout = timeout
        self._monotonic = monotonic
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self._turn = asyncio.Lock()

    async def key(self, id: str, algorithms: Sequence[str]) -> jwt.PyJWK | None:
        """None where the issuer has no such key, or only one for another algorithm or use.

        Raises Unavailable where the issuer does not answer with keys.
        """
        if not self._is_fresh(self._lifetime) or id not in self._keys:
            async with self._turn:
                if not self._is_fresh(self._pause if id not in self._keys else self._lifetime):
                    await self._fetch()
        key = self._keys.get(id)
        return key if key is not None and key.algorithm_name in algorithms else None

    def _is_fresh(self, seconds: float) -> bool:
        return self._fetched_at is not None and self._monotonic() - self._fetched_at < seconds

    async def _fetch(self) -> None:
        now = self._monotonic()
        if self._failed_at is not None and now - self._failed_at < self._timeout:
            raise Unavailable("The issuer of the token does not answer")
        try:
            request = Request(self._url, headers={"Accept": "application/json"})  # noqa: S310 - see __init__
            self._keys = _usable(await asyncio.to_thread(read_json, request, self._timeout))
        except (OSError, ValueError, HTTPException) as error:
            # Whoever waited in line must not wait for the same silence once more.
            self._failed_at = self._monotonic()
            logger.warning("the keys of an issuer could not be fetched", url=self._url, reason=repr(error))
            raise Unavailable("The issuer of the token does not answer") from error
        self._fetched_at, self._failed_at = self._monotonic(), None


def _usable(document: Any) -> dict[str, jwt.PyJWK]:
    """The keys for signatures, by id. Raises ValueError where there is none at all."""
    keys: dict[str, jwt.PyJWK] = {}
    listed: Any = document.get("keys") if is_mapping(document) else None
    for entry in listed if is_list(listed) else []:
        try:
            key = jwt.PyJWK.from_dict(entry)
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
            continue
        if key.key_id and key.public_key_use in {None, "sig"}:
            keys[key.key_id] = key
    if not keys:
        raise ValueError("the answer has no keys")
    return keys
