"""Brings the tokens to those who forgot their password, by mail."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...core.application import Application
from ...core.authentication.records import fingerprint
from ...core.context import Params
from ...core.jobs import GivenUp, Task
from ...core.mail import Mail, Mailer

RESET_MAIL: Final = "password-reset-mail"
TOKEN: Final = "{token}"  # noqa: S105 - where it goes in the address of the page


class ResetMails:
    """``page`` is where a password is set, an address with ``{token}`` in it; without, the token is told.

    What waits to be sent holds the token sealed with a key of the application: of the token itself only its
    hash is kept.
    """

    def __init__(self, app: Application, mailer: Mailer, *, secret: str, page: str | None) -> None:
        self._app = app
        self._mailer = mailer
        self._page = page
        key = HKDF(SHA256(), 32, None, b"stonechat password-reset-mail").derive(secret.encode())
        self._seal = Fernet(urlsafe_b64encode(key))

    async def owe(self, user: Mapping[str, Any], token: str) -> None:
        """Listens to the application's ``password-reset``."""
        payload = {"userId": user["_id"], "token": self._seal.encrypt(token.encode())}
        await self._app.jobs.owe(RESET_MAIL, payload, key=fingerprint(token), school_id=user.get("schoolId"))

    async def send(self, task: Task) -> None:
        """``{userId, token}``; nothing is sent for a token that is used or too old."""
        token = self._seal.decrypt(task.payload["token"]).decode()
        users = await self._find("users", _id=task.payload["userId"])
        resets = await self._find("password-resets", tokenHash=fingerprint(token))
        if not users or not resets:
            return
        text = wording(users[0]["name"], token, self._page)
        key = f"password reset {fingerprint(token)}"
        subject = "Set a new password"
        if not await self._mailer.send(Mail(to=users[0]["email"], subject=subject, text=text, key=key)):
            raise GivenUp("the mail was refused")

    async def _find(self, path: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._app.service(path).find(Params(query=query, paginate=False))
        return found


def wording(name: str, token: str, page: str | None) -> str:
    way = f"Use this code to set it: {token}" if page is None else page.replace(TOKEN, token)
    return "\n".join(
        [
            f"Hello {name},",
            "",
            "a new password was asked for, for your account. It can be set once, within half an hour:",
            "",
            way,
            "",
            "If it was not you who asked for it, there is nothing to do: your password stays as it is.",
            "",
        ]
    )
