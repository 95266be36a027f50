"""Retention: messages that are older than a school wants to keep them are taken out, every night."""

from __future__ import annotations

from ...core.application import Application
from ...core.background import Background
from .nightly import LOOKS_EVERY, Retention


def configure(app: Application) -> None:
    nightly = Retention(app, app.settings["retention"]["hour"])
    Background(app, "retention", nightly.run, every=LOOKS_EVERY).attach()
