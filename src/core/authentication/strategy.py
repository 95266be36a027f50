"""What a way of logging in is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..context import Connection, Params

if TYPE_CHECKING:
    from .service import AuthenticationService

ConnectionEvent = Literal["login", "logout", "disconnect"]


class Strategy:
    """A way of logging in, registered at the authentication service under a name."""

    name: str
    authentication: AuthenticationService
    secret_fields: frozenset[str] = frozenset()
    """Fields of the entity that no client may see, whatever its service's hooks do."""

    def attach(self, name: str, authentication: AuthenticationService) -> None:
        self.name = name
        self.authentication = authentication

    async def authenticate(self, data: Mapping[str, Any], params: Params) -> dict[str, Any]:
        """Check what a client (``data["strategy"]`` is this one) or its headers gave.

        Returns ``{"authentication": {"strategy", ...}, "user": entity as stored}``, with an
        ``accessToken`` where there is one already. Raises NotAuthenticated.
        """
        raise NotImplementedError

    def parse(self, headers: Mapping[str, str]) -> dict[str, Any] | None:
        """What request headers hold for this strategy, not verified; None if nothing."""
        return None

    def handle_connection(
        self, event: ConnectionEvent, connection: Connection, result: Mapping[str, Any] | None = None
    ) -> None:
        """Keep a live connection in step; ``result`` is that of the login or logout, its entity as stored."""
