"""Mails about what is unread, to those who were away for long and want them. No client calls it.

There are none where no mail server is configured.
"""

from __future__ import annotations

from ...core.application import Application
from ...core.mail import mailer_of
from .digest import DIGEST, Digest
from .looking import LOOK, Looking


def configure(app: Application) -> None:
    mailer = mailer_of(app)
    if mailer is None:
        return
    looking = Looking(app, minutes=app.settings["mail"]["digest_minutes"])
    app.jobs.define(LOOK, looking.look)
    app.jobs.define(DIGEST, Digest(app, mailer).send, attempts=12)
    app.on("published", looking.published)
