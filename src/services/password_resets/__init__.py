"""The tokens of those who forgot their password. For the authentication only: no client can call it."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import PasswordReset

PATH = "password-resets"


def configure(app: Application) -> None:
    app.use(PATH, BeanieService(PasswordReset), methods=(), tenant=False)
