"""Retention: messages that are older than a school wants to keep them are taken out. For own code only."""

from __future__ import annotations

from ...core.application import Application
from .service import RetentionService

PATH = "retention"


def configure(app: Application) -> None:
    app.use(PATH, RetentionService(app, app.settings["retention"]["hour"]), methods=(), tenant=False)
