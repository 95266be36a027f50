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
    """The header that carries a token, and the schemes that may stand before it, in any case.

    The user of a call is loaded, or for ``kept`` seconds the one that a live connection knows and that the
    events of the users' service keep in step; what changes past that service is noticed after that time. The
    token of such a connection is not verified again before it runs out.
    """

    header: str = "Authorization"
    schemes: tuple[str, ...] = ("Bearer", "JWT")
    kept: float = 0.0


class JwtStrategy(Strategy):
    """Takes the tokens that the authentication service has issued, while their user exists."""

    def __init__(self, options: JwtOptions | None = None) -> None:
        options = options or JwtOptions()
        self._header = options.header.lower()
        self._kept = options.kept
        self._schemes = frozenset(scheme.lower() for scheme in options.schemes)

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        token = data.get("accessToken")
        if not token:
            raise NotAuthenticated("No access token")
        payload = self._payload(token, params.connection)
        entity_name = self.authentication.options.entity
        entity = await self._entity(payload["sub"], params.connection)
        if entity is None:
            raise NotAuthenticated(f"The {entity_name} of this token does not exist any more")
        self.authentication.check_session(payload)
        return {
            "accessToken": token,
            "authentication": {"strategy": self.name, "accessToken": token, "payload": payload},
            entity_name: entity,
        }

    def _payload(self, token: object, connection: Connection | None) -> dict[str, Any]:
        known = None
        if self._kept and connection is not None:
            known = self.authentication.logins.payload_of(connection, token)
        return known or self.authentication.tokens.verify(token)

    async def _entity(self, id: str, connection: Connection | None) -> dict[str, Any] | None:
        watch = self.authentication.watch
        known = watch.current(connection, id, self._kept) if self._kept else None
        if known is not None:
            return known
        changes = watch.changes
        entity = await self.authentication.entities.load(id)
        if entity is not None and self._kept:
            watch.loaded(connection, entity, changes)
        return entity

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
            logins.verified(connection, token, payload)
        elif (connection.authentication or {}).get("accessToken") == token:
            del connection["authentication"]
            connection.pop(entity_name, None)
            logins.close(connection)
