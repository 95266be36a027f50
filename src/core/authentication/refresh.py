"""Logging in with a refresh token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..context import Params
from ..errors import NotAuthenticated
from .sessions import Grant
from .strategy import Strategy


class RefreshStrategy(Strategy):
    """Takes ``{"strategy": "refresh", "refreshToken"}`` while the session lasts and its user exists.

    Its result has the session's new ``grant``, which ``create`` turns into a pair of tokens.
    """

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        sessions = self.authentication.sessions
        token = data.get("refreshToken")
        if sessions is None or not token:
            raise NotAuthenticated("No refresh token")
        claims = sessions.verify(token)
        entity_name = self.authentication.options.entity
        entity = await self.authentication.entities.load(claims["sub"])
        if entity is None:
            raise NotAuthenticated(f"The {entity_name} of this token does not exist any more")
        grant: Grant = await sessions.renew(str(token), claims)
        return {"authentication": {"strategy": self.name}, entity_name: entity, "grant": grant}
