"""What each user wants to be disturbed by; everybody sees and changes the own preferences, as ``me``."""

from __future__ import annotations

from ...core.application import Application
from .hooks import HOOKS
from .schema import NotificationPreferenceResult
from .service import NotificationPreferencesService

PATH = "notification-preferences"
METHODS = ("get", "patch")


def configure(app: Application) -> None:
    app.use(
        PATH,
        NotificationPreferencesService(paginate=app.get("pagination")),
        methods=METHODS,
        schemas={"result": NotificationPreferenceResult()},
        description=__doc__,
        tenant=True,
    )
    app.service(PATH).hooks(HOOKS)
