"""Who is logged in on which device. For the authentication only: no client can call it."""

from __future__ import annotations

from ...core.adapters.beanie import BeanieService
from ...core.application import Application
from ...models import LoginSession

PATH = "sessions"


def configure(app: Application) -> None:
    app.use(PATH, BeanieService(LoginSession), methods=(), tenant=False)
