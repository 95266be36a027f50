"""Pushes of new messages to the devices of those who are not connected. No client calls it.

Nothing is done of its own accord where no provider is configured.
"""

from __future__ import annotations

from ...core.application import Application
from ...core.push import providers_of
from .looking import LOOK, Looking
from .numbers import Numbers
from .sending import CLEAR, RECEIPTS, SEND, Sending

ATTEMPTS = 8


def configure(app: Application) -> None:
    """Goes after ``devices``."""
    if not providers_of(app):
        return
    options = app.settings["push"]
    looking = Looking(app, delay=options["delay_seconds"], again=options["again_seconds"])
    sending = Sending(app, Numbers(app), contents=options["contents"])
    app.jobs.define(LOOK, looking.look, attempts=ATTEMPTS)
    app.jobs.define(SEND, sending.send, attempts=ATTEMPTS)
    app.jobs.define(CLEAR, sending.clear, attempts=ATTEMPTS)
    app.jobs.define(RECEIPTS, sending.read_receipts, attempts=ATTEMPTS)
    app.on("published", looking.published)
