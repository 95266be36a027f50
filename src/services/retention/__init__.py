"""Retention: messages that are older than a school wants to keep them are taken out, every night."""

from __future__ import annotations

from ...core.application import Application
from ...core.background import Background
from .nightly import KIND, LOOKS_EVERY, Retention


def configure(app: Application) -> None:
    nightly = Retention(app, app.settings["retention"]["hour"])
    app.jobs.define(KIND, nightly.do)
    Background(app, "retention", nightly.look, every=LOOKS_EVERY).attach()
