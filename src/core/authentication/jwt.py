"""Logging in with an access token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..context import Connection, Params
from ..errors import NotAuthenticated
from .strategy import ConnectionEvent, Strategy

SCHEME_AND_TOKEN: Final = re.compile(r"\s*(\S+)\s+(\S+)")


@dataclass(frozen=True, slots=True)
class JwtOptions:
    """The header that carries a token, and the schemes that may stand before it, in any case."""

    header: str = "Authorization"
    schemes: tuple[str, ...] = ("Bearer", "JWT")


class JwtStrategy(Strategy):
    """Takes the tokens that the authentication service has issued, while their user exists."""

    def __init__(self, options: JwtOptions | None = None) -> None:
        options = options or JwtOptions()
        self._header = options.header.lower()
        self._schemes = frozenset(scheme.lower() for scheme in options.schemes)

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        token = data.get("accessToken")
        if not token:
            raise NotAuthenticated("No access token")
        payload = self.authentication.tokens.verify(token)
        entity_name = self.authentication.options.entity
        entity = await self.authentication.entities.load(payload["sub"])
        if entity is None:
            raise NotAuthenticated(f"The {entity_name} of this token does not exist any more")
        self.authentication.check_session(payload)
        return {
            "accessToken": token,
            "authentication": {"strategy": self.name, "accessToken": token, "payload": payload},
            entity_name: entity,
        }

    def parse(self, headers: Mapping[str, str]) -> dict[str, Any] | None:
        value = headers.get(self._header)
        if not value:
            return None
        parts = SCHEME_AND_TOKEN.match(value)
        if parts is None:
            return {"strategy": self.name, "accessToken": value.strip()}
        if parts[1].lower() not in self._schemes:
            return None
        return {"strategy": self.name, "accessToken": parts[2]}

    def handle_connection(
        self, event: ConnectionEvent, connection: Connection, result: Mapping[str, Any] | None = None
    ) -> None:
        logins = self.authentication.logins
        entity_name = self.authentication.options.entity
        if event == "disconnect":
            logins.disconnect(connection)
        elif result is None or not (token := result.get("accessToken")):
            return
        elif event == "login":
            payload = result["authentication"]["payload"]
            connection["authentication"] = {"strategy": self.name, "accessToken": token}
            connection[entity_name] = result[entity_name]
            expires_at = payload["exp"] + self.authentication.tokens.options.leeway
            logins.open(connection, payload["sub"], expires_at, payload.get("sid"))
        elif (connection.authentication or {}).get("accessToken") == token:
            del connection["authentication"]
            connection.pop(entity_name, None)
            logins.close(connection)
