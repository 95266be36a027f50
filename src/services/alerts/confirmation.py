"""The tokens by which a sender confirms an alert: short-lived, and good for this alert alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ...core.authentication.tokens import TokenOptions, Tokens
from ...core.encoding import encode
from ...core.errors import NotAuthenticated
from ...core.schema import invalid

BOUND: Final = ("conversationId", "scope", "content", "reason", "overridesMute")
"""What a token is about, besides its sender."""


class Confirmations:
    """``options`` are the settings of the authentication, which has the key that signs."""

    def __init__(self, options: Mapping[str, Any], minutes: int) -> None:
        self._tokens = Tokens(
            TokenOptions(
                secret=options["secret"].get_secret_value(),
                audience=options["audience"],
                issuer=options["issuer"],
                type="alert",
                expires_in=minutes * 60,
            )
        )

    def ask(self, alert: Mapping[str, Any]) -> dict[str, Any]:
        """``{confirmToken, expiresAt}``."""
        token = self.issue(alert)
        expires_at = datetime.fromtimestamp(self._tokens.verify(token)["exp"], UTC)
        return {"confirmToken": token, "expiresAt": expires_at}

    def issue(self, alert: Mapping[str, Any]) -> str:
        return self._tokens.issue(str(alert["senderId"]), {"alert": _digest(alert)})

    def confirmed(self, alert: Mapping[str, Any], token: str) -> str:
        """The id of the confirmation. Raises BadRequest for a token of another alert, sender or time."""
        try:
            claims = self._tokens.verify(token)
        except NotAuthenticated as error:
            expired = error.message == "jwt expired"
            raise invalid("confirmToken", "is expired" if expired else "is not a token of an alert") from None
        if claims["sub"] != str(alert["senderId"]) or claims["alert"] != _digest(alert):
            raise invalid("confirmToken", "is for another alert")
        confirmation_id: str = claims["jti"]
        return confirmation_id


def _digest(alert: Mapping[str, Any]) -> str:
    return hashlib.sha256(encode([alert[name] for name in BOUND])).hexdigest()
